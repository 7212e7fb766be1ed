//! A run that was killed.

use std::process::Stdio;
use std::time::Duration;

use super::bench::{Bench, Engine};

pub(super) fn a_run_that_was_killed_is_settled_by_the_next(bench: &Bench) {
    bench.step("01_item", "CREATE TABLE item (id integer PRIMARY KEY);\n", "DROP TABLE item;\n");
    bench.gated(&["migrate"]).expect(0);
    let seen = bench.seen();
    let slow = match bench.engine {
        Engine::Sqlite => {
            "CREATE TABLE slow AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000000) SELECT count(*) AS n FROM n;\n"
        }
        Engine::Postgres => "CREATE TABLE slow (id integer PRIMARY KEY);\nSELECT pg_sleep(60);\n",
    };
    bench.step("02_slow", slow, "DROP TABLE slow;\n");
    let mut run =
        bench.gate(&["migrate"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // Until it is in the middle of the migration: its intent is there, its backup too.
    while bench.backup_files().len() < 2 {
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(Duration::from_millis(700));
    run.kill().unwrap();
    run.wait().unwrap();
    if bench.engine == Engine::Postgres && !bench.notices_death() {
        bench.gated(&["migrate"]).expect(75);
        bench.one("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'migrator'");
    }
    bench.step("02_slow", "CREATE TABLE slow (id integer PRIMARY KEY);\n", "DROP TABLE slow;\n");
    if bench.engine == Engine::Sqlite {
        assert_eq!(bench.seen(), seen);
    }
    let ran = bench.gated(&["migrate"]).expect(0);
    assert!(ran.stdout.contains("an earlier run had died"), "{}", ran.stdout);
    assert_eq!(bench.versions(), ["01", "02"]);
    let list = bench.gated(&["receipt", "list", "--format", "json"]).expect(0).json();
    assert_eq!(list["receipts"].as_array().unwrap().len(), 3);
}
