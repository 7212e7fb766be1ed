//! Undoing after a commit, and the fence that it needs.

use std::process::{Child, Stdio};
use std::time::Duration;

use portcullis_cluster::Options;

use super::server;
use crate::conformance::bench::{Bench, Engine};
use crate::support::Ran;

/// A bench whose next run commits, and is then found to be broken: inside its transaction
/// the query has a transaction number, afterwards it has none.
///
/// Where a copy takes the place again, the numbers of the server's transactions prove that
/// nobody else has written: other tests on the same server would take some.
pub(super) fn breaks_after_the_commit(lines: &str) -> Bench {
    let alone = Options::default().setting("wal_level", "logical").setting("autovacuum", "off");
    let copies = lines.contains("clone");
    let bench = if copies { Bench::alone(&alone) } else { Bench::new(Engine::Postgres) };
    breaks_on(bench, lines)
}

pub(super) fn breaks_on(bench: Bench, lines: &str) -> Bench {
    bench.step(
        "01_item",
        "CREATE TABLE item (id integer PRIMARY KEY, name text);\nINSERT INTO item VALUES (1, 'a');\n",
        "DROP TABLE item;\n",
    );
    bench.gated(&["migrate"]).expect(0);
    bench.configure_with(&format!("smoke = [\"smoke\"]\n{lines}"));
    bench
        .write("smoke/inside.slt", "query T\nSELECT txid_current_if_assigned() IS NULL\n----\nf\n");
    bench.step(
        "02_more",
        "INSERT INTO item VALUES (2, 'b');\n",
        "DELETE FROM item WHERE id = 2;\n",
    );
    bench
}

#[test]
fn without_leave_to_undo_a_person_gets_the_steps() {
    let bench = breaks_after_the_commit("");
    let ran = bench.gated(&["migrate"]).expect(4);
    assert!(ran.stderr.contains("auto-restore is off"), "{}", ran.stderr);
    assert!(ran.stderr.contains("restore"), "{}", ran.stderr);
    assert_eq!(bench.versions(), ["01", "02"]);
    // What the steps say works.
    let backup = bench.backup_files().pop().unwrap();
    bench.gated(&["restore", &backup]).expect(0);
    assert_eq!(bench.versions(), ["01"]);
    assert_eq!(bench.one("SELECT count(*) FROM item"), "1");
}

fn undoes(bench: &Bench) {
    let before = bench.seen();
    let ran = bench.gated(&["migrate"]).expect(3);
    assert!(ran.stderr.contains("as it was before"), "{}", ran.stderr);
    assert!(ran.stderr.contains("the failed database is kept as"), "{}", ran.stderr);
    assert_eq!(bench.versions(), ["01"]);
    assert_eq!(bench.seen(), before);
    assert_eq!(bench.receipt()["outcome"]["code"], 3);
    // It is kept, with the failed run in it, and may be looked at.
    let kept = bench.one(&format!(
        "SELECT datname FROM pg_database WHERE starts_with(datname, '{}_failed_')",
        bench.database
    ));
    assert_eq!(server::ask(bench.cluster(), &kept, "SELECT count(*) FROM item"), "2");
    // The gate knows the database as before.
    std::fs::remove_dir_all(bench.path().join("smoke")).unwrap();
    bench.configure_with("");
    bench.gated(&["migrate"]).expect(0);
    assert_eq!(bench.versions(), ["01", "02"]);
}

#[test]
fn what_fails_after_the_commit_is_undone_under_a_fence() {
    undoes(&breaks_after_the_commit("auto-restore = \"fenced\"\n"));
}

/// What belongs to a database and not into it.
fn properties(bench: &Bench) -> String {
    bench.one(
        "SELECT (SELECT string_agg(a::text, ',' ORDER BY a::text) FROM unnest(d.datacl) a), d.datconnlimit, pg_get_userbyid(d.datdba), d.datcollate,
                shobj_description(d.oid, 'pg_database'),
                (SELECT string_agg(setrole::regrole::text || setconfig::text, ';' ORDER BY setrole)
                 FROM pg_db_role_setting WHERE setdatabase = d.oid)
         FROM pg_database d WHERE d.datname = current_database()",
    )
}

#[test]
fn grants_settings_and_owner_come_along() {
    for how in ["fenced", "clone"] {
        let bench = breaks_after_the_commit(&format!("auto-restore = \"{how}\"\n"));
        let database = &bench.database;
        bench.one(&format!(
            "CREATE ROLE reader_of_{database};
             GRANT CONNECT ON DATABASE {database} TO reader_of_{database};
             REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC;
             ALTER DATABASE {database} SET work_mem = '5MB';
             ALTER DATABASE {database} SET DateStyle = 'ISO, DMY';
             ALTER DATABASE {database} SET search_path = \"$user\", public;
             ALTER DATABASE {database} CONNECTION LIMIT 77;
             COMMENT ON DATABASE {database} IS 'it''s ours';
             GRANT SELECT ON item TO reader_of_{database}"
        ));
        let (before, seen) = (properties(&bench), bench.seen());
        bench.gated(&["migrate"]).expect(3);
        assert_eq!(properties(&bench), before, "{how}");
        assert_eq!(bench.seen(), seen, "{how}");
    }
}

#[test]
fn what_cant_be_carried_over_keeps_the_database_in_its_place() {
    let bench = breaks_after_the_commit("auto-restore = \"fenced\"\n");
    let database = &bench.database;
    // Only who may change that role may give it a setting.
    bench.one(&format!(
        "CREATE ROLE other_of_{database}; ALTER ROLE other_of_{database} IN DATABASE {database} SET jit = off"
    ));
    let ran = bench.gated(&["migrate"]).expect(4);
    assert!(ran.stderr.contains("the setting jit of the role"), "{}", ran.stderr);
    assert_eq!(bench.versions(), ["01", "02"]);
    bench.beside("INSERT INTO item VALUES (100, 'let in')");
}

/// A server that keeps no logical log, and on which nobody else does anything: there the
/// numbers of its transactions tell.
pub(super) fn without_a_logical_log() -> Bench {
    Bench::alone(&Options::default().setting("autovacuum", "off"))
}

#[test]
fn without_a_logical_log_the_servers_numbers_prove_it() {
    for how in ["fenced", "clone"] {
        let lines = format!("auto-restore = \"{how}\"\n");
        undoes(&breaks_on(without_a_logical_log(), &lines));
    }
}

#[test]
fn a_write_of_somebody_else_keeps_the_tool_from_undoing() {
    for how in ["fenced", "clone"] {
        let lines = format!("auto-restore = \"{how}\"\n");
        is_not_undone(&breaks_after_the_commit(&lines));
        is_not_undone(&breaks_on(without_a_logical_log(), &lines));
    }
}

/// A slot doesn't show what is written to a table without a log.
#[test]
fn a_write_that_no_slot_shows_keeps_the_tool_from_undoing() {
    let bench = Bench::new(Engine::Postgres);
    bench.step("00_quick", "CREATE UNLOGGED TABLE quick (id integer);\n", "DROP TABLE quick;\n");
    let bench = breaks_on(bench, "auto-restore = \"fenced\"\n");
    bench.write("smoke/a_slow.slt", SLOW);
    let gate = waits_in_its_smoke_test(&bench, &["migrate"]);
    bench.beside("INSERT INTO quick VALUES (1)");
    Ran::of(&gate.wait_with_output().unwrap()).expect(4);
    assert_eq!(bench.one("SELECT count(*) FROM quick"), "1");
}

pub(super) const SLOW: &str = "query T\nSELECT CASE WHEN txid_current_if_assigned() IS NULL THEN pg_sleep(2)::text ELSE '' END\n----\n(empty)\n";

fn is_not_undone(bench: &Bench) {
    // Somebody writes right after the commit: the smoke test reads slowly.
    bench.write("smoke/a_slow.slt", SLOW);
    let gate = waits_in_its_smoke_test(bench, &["migrate"]);
    bench.beside("INSERT INTO item VALUES (100, 'acknowledged')");
    let ran = Ran::of(&gate.wait_with_output().unwrap()).expect(4);
    assert!(ran.stderr.contains("was not restored"), "{}", ran.stderr);
    assert_eq!(bench.one("SELECT count(*) FROM item WHERE id = 100"), "1");
    // Nobody is kept out any more.
    bench.beside("INSERT INTO item VALUES (101, 'later')");
}

/// A run that has committed and is in its smoke test.
pub(super) fn waits_in_its_smoke_test(bench: &Bench, arguments: &[&str]) -> Child {
    let mut gate = bench.gate(arguments);
    let gate = gate.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Nobody gets in while a copy is made.
    let committed = || {
        let mut psql = server::psql(bench.cluster(), &bench.database);
        psql.args(["-c", "SELECT count(*) FROM item"]).output().unwrap().stdout == b"2\n"
    };
    while !committed() {
        std::thread::sleep(Duration::from_millis(20));
    }
    gate
}

/// The comment that a run gives to what it makes beside the database.
pub(super) fn waiting_for(bench: &Bench) -> String {
    let oid = bench.one("SELECT oid FROM pg_database WHERE datname = current_database()");
    format!("portcullis: made by a run of the gate, and gone when that run is (for database {oid})")
}

#[test]
fn what_dead_runs_left_beside_is_removed_and_nothing_else() {
    let bench = breaks_after_the_commit("");
    std::fs::remove_dir_all(bench.path().join("smoke")).unwrap();
    bench.configure_with("");
    let (cluster, database) = (bench.cluster(), &bench.database);
    let (ours, theirs) =
        (format!("{database}_restoring_12345678"), format!("{database}_before_lunch"));
    for name in [&ours, &theirs] {
        server::ask(cluster, "postgres", &format!("CREATE DATABASE {name} OWNER migrator"));
    }
    let comment = waiting_for(&bench);
    server::ask(cluster, "postgres", &format!("COMMENT ON DATABASE {ours} IS '{comment}'"));
    bench.gated(&["migrate"]).expect(0);
    let left = bench.one(&format!(
        "SELECT string_agg(datname, ',') FROM pg_database WHERE starts_with(datname, '{database}_')"
    ));
    assert_eq!(left, theirs);
}

#[test]
fn a_fence_that_a_dead_run_left_is_lifted() {
    let bench = breaks_after_the_commit("");
    let cluster = server::shared();
    let database = &bench.database;
    let waits = format!("{database}_restoring_12345678");
    server::ask(cluster, "postgres", &format!("CREATE DATABASE {waits} OWNER migrator"));
    let comment = waiting_for(&bench);
    server::ask(cluster, "postgres", &format!("COMMENT ON DATABASE {waits} IS '{comment}'"));
    server::ask(cluster, "postgres", &format!("ALTER DATABASE {database} ALLOW_CONNECTIONS false"));
    std::fs::remove_dir_all(bench.path().join("smoke")).unwrap();
    bench.configure_with("");
    bench.gated(&["migrate"]).expect(0);
    assert_eq!(bench.versions(), ["01", "02"]);
}

#[test]
fn a_fence_of_somebody_else_is_not_lifted() {
    let bench = breaks_after_the_commit("");
    let (cluster, database) = (server::shared(), &bench.database);
    server::ask(cluster, "postgres", &format!("ALTER DATABASE {database} ALLOW_CONNECTIONS false"));
    let ran = bench.gated(&["migrate"]).expect(1);
    assert!(ran.stderr.contains("takes no connections"), "{}", ran.stderr);
}

#[test]
fn a18_a_copy_is_refused_until_it_is_taken_on() {
    let bench = breaks_after_the_commit("");
    std::fs::remove_dir_all(bench.path().join("smoke")).unwrap();
    let (cluster, copy) = (server::shared(), format!("{}_copy", bench.database));
    let template = format!("CREATE DATABASE {copy} TEMPLATE {} OWNER migrator", bench.database);
    server::ask(cluster, "postgres", &template);
    let keys = server::keys(cluster, &copy);
    bench.configure(&format!(
        "[migrations]\npostgres = \"migrations/postgres\"\n[targets.dev]\n{keys}"
    ));
    let ran = bench.gated(&["migrate"]).expect(1);
    assert!(ran.stderr.contains("it is a copy"), "{}", ran.stderr);
    assert_eq!(server::ask(cluster, &copy, "SELECT count(*) FROM item"), "1");
    bench.gated(&["migrate", "--enrol"]).expect(0);
    assert_eq!(server::ask(cluster, &copy, "SELECT count(*) FROM item"), "2");
    bench.gated(&["migrate"]).expect(0);
}

#[test]
fn a_copy_made_before_the_run_takes_its_place_again() {
    undoes(&breaks_after_the_commit("auto-restore = \"clone\"\n"));
}

#[test]
fn a_copy_that_wasnt_needed_is_gone_after_the_run() {
    let bench = breaks_after_the_commit("");
    std::fs::remove_dir_all(bench.path().join("smoke")).unwrap();
    bench.configure_with("auto-restore = \"clone\"\n");
    bench.gated(&["migrate"]).expect(0);
    let left = format!(
        "SELECT count(*) FROM pg_database WHERE starts_with(datname, '{}_')",
        bench.database
    );
    assert_eq!(bench.one(&left), "0");
}
