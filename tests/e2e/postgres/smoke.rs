//! What the built-in smoke test finds on PostgreSQL, and what a failed `CONCURRENTLY` leaves.

use crate::conformance::bench::{Bench, Engine};

/// With a row that a sequence has numbered.
fn bench() -> Bench {
    let bench = Bench::new(Engine::Postgres);
    bench.step(
        "01_item",
        "CREATE TABLE item (id serial PRIMARY KEY, name text);\nINSERT INTO item (name) VALUES ('a');\n",
        "DROP TABLE item;\n",
    );
    bench.gated(&["migrate"]).expect(0);
    bench
}

/// The run fails at its smoke test with these words, and leaves the database as it was.
#[track_caller]
fn is_found_before_the_commit(up: &str, words: &str) {
    let bench = bench();
    bench.step("02_more", up, "SELECT 1;\n");
    let seen = bench.seen();
    let ran = bench.gated(&["migrate"]).expect(3);
    assert!(ran.stderr.contains(words), "{}", ran.stderr);
    assert_eq!(bench.seen(), seen);
    assert_eq!(bench.versions(), ["01"]);
}

const INVALID: &str =
    "SELECT string_agg(indexrelid::regclass::text, ',') FROM pg_index WHERE NOT indisvalid";

#[test]
fn an_index_that_could_not_be_made_is_dropped_and_no_other() {
    let bench = bench();
    bench.beside("INSERT INTO item (name) VALUES ('a')");
    // A failed statement of somebody else.
    let mut psql = super::server::psql(bench.cluster(), &bench.database);
    psql.args(["-c", "CREATE UNIQUE INDEX CONCURRENTLY theirs ON item (name)"]);
    assert!(!psql.output().unwrap().status.success());
    assert_eq!(bench.one(INVALID), "theirs");
    bench.gated(&["migrate", "--enrol"]).expect(0);
    let up = "CREATE UNIQUE INDEX CONCURRENTLY item_name ON item (name);\n";
    bench.step_alone("02_index", up, "DROP INDEX CONCURRENTLY item_name;\n");
    let ran = bench.gated(&["migrate"]).expect(3);
    let said = "the invalid index that it left, \"public\".\"item_name\", was dropped";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    assert_eq!(bench.one(INVALID), "theirs");
    assert_eq!(bench.versions(), ["01"]);
    // Once the rows allow it, the same migration goes through.
    bench.beside("DELETE FROM item WHERE id = 2");
    bench.gated(&["migrate"]).expect(0);
    assert_eq!(bench.one(INVALID), "theirs");
    assert_eq!(bench.versions(), ["01", "02"]);
}

#[test]
fn a_sequence_that_is_behind_its_column_takes_the_run_back() {
    is_found_before_the_commit(
        "INSERT INTO item (id, name) VALUES (2, 'b');\n",
        "the sequence of public.item.id is behind its column",
    );
}

#[test]
fn a_view_that_cannot_be_planned_takes_the_run_back() {
    is_found_before_the_commit("CREATE VIEW never AS SELECT 1 / 0 AS n;\n", "division by zero");
}

#[test]
fn a_view_that_breaks_at_a_row_is_found_after_the_commit() {
    let bench = bench();
    bench.step(
        "02_view",
        "INSERT INTO item (id, name) VALUES (0, 'nought');\n\
         CREATE VIEW inverse AS SELECT 1 / id AS n FROM item WHERE id < 1;\n",
        "DROP VIEW inverse;\nDELETE FROM item WHERE id = 0;\n",
    );
    let ran = bench.gated(&["migrate"]).expect(4);
    for words in ["inverse", "division by zero", "auto-restore is off"] {
        assert!(ran.stderr.contains(words), "{words:?}: {}", ran.stderr);
    }
    // It is committed, and stays so until a person says otherwise.
    assert_eq!(bench.versions(), ["01", "02"]);
    assert_eq!(bench.receipt()["outcome"]["code"], 4);
}

#[test]
fn a_constraint_that_old_rows_were_not_held_to_is_noted() {
    let bench = bench();
    bench.step(
        "02_check",
        "ALTER TABLE item ADD CONSTRAINT item_named CHECK (name <> 'a') NOT VALID;\n",
        "ALTER TABLE item DROP CONSTRAINT item_named;\n",
    );
    bench.gated(&["migrate"]).expect(0);
    let receipt = bench.receipt();
    for when in ["smokeBeforeCommit", "smokeAfterCommit"] {
        let checks = receipt[when].to_string();
        assert!(checks.contains("not validated: item_named"), "{when}: {receipt}");
    }
}
