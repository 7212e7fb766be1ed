//! Who and what stands in the way when another database shall take the place of one.

use std::process::{Child, Stdio};
use std::time::Duration;

use portcullis_cluster::Options;

use super::server;
use super::undo::{SLOW, breaks_after_the_commit, breaks_on, waits_in_its_smoke_test};
use crate::conformance::bench::{Bench, Engine};
use crate::support::Ran;

/// A program with its own role, connected to the database and asleep.
fn application(bench: &Bench) -> Child {
    server::ask(
        bench.cluster(),
        &bench.database,
        "CREATE ROLE app LOGIN PASSWORD 'app'; GRANT SELECT ON item TO app",
    );
    let mut psql = server::psql_as(bench.cluster(), ("app", "app"), &bench.database);
    let sleep = "SELECT count(*) FROM item; SELECT pg_sleep(120)";
    let child = psql.args(["-c", sleep]).stdout(Stdio::null()).stderr(Stdio::null());
    let child = child.spawn().unwrap();
    while bench.one("SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'") == "0" {
        std::thread::sleep(Duration::from_millis(20));
    }
    child
}

/// Without the right to, a role doesn't even see what the session of another does.
#[test]
fn sessions_of_another_role_are_ended_or_nothing_is_undone() {
    let logical = Options::default().setting("wal_level", "logical").setting("autovacuum", "off");
    for may_end in [false, true] {
        let bench = breaks_on(
            Bench::alone(&logical),
            "auto-restore = \"fenced\"\nlock-timeout = \"1s\"\nlock-wait = \"2s\"\n",
        );
        let mut application = application(&bench);
        if may_end {
            bench.one("GRANT pg_signal_backend TO migrator");
        }
        let ran = bench.gated(&["migrate"]).expect(if may_end { 3 } else { 4 });
        if !may_end {
            assert!(ran.stderr.contains("GRANT pg_signal_backend"), "{}", ran.stderr);
            assert_eq!(bench.versions(), ["01", "02"]);
            // Nobody is kept out.
            bench.beside("INSERT INTO item VALUES (100, 'later')");
        }
        let _ = application.kill();
        let _ = application.wait();
    }
}

#[test]
fn a_run_that_counts_on_an_undo_which_cant_work_isnt_begun() {
    let cases = [
        (
            "CREATE ROLE {db}_other; CREATE TABLE theirs (id integer); ALTER TABLE theirs OWNER TO {db}_other; GRANT SELECT ON theirs TO migrator",
            "public.theirs belong to",
            ["fenced"].as_slice(),
        ),
        (
            "CREATE FUNCTION told() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; ALTER FUNCTION told OWNER TO migrator;
             CREATE EVENT TRIGGER tells ON ddl_command_end EXECUTE FUNCTION told()",
            "only a superuser makes the event trigger tells",
            &["fenced"],
        ),
        (
            "SELECT pg_create_logical_replication_slot('follows_{db}', 'test_decoding')",
            "the replication slot follows_",
            &["fenced", "clone"],
        ),
    ];
    for (sql, said, refused) in cases {
        for how in ["fenced", "clone", "off"] {
            let bench = breaks_after_the_commit(&format!("auto-restore = \"{how}\"\n"));
            bench.one(&sql.replace("{db}", &bench.database));
            let stands = refused.contains(&how);
            let before = bench.seen();
            let ran = bench.gated(&["migrate", "--enrol"]);
            if stands {
                let ran = ran.expect(1);
                assert!(ran.stderr.contains(said), "{}", ran.stderr);
                assert_eq!(bench.seen(), before, "{said}, {how}");
                let dry = bench.gated(&["migrate", "--enrol", "--plan"]);
                assert_eq!(dry.code, 1, "{}", dry.stderr);
            } else {
                assert_ne!(ran.code, 1, "{said}, {how}: {}", ran.stderr);
            }
            bench.one(
                "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
                 WHERE database = current_database() AND NOT active",
            );
        }
    }
}

#[test]
fn a_backup_says_who_can_restore_it() {
    let bench = Bench::new(Engine::Postgres);
    bench.step("01_item", "CREATE TABLE item (id integer PRIMARY KEY);\n", "DROP TABLE item;\n");
    bench.gated(&["migrate"]).expect(0);
    let db = &bench.database;
    bench.one(&format!(
        "CREATE ROLE {db}_other; ALTER TABLE item OWNER TO {db}_other; GRANT SELECT ON item TO migrator"
    ));
    bench.gated(&["backup"]).expect(0);
    let listed = bench.gated(&["backup", "list", "--format", "json"]).expect(0).stdout;
    assert!(listed.contains("restoring it takes another role: public.item"), "{listed}");
}

/// What a sequence gave, somebody has, whether or not they wrote it down here; and most of the
/// numbers it gives leave no trace in the log.
#[test]
fn a_number_that_was_given_isnt_given_again() {
    for how in ["fenced", "clone"] {
        let bench = breaks_after_the_commit(&format!("auto-restore = \"{how}\"\n"));
        bench.one("CREATE SEQUENCE ticket; ALTER SEQUENCE ticket OWNER TO migrator");
        bench.one("SELECT nextval('ticket')");
        bench.write("smoke/a_slow.slt", SLOW);
        let gate = waits_in_its_smoke_test(&bench, &["migrate", "--enrol"]);
        assert_eq!(bench.one("SELECT nextval('ticket')"), "2");
        Ran::of(&gate.wait_with_output().unwrap()).expect(3);
        assert_eq!(bench.versions(), ["01"]);
        assert_eq!(bench.one("SELECT nextval('ticket')"), "3", "{how}");
    }
}
