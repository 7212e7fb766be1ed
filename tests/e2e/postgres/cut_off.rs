//! A run that was killed in a step outside a transaction: the catalog tells what it has done.

use std::process::Stdio;
use std::time::Duration;

use super::server;
use crate::conformance::bench::{Bench, Engine};

pub(super) const ITEM: &str =
    "CREATE TABLE item (id integer PRIMARY KEY, name text);\nINSERT INTO item VALUES (1, 'a');\n";

/// A bench whose run was killed while it made an index `CONCURRENTLY`; the server has ended
/// the statement as well.
fn killed_in_its_middle() -> Bench {
    let bench = Bench::new(Engine::Postgres);
    bench.step("01_item", ITEM, "DROP TABLE item;\n");
    bench.gated(&["migrate"]).expect(0);
    bench.step_alone(
        "02_index",
        "CREATE INDEX CONCURRENTLY item_name ON item (name);\n",
        "DROP INDEX CONCURRENTLY item_name;\n",
    );
    // The index waits for whoever has written.
    let mut writer = server::psql(bench.cluster(), &bench.database);
    let write = "BEGIN; UPDATE item SET name = 'b'; SELECT pg_sleep(120)";
    let mut writer = writer.args(["-c", write]).stdout(Stdio::null()).spawn().unwrap();
    kill_while(&bench, "query LIKE 'CREATE INDEX%' AND wait_event_type = 'Lock'");
    end(&bench, "CREATE INDEX%");
    end(&bench, "BEGIN; UPDATE item%");
    let _ = writer.wait();
    assert_eq!(bench.one(VALID), "f");
    bench
}

/// Begins a run, and kills it as soon as a session of the database is like this.
pub(super) fn kill_while(bench: &Bench, session: &str) {
    let there = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE {session} AND datname = current_database()"
    );
    let mut gate =
        bench.gate(&["migrate"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while bench.one(&there) == "0" {
        std::thread::sleep(Duration::from_millis(20));
    }
    gate.kill().unwrap();
    gate.wait().unwrap();
}

/// Ends the sessions whose statement is like this, and waits until they are gone.
pub(super) fn end(bench: &Bench, query: &str) {
    let ended = format!(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
         WHERE query LIKE '{query}' AND datname = current_database() AND pid <> pg_backend_pid()"
    );
    while bench.one(&ended) != "0" {
        std::thread::sleep(Duration::from_millis(20));
    }
}

const VALID: &str = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'item_name'::regclass";

#[test]
fn an_index_that_was_only_begun_is_dropped_and_made() {
    let bench = killed_in_its_middle();
    let ran = bench.gated(&["migrate"]).expect(0);
    assert!(ran.stdout.contains("an earlier run had died"), "{}", ran.stdout);
    assert_eq!(bench.versions(), ["01", "02"]);
    assert_eq!(bench.one(VALID), "t");
}

#[test]
fn an_index_that_was_finished_is_noted() {
    let bench = killed_in_its_middle();
    bench.beside("DROP INDEX item_name; CREATE INDEX item_name ON item (name)");
    let made = bench.one("SELECT 'item_name'::regclass::oid");
    bench.gated(&["migrate"]).expect(0);
    assert_eq!(bench.versions(), ["01", "02"]);
    assert_eq!(bench.one("SELECT 'item_name'::regclass::oid"), made);
    bench.gated(&["migrate", "--to", "01"]).expect(0);
    assert_eq!(bench.versions(), ["01"]);
}

#[test]
fn of_what_the_catalog_doesnt_tell_a_person_decides() {
    let bench = Bench::new(Engine::Postgres);
    bench.step("01_item", ITEM, "DROP TABLE item;\n");
    bench.gated(&["migrate"]).expect(0);
    bench.step_alone(
        "02_write",
        "UPDATE item SET name = name || 'x' WHERE pg_sleep(120) IS NOT NULL;\n",
        "SELECT 1;\n",
    );
    bench.configure_with("statement-timeout = \"5m\"\n");
    kill_while(&bench, "query LIKE 'UPDATE item%'");
    end(&bench, "UPDATE item%");
    let ran = bench.gated(&["migrate"]).expect(4);
    assert!(ran.stderr.contains("nobody can tell how much of it was done"), "{}", ran.stderr);
}
