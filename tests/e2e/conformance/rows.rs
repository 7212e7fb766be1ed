//! Rows that a migration takes.

use super::bench::{Bench, Engine};

fn family(bench: &Bench) {
    bench.step(
        "01_family",
        "CREATE TABLE parent (id integer PRIMARY KEY, name text);\n\
         CREATE TABLE child (id integer PRIMARY KEY, parent integer NOT NULL REFERENCES parent (id) ON DELETE CASCADE);\n\
         CREATE INDEX child_parent ON child (parent);\n\
         INSERT INTO parent VALUES (1, 'a'), (2, 'b');\n\
         INSERT INTO child VALUES (1, 1), (2, 1), (3, 2);\n",
        "DROP TABLE child;\nDROP TABLE parent;\n",
    );
    bench.gated(&["migrate"]).expect(0);
}

pub(super) fn rows_that_a_cascade_takes_are_refused(bench: &Bench) {
    family(bench);
    let seen = bench.seen();
    bench.step("02_delete", "DELETE FROM parent WHERE id = 1;\n", "SELECT 1;\n");
    let ran = bench.gated(&["migrate"]).expect(3);
    assert!(ran.stderr.contains("table child had 3 rows and now it has 1"), "{}", ran.stderr);
    assert_eq!(bench.seen(), seen);
}

pub(super) fn rows_that_are_deleted_by_name_are_told(bench: &Bench) {
    family(bench);
    bench.step("02_delete", "DELETE FROM child WHERE parent = 1;\n", "SELECT 1;\n");
    let ran = bench.gated(&["migrate"]).expect(0);
    assert!(ran.stdout.contains("child: 3 rows, 1 now"), "{}", ran.stdout);
    let fewer = bench.receipt()["migrations"][0]["fewerRows"].clone();
    assert_eq!(fewer, serde_json::json!([{ "table": "child", "before": 3, "after": 1 }]));
}

pub(super) fn a_trigger_that_takes_rows_is_noticed(bench: &Bench) {
    family(bench);
    let trigger = match bench.engine {
        Engine::Sqlite => {
            "CREATE TRIGGER taker AFTER UPDATE ON parent BEGIN DELETE FROM child WHERE id = 3; END;\n"
        }
        Engine::Postgres => {
            "CREATE FUNCTION taker() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN DELETE FROM child WHERE id = 3; RETURN new; END';\n\
             CREATE TRIGGER taker AFTER UPDATE ON parent FOR EACH ROW EXECUTE FUNCTION taker();\n"
        }
    };
    bench.step("02_trigger", trigger, "DROP TRIGGER taker;\n");
    bench.gated(&["migrate"]).expect(0);
    let seen = bench.seen();
    bench.step("03_update", "UPDATE parent SET name = 'z' WHERE id = 2;\n", "SELECT 1;\n");
    let ran = bench.gated(&["migrate"]).expect(3);
    assert!(ran.stderr.contains("table child had 3 rows and now it has 2"), "{}", ran.stderr);
    assert_eq!(bench.seen(), seen);
}
