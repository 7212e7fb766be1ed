//! Migrations that fail, and what stands afterwards.

use super::bench::{Bench, Engine};

const FAMILY: &str = "CREATE TABLE parent (id integer PRIMARY KEY, name text);\n\
    INSERT INTO parent VALUES (1, 'a'), (2, 'b');\n";

fn family(bench: &Bench) {
    bench.step("01_family", FAMILY, "DROP TABLE parent;\n");
}

pub(super) fn whichever_migration_fails_the_database_is_as_before(bench: &Bench) {
    family(bench);
    bench.gated(&["migrate"]).expect(0);
    let seen = bench.seen();
    for failing in ["02", "03", "04"] {
        for version in ["02", "03", "04"] {
            let table = format!(
                "CREATE TABLE t{version} (x integer PRIMARY KEY);\nINSERT INTO t{version} VALUES (1);\n"
            );
            let fails = if version == failing { "INSERT INTO nowhere VALUES (1);\n" } else { "" };
            let down = format!("DROP TABLE t{version};\n");
            bench.step(&format!("{version}_t"), &format!("{table}{fails}"), &down);
        }
        let ran = bench.gated(&["migrate"]).expect(3);
        assert!(ran.stderr.contains(&format!("{failing}_t/up.sql")), "{}", ran.stderr);
        assert!(ran.stderr.contains("nowhere"), "{}", ran.stderr);
        assert!(ran.stderr.contains("as it was before (rolled back)"), "{}", ran.stderr);
        assert_eq!(bench.seen(), seen, "{failing}");
        assert_eq!(bench.receipt()["outcome"]["code"], 3);
    }
}

pub(super) fn a_step_that_ends_the_transaction_is_noticed(bench: &Bench) {
    family(bench);
    bench.gated(&["migrate"]).expect(0);
    // The linter knows the word; a procedure or a dollar quote could hide it, so that it is
    // allowed here as somebody might.
    bench.step(
        "02_ends",
        "-- portcullis: allow transaction-control because it is tried here\nCREATE TABLE ended (id integer PRIMARY KEY);\nCOMMIT;\n",
        "DROP TABLE ended;\n",
    );
    let ran = bench.gated(&["migrate"]);
    assert!([1, 3, 4].contains(&ran.code), "{}", ran.stderr);
    let there = bench.versions();
    assert_eq!(there, ["01"], "{}", ran.stderr);
}

pub(super) fn a_step_outside_a_transaction_that_fails_has_done_nothing(bench: &Bench) {
    family(bench);
    bench.gated(&["migrate"]).expect(0);
    let up = match bench.engine {
        Engine::Sqlite => "VACUUM nowhere;\n",
        Engine::Postgres => {
            bench.beside("INSERT INTO parent VALUES (3, 'a')");
            "CREATE UNIQUE INDEX CONCURRENTLY parent_name ON parent (name);\n"
        }
    };
    bench.step_alone("02_alone", up, "SELECT 1;\n");
    let seen = bench.seen();
    let ran = bench.gated(&["migrate"]).expect(3);
    assert!(ran.stderr.contains("02_alone/up.sql"), "{}", ran.stderr);
    assert_eq!(bench.seen(), seen);
    if bench.engine == Engine::Postgres {
        assert!(ran.stderr.contains("parent_name"), "{}", ran.stderr);
        assert!(ran.stderr.contains("was dropped"), "{}", ran.stderr);
        // The value in the error is somebody's.
        assert!(!ran.stderr.contains("(name)=(a)"), "{}", ran.stderr);
    }
    assert_eq!(bench.receipt()["outcome"]["code"], 3);
}

pub(super) fn what_comes_before_a_failed_segment_stands(bench: &Bench) {
    family(bench);
    let alone = match bench.engine {
        Engine::Sqlite => "VACUUM;\n",
        Engine::Postgres => "CREATE INDEX CONCURRENTLY parent_name ON parent (name);\n",
    };
    bench.step_alone("02_alone", alone, "SELECT 1;\n");
    bench.step("03_fails", "INSERT INTO nowhere VALUES (1);\n", "SELECT 1;\n");
    let ran = bench.gated(&["migrate"]).expect(5);
    assert!(ran.stderr.contains("healthy, at version 02"), "{}", ran.stderr);
    assert_eq!(bench.versions(), ["01", "02"]);
    bench.step(
        "03_fails",
        "INSERT INTO parent VALUES (9, 'i');\n",
        "DELETE FROM parent WHERE id = 9;\n",
    );
    bench.gated(&["migrate"]).expect(0);
    assert_eq!(bench.versions(), ["01", "02", "03"]);
}

pub(super) fn a_broken_view_is_found_before_the_commit(bench: &Bench) {
    family(bench);
    let (view, breaks) = match bench.engine {
        Engine::Sqlite => {
            ("CREATE VIEW names AS SELECT name FROM parent;\n", "DROP TABLE parent;\n")
        }
        // PostgreSQL keeps what a view reads; what a function in it does shows when it runs.
        Engine::Postgres => (
            "CREATE FUNCTION f() RETURNS integer LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 1; END';\nCREATE VIEW names AS SELECT f() AS one;\n",
            "CREATE OR REPLACE FUNCTION f() RETURNS integer LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 1 / 0; END';\n",
        ),
    };
    bench.step("02_view", view, "DROP VIEW names;\n");
    bench.gated(&["migrate"]).expect(0);
    let seen = bench.seen();
    bench.step("03_breaks", breaks, "SELECT 1;\n");
    let ran = bench.gated(&["migrate"]).expect(3);
    assert!(ran.stderr.contains("names"), "{}", ran.stderr);
    assert_eq!(bench.seen(), seen);
}

pub(super) fn a_failing_smoke_query_takes_the_run_back(bench: &Bench) {
    bench.configure_with("smoke = [\"smoke\"]\n");
    bench.write("smoke/rows.slt", "query I\nSELECT count(*) FROM parent\n----\n3\n");
    family(bench);
    let ran = bench.gated(&["migrate"]).expect(3);
    assert!(ran.stderr.contains("rows.slt:1"), "{}", ran.stderr);
    let applied = bench.gated(&["status", "--format", "json"]).expect(0).json();
    assert_eq!(applied["applied"].as_array().map_or(0, Vec::len), 0, "{applied}");
    bench.write("smoke/rows.slt", "query I\nSELECT count(*) FROM parent\n----\n2\n");
    bench.gated(&["migrate"]).expect(0);
}

pub(super) fn a_smoke_query_that_writes_is_refused(bench: &Bench) {
    bench.configure_with("smoke = [\"smoke\"]\n");
    bench.write("smoke/writes.slt", "statement ok\nINSERT INTO parent VALUES (7, 'x')\n");
    family(bench);
    bench.gated(&["migrate"]).expect(3);
    std::fs::remove_file(bench.path().join("smoke/writes.slt")).unwrap();
    bench.gated(&["migrate"]).expect(0);
    assert_eq!(bench.one("SELECT count(*) FROM parent"), "2");
}
