//! Rows D41–D49 of the fault matrix that only a server has: locks, lost connections,
//! unknown commits, settings that a migration leaves.

use std::process::Stdio;
use std::time::{Duration, Instant};

use portcullis_cluster::Options;

use super::proxy::Proxy;
use super::server;
use crate::conformance::bench::{Bench, Engine};
use crate::support::Ran;

fn bench() -> Bench {
    let bench = Bench::new(Engine::Postgres);
    bench.step(
        "01_item",
        "CREATE TABLE item (id integer PRIMARY KEY, name text);\n\
         CREATE TABLE other (id integer PRIMARY KEY);\n\
         INSERT INTO item VALUES (1, 'a');\n",
        "DROP TABLE other;\nDROP TABLE item;\n",
    );
    bench.gated(&["migrate"]).expect(0);
    bench
}

/// Runs statements of another program in the background.
fn meanwhile(bench: &Bench, sql: &str) -> std::process::Child {
    let mut psql = server::psql(server::shared(), &bench.database);
    let mut child =
        psql.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), sql.as_bytes()).unwrap();
    child
}

/// Waits until a query says `t`.
#[track_caller]
fn until(bench: &Bench, sql: &str) {
    let started = Instant::now();
    while bench.one(sql) != "t" {
        assert!(started.elapsed() < Duration::from_secs(20), "never: {sql}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn start(bench: &Bench) -> std::process::Child {
    let mut gate = bench.gate(&["migrate"]);
    gate.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn end(gate: std::process::Child) -> Ran {
    let ran = Ran::of(&gate.wait_with_output().unwrap());
    ran.is_for_people();
    ran
}

/// Whether the gate is in a statement with this text.
fn is_running(text: &str) -> String {
    format!(
        "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database()
         AND usename = 'migrator' AND state = 'active' AND query LIKE '%{text}%'"
    )
}

#[test]
fn d44_a_lock_that_is_never_to_be_had_leaves_nothing() {
    let bench = bench();
    bench.configure_with("lock-timeout = \"200ms\"\nlock-wait = \"1s\"\n");
    bench.step("02_wide", "ALTER TABLE item ADD COLUMN z integer;\n", "SELECT 1;\n");
    let seen = bench.seen();
    let mut reader = meanwhile(&bench, "BEGIN; SELECT * FROM item; SELECT pg_sleep(60); COMMIT;");
    until(&bench, "SELECT count(*) > 0 FROM pg_locks WHERE relation = 'item'::regclass");
    let ran = bench.gated(&["migrate"]).expect(75);
    assert!(ran.stdout.contains("wait"), "no attempt was repeated: {}", ran.stdout);
    assert!(ran.stderr.contains("lock timeout"), "{}", ran.stderr);
    assert_eq!(bench.receipt()["outcome"]["code"], 75);
    bench.one(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE relation = 'item'::regclass AND pid <> pg_backend_pid()",
    );
    reader.wait().unwrap();
    until(&bench, "SELECT count(*) = 0 FROM pg_locks WHERE relation = 'item'::regclass");
    assert_eq!(bench.seen(), seen);
    bench.gated(&["migrate"]).expect(0);
}

#[test]
fn d44_a_lock_that_is_let_go_is_waited_for_without_queueing_others() {
    let bench = bench();
    bench.configure_with("lock-timeout = \"200ms\"\nlock-wait = \"20s\"\n");
    bench.step("02_wide", "ALTER TABLE item ADD COLUMN z integer;\n", "SELECT 1;\n");
    let mut reader = meanwhile(&bench, "BEGIN; SELECT * FROM item; SELECT pg_sleep(60); COMMIT;");
    until(&bench, "SELECT count(*) > 0 FROM pg_locks WHERE relation = 'item'::regclass");
    let gate = start(&bench);
    until(&bench, &is_running("ADD COLUMN z"));
    // Whoever comes meanwhile waits for one attempt at most.
    let started = Instant::now();
    bench.one("SELECT count(*) FROM item");
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    bench.one("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND datname = current_database() AND pid <> pg_backend_pid()");
    let ran = end(gate).expect(0);
    assert!(ran.stdout.contains("lock timeout"), "{}", ran.stdout);
    reader.wait().unwrap();
}

#[test]
fn d45_a_deadlock_is_rolled_back_and_tried_again() {
    let bench = bench();
    bench.configure_with("lock-timeout = \"20s\"\nlock-wait = \"30s\"\n");
    let up = "LOCK TABLE item;\nSELECT pg_sleep(1.5);\nLOCK TABLE other;\nALTER TABLE other ADD COLUMN z integer;\n";
    bench.step("02_locks", up, "SELECT 1;\n");
    let gate = start(&bench);
    until(&bench, &is_running("pg_sleep"));
    // Its own detection comes too late, so that the gate is the one that is ended.
    let mut other = meanwhile(
        &bench,
        "SET deadlock_timeout = '60s'; BEGIN; LOCK TABLE other; LOCK TABLE item; COMMIT;",
    );
    let ran = end(gate).expect(0);
    assert!(ran.stdout.contains("deadlock detected"), "{}", ran.stdout);
    other.wait().unwrap();
    assert_eq!(bench.versions(), ["01", "02"]);
}

#[test]
fn d46_a_backend_that_is_ended_mid_statement_has_done_nothing() {
    let bench = bench();
    bench.step(
        "02_slow",
        "INSERT INTO item VALUES (2, 'b');\nSELECT pg_sleep(30);\n",
        "SELECT 1;\n",
    );
    let seen = bench.seen();
    let gate = start(&bench);
    until(&bench, &is_running("pg_sleep"));
    bench.one("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'migrator' AND datname = current_database()");
    let ran = end(gate).expect(3);
    assert!(ran.stderr.contains("as it was before (rolled back)"), "{}", ran.stderr);
    assert_eq!(bench.seen(), seen);
    assert_eq!(bench.receipt()["outcome"]["code"], 3);
}

/// A trigger that makes a commit take long, where it can be seen from outside.
fn slow_commit(bench: &Bench) {
    bench.one(
        "CREATE FUNCTION slow_commit() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN PERFORM pg_advisory_xact_lock(4242); PERFORM pg_sleep(2); RETURN NULL; END';
         CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT OR UPDATE ON __portcullis_head
             DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow_commit();
         GRANT EXECUTE ON FUNCTION slow_commit() TO PUBLIC",
    );
}

const IS_COMMITTING: &str =
    "SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND objid = 4242
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

/// A bench whose gate connects through a proxy.
fn through_proxy() -> (Bench, Proxy) {
    let bench = bench();
    slow_commit(&bench);
    bench.gated(&["migrate", "--enrol"]).expect(0);
    let proxy = Proxy::to(server::shared().port());
    let file = bench.path().join("portcullis.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let (direct, through) = (server::shared().port().to_string(), proxy.port().to_string());
    std::fs::write(file, text.replace(&format!(":{direct}/"), &format!(":{through}/"))).unwrap();
    bench.step(
        "02_more",
        "INSERT INTO item VALUES (2, 'b');\n",
        "DELETE FROM item WHERE id = 2;\n",
    );
    (bench, proxy)
}

#[test]
fn d47_a_commit_whose_answer_is_lost_is_found_to_be_done() {
    let (bench, proxy) = through_proxy();
    let gate = start(&bench);
    until(&bench, IS_COMMITTING);
    proxy.hold();
    until(&bench, "SELECT count(*) = 2 FROM item");
    proxy.cut();
    let ran = end(gate).expect(0);
    assert!(ran.stdout.contains("dev is healthy, at version 02"), "{}", ran.stdout);
    assert_eq!(bench.versions(), ["01", "02"]);
    assert_eq!(bench.receipt()["outcome"]["code"], 0);
}

#[test]
fn d47_a_commit_that_was_cut_off_is_found_not_to_be_done() {
    let (bench, proxy) = through_proxy();
    let seen = bench.seen();
    let gate = start(&bench);
    until(&bench, IS_COMMITTING);
    proxy.cut();
    if !bench.notices_death() {
        end(gate).expect(0);
        assert_eq!(bench.versions(), ["01", "02"]);
        return;
    }
    let ran = end(gate).expect(3);
    assert!(ran.stderr.contains("as it was before"), "{}", ran.stderr);
    assert_eq!(bench.seen(), seen);
    assert_eq!(bench.receipt()["outcome"]["code"], 3);
}

#[test]
fn d48_what_a_migration_sets_ends_with_it() {
    let bench = bench();
    bench.one("CREATE SCHEMA aside AUTHORIZATION migrator");
    bench.step(
        "02_sets",
        "SET search_path = aside, public;\nSET lock_timeout = 0;\nSET statement_timeout = 0;\nSET TimeZone = 'Asia/Tokyo';\n",
        "SELECT 1;\n",
    );
    bench.step(
        "03_looks",
        "CREATE TABLE looked AS SELECT current_user AS who, current_setting('search_path') AS path,\n\
         current_setting('lock_timeout') AS lock, current_setting('TimeZone') AS zone;\n",
        "DROP TABLE looked;\n",
    );
    bench.gated(&["migrate", "--enrol"]).expect(0);
    assert_eq!(
        bench.one("SELECT who, path, lock, zone FROM looked"),
        "migrator|\"$user\", public|3s|UTC"
    );
}

#[test]
fn d49_a_migration_that_takes_too_long_is_ended_by_the_server() {
    let bench = bench();
    bench.configure_with("statement-timeout = \"1s\"\n");
    bench.step(
        "02_slow",
        "INSERT INTO item VALUES (2, 'b');\nSELECT pg_sleep(30);\n",
        "SELECT 1;\n",
    );
    let seen = bench.seen();
    let ran = bench.gated(&["migrate"]).expect(3);
    assert!(ran.stderr.contains("raise statement-timeout"), "{}", ran.stderr);
    assert_eq!(bench.seen(), seen);
}

#[test]
fn a_new_value_of_an_enum_can_be_used_by_the_next_migration() {
    let bench = bench();
    bench.step(
        "02_mood",
        "CREATE TYPE mood AS ENUM ('calm');\nALTER TABLE item ADD COLUMN m mood;\n",
        "SELECT 1;\n",
    );
    bench.gated(&["migrate"]).expect(0);
    bench.step("03_value", "ALTER TYPE mood ADD VALUE 'wild';\n", "SELECT 1;\n");
    bench.step("04_use", "UPDATE item SET m = 'wild';\n", "SELECT 1;\n");
    bench.gated(&["migrate"]).expect(0);
    assert_eq!(bench.one("SELECT m FROM item"), "wild");
}

#[test]
fn what_one_migration_defers_is_checked_before_the_next() {
    let bench = bench();
    bench.step(
        "02_deferred",
        "ALTER TABLE other ADD COLUMN item integer REFERENCES item (id) DEFERRABLE INITIALLY DEFERRED;\n",
        "SELECT 1;\n",
    );
    bench.step(
        "03_rows",
        "INSERT INTO other VALUES (1, 7);\nINSERT INTO item VALUES (7, 'x');\n",
        "SELECT 1;\n",
    );
    bench.step("04_alter", "ALTER TABLE other ADD COLUMN z integer;\n", "SELECT 1;\n");
    // Again deferred, as in a transaction of its own.
    bench.step(
        "05_rows",
        "INSERT INTO other VALUES (2, 8);\nINSERT INTO item VALUES (8, 'y');\n",
        "SELECT 1;\n",
    );
    bench.gated(&["migrate"]).expect(0);
    assert_eq!(bench.one("SELECT count(*) FROM other"), "2");
    bench.step("06_dangles", "INSERT INTO other VALUES (3, 8675309);\n", "SELECT 1;\n");
    let ran = bench.gated(&["migrate"]).expect(3);
    assert!(ran.stderr.contains("06_dangles/up.sql"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("8675309"), "a row's value was printed: {}", ran.stderr);
}

#[test]
fn d46_a_server_that_is_gone_leaves_the_run_to_the_next() {
    let bench = Bench::alone(&Options::default());
    bench.step("01_item", "CREATE TABLE item (id integer PRIMARY KEY);\n", "DROP TABLE item;\n");
    bench.gated(&["migrate"]).expect(0);
    bench.step("02_slow", "INSERT INTO item VALUES (2);\nSELECT pg_sleep(30);\n", "SELECT 1;\n");
    let gate = start(&bench);
    until(&bench, &is_running("pg_sleep"));
    let pid = std::fs::read_to_string(bench.cluster().data_directory().join("postmaster.pid"));
    let pid = pid.unwrap().lines().next().unwrap().to_owned();
    std::process::Command::new("kill").args(["-QUIT", &pid]).status().unwrap();
    let ran = end(gate).expect(4);
    assert!(ran.stderr.contains("out of reach"), "{}", ran.stderr);
    assert!(ran.stderr.contains("When the server answers again"), "{}", ran.stderr);
}

#[test]
fn rows_that_truncate_takes_with_a_cascade_are_noticed() {
    let bench = bench();
    bench.step(
        "02_child",
        "CREATE TABLE child (id integer PRIMARY KEY, item integer NOT NULL REFERENCES item (id));\n\
         CREATE INDEX child_item ON child (item);\nINSERT INTO child VALUES (1, 1);\n",
        "DROP TABLE child;\n",
    );
    bench.gated(&["migrate"]).expect(0);
    let seen = bench.seen();
    // Whatever the linter says of the word, the rows are watched.
    let truncate = "DO $$ BEGIN EXECUTE 'TRUN' || 'CATE item CASCADE'; END $$;\n-- cascade\n";
    bench.step("03_truncate", truncate, "SELECT 1;\n");
    let ran = bench.gated(&["migrate"]).expect(3);
    assert!(ran.stderr.contains("had 1 rows and now it has 0"), "{}", ran.stderr);
    assert_eq!(bench.seen(), seen);
}

#[test]
fn rows_of_a_partition_go_by_the_name_of_its_table() {
    let bench = bench();
    bench.step(
        "02_parts",
        "CREATE TABLE part (k integer, v text) PARTITION BY RANGE (k);\n\
         CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (10);\n\
         INSERT INTO part VALUES (1, 'a'), (2, 'b');\n",
        "DROP TABLE part;\n",
    );
    bench.step("03_delete", "DELETE FROM part WHERE k = 1;\n", "SELECT 1;\n");
    bench.gated(&["migrate"]).expect(0);
    assert_eq!(bench.one("SELECT count(*) FROM part"), "1");
}

#[test]
fn a_materialised_view_may_wait_to_be_filled() {
    let bench = bench();
    bench.step(
        "02_view",
        "CREATE MATERIALIZED VIEW names AS SELECT name FROM item WITH NO DATA;\n",
        "DROP MATERIALIZED VIEW names;\n",
    );
    bench.gated(&["migrate"]).expect(0);
    bench.gated(&["drift"]).expect(0);
}

#[test]
fn a_step_that_commits_in_its_middle_is_never_run_again() {
    let bench = bench();
    bench.configure_with("lock-timeout = \"500ms\"\nlock-wait = \"5s\"\n");
    bench.step(
        "02_rows",
        "INSERT INTO item VALUES (2, 'b');\nALTER TABLE item ADD COLUMN n integer NOT NULL DEFAULT 0;\n",
        "SELECT 1;\n",
    );
    bench.gated(&["migrate"]).expect(0);
    bench.step_alone(
        "03_batches",
        "DO $$ BEGIN UPDATE item SET n = n + 1 WHERE id = 1; COMMIT; UPDATE item SET n = n + 1 WHERE id = 2; END $$;\n",
        "SELECT 1;\n",
    );
    let mut other = meanwhile(
        &bench,
        "BEGIN; SELECT * FROM item WHERE id = 2 FOR UPDATE; SELECT pg_sleep(8); COMMIT;",
    );
    until(&bench, "SELECT count(*) > 0 FROM pg_locks WHERE relation = 'item'::regclass");
    let ran = bench.gated(&["migrate"]).expect(4);
    assert!(ran.stderr.contains("restore"), "{}", ran.stderr);
    assert_eq!(bench.one("SELECT n FROM item WHERE id = 1"), "1");
    other.kill().unwrap();
    other.wait().unwrap();
}

#[test]
fn rows_that_a_function_takes_are_noticed() {
    let bench = bench();
    bench.step(
        "02_purge",
        "CREATE FUNCTION purge() RETURNS integer LANGUAGE sql AS 'DELETE FROM item; SELECT 1';\n",
        "DROP FUNCTION purge();\n",
    );
    bench.gated(&["migrate"]).expect(0);
    bench.step("03_call", "SELECT purge();\n", "SELECT 1;\n");
    let ran = bench.gated(&["migrate"]).expect(3);
    assert!(ran.stderr.contains("table item had 1 rows and now it has 0"), "{}", ran.stderr);
    bench.step_alone("03_call", "DELETE FROM item WHERE id = 1;\n", "SELECT 1;\n");
    let ran = bench.gated(&["migrate"]);
    assert!([3, 4].contains(&ran.code), "{}", ran.stderr);
    assert_eq!(bench.one("SELECT count(*) FROM item"), "1");
}
