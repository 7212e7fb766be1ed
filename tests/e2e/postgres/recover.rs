//! `recover` after a run that died: from any machine, and without applying anything.

use super::cut_off::{ITEM, end, kill_while};
use super::server;
use super::undo::{breaks_after_the_commit, waiting_for};
use crate::conformance::bench::{Bench, Engine};

#[test]
fn a_run_that_died_is_recovered_from_another_machine() {
    let bench = Bench::new(Engine::Postgres);
    bench.step("01_item", ITEM, "DROP TABLE item;\n");
    bench.gated(&["migrate"]).expect(0);
    let identity = bench.receipt()["target"]["identity"].as_str().unwrap().to_owned();
    bench.step(
        "02_more",
        "UPDATE item SET name = 'b';\nSELECT pg_sleep(120);\n",
        "UPDATE item SET name = 'a';\n",
    );
    bench.configure_with(&format!("identity = \"{identity}\"\nstatement-timeout = \"5m\"\n"));
    kill_while(&bench, "query LIKE '%pg_sleep(120)%' AND pid <> pg_backend_pid()");
    end(&bench, "%pg_sleep(120)%");
    // Everything that the run had written to files is gone with its machine.
    std::fs::remove_dir_all(bench.path().join("var")).unwrap();

    let ran = bench.gated(&["recover"]).expect(0);
    assert!(ran.stdout.contains("as it was before that run"), "{}", ran.stdout);
    assert!(ran.stdout.contains("cargo xtask migrate"), "{}", ran.stdout);
    assert_eq!(bench.versions(), ["01"]);
    assert_eq!(bench.one("SELECT name FROM item"), "a");
    assert_eq!(bench.receipt()["outcome"]["code"], 3);
    let sessions = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    assert_eq!(bench.one(sessions), "0");
    let ran = bench.gated(&["recover"]).expect(0);
    assert!(ran.stdout.contains("nothing to recover"), "{}", ran.stdout);
}

#[test]
fn recover_lifts_a_fence_that_a_dead_run_left() {
    let bench = breaks_after_the_commit("");
    let cluster = server::shared();
    let database = &bench.database;
    let waits = format!("{database}_restoring_12345678");
    server::ask(cluster, "postgres", &format!("CREATE DATABASE {waits} OWNER migrator"));
    let comment = waiting_for(&bench);
    server::ask(cluster, "postgres", &format!("COMMENT ON DATABASE {waits} IS '{comment}'"));
    server::ask(cluster, "postgres", &format!("ALTER DATABASE {database} ALLOW_CONNECTIONS false"));
    bench.gated(&["recover"]).expect(0);
    assert_eq!(bench.versions(), ["01"]);
    let left = format!("SELECT count(*) FROM pg_database WHERE datname = '{waits}'");
    assert_eq!(bench.one(&left), "0");
}
