//! What would hold if a case were one message to the server, and doesn't hold record by record.

use super::{CASES, bench, case};
use crate::conformance::bench::Engine;

#[test]
fn a_case_holds_only_where_each_record_does() {
    let seeded = |before: &str, after: &str| {
        format!("subtest before\n\n{before}\n\nsubtest after\n\n{after}\n")
    };
    let one = "query I\nSELECT 1\n----\n1\n";
    let cases: [(String, &str); 8] = [
        // A quote that another record would close.
        (case("a", "query T\nSELECT 'a\n----\na\n\nquery T\nSELECT b'\n----\nb\n"), "a.slt:8"),
        (case("a", "statement ok\nSELECT 1 /* a\n\nstatement ok\nb */\n"), "a.slt:8"),
        // An error that is expected, and doesn't come; and one that comes before it.
        (case("a", "statement error\nSELECT 1\n"), "a.slt:8"),
        (case("a", "statement ok\nSELECT 1 / 0\n\nstatement error\nSELECT 1 / 0\n"), "a.slt:8"),
        // When a message came, and what it is.
        (case("a", "query T\nSELECT statement_timestamp() = now()\n----\nt\n"), "a.slt:8"),
        (
            case(
                "a",
                "statement ok\nSET standard_conforming_strings = off\n\nquery T\nSELECT 'a\\'\n----\na\\\n",
            ),
            "a.slt:11",
        ),
        // What is deferred is checked before the migration.
        (
            seeded(
                "statement ok\nCREATE TABLE child (item integer REFERENCES item DEFERRABLE INITIALLY DEFERRED)\n\n\
                 statement ok\nINSERT INTO child VALUES (7)",
                one,
            ),
            "02_name/up.sql",
        ),
        (case("a", "statement ok\nSELECT 1; COMMIT; BEGIN\n"), "a.slt:8"),
    ];
    let bench = bench(Engine::Postgres);
    for (text, at) in &cases {
        bench.write(&format!("{CASES}/a.slt"), text);
        let json = bench.gated(&["test-migration", "--format", "json"]).expect(1).json();
        let problem = &json["engines"][0]["migrations"][1]["cases"][0]["problem"];
        let found = problem["at"].as_str().unwrap_or_default();
        assert!(found.ends_with(at), "{text}\n{problem}");
    }
    // The migration finds names as an application does, whatever the case has set.
    let elsewhere = "statement ok\nCREATE SCHEMA more\n\nstatement ok\nCREATE TABLE more.item (id integer)\n\n\
                     statement ok\nSET search_path = more";
    let after = "query T\nSELECT name FROM public.item\n----\n";
    bench.write(&format!("{CASES}/a.slt"), seeded(elsewhere, after));
    bench.gated(&["test-migration", "02_name::a"]).expect(0);
}

#[test]
fn what_comes_aside_of_a_round_trip_is_found() {
    let bench = bench(Engine::Postgres);
    // Nobody sees from the migration what its rows do.
    bench.step(
        "03_makes",
        "CREATE FUNCTION makes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         EXECUTE 'CREATE OR REPLACE FUNCTION made() RETURNS int LANGUAGE sql AS ''SELECT 1'''; RETURN new; END $$;\n\
         CREATE TRIGGER makes AFTER INSERT ON item FOR EACH ROW EXECUTE FUNCTION makes();\n",
        "DROP TRIGGER makes ON item;\nDROP FUNCTION makes;\n",
    );
    bench.step(
        "04_row",
        "INSERT INTO item (id) VALUES (70);\n",
        "DELETE FROM item WHERE id = 70;\n",
    );
    let json = bench.gated(&["test-migration", "--all", "--format", "json"]).expect(1).json();
    let trip = json["engines"][0]["migrations"][3]["roundTrip"].to_string();
    assert!(trip.contains("made"), "{json}");
    for (name, up, down) in [
        ("05_rows", "UPDATE item SET title = 'b';\n", "SELECT 1;\n"),
        ("05_rows", "DELETE FROM item;\n", "DELETE FROM item;\n"),
        ("05_rows", "CREATE TABLE more (id integer);\n", "ALTER TABLE more RENAME TO others;\n"),
        (
            "05_rows",
            "ALTER TABLE item DROP COLUMN title;\n",
            "ALTER TABLE item ADD COLUMN title int;\n",
        ),
    ] {
        bench.step(name, up, down);
        let seeds = case("a", "query I\nSELECT 1\n----\n1\n");
        bench.write("tests/migrations/05_rows/a.slt", seeds);
        let json = bench
            .gated(&["test-migration", "05_rows", "--all", "--format", "json"])
            .expect(1)
            .json();
        let trip = &json["engines"][0]["migrations"][0]["roundTrip"];
        assert!(trip.to_string().contains("problem"), "{up} {json}");
    }
}

#[test]
fn rows_that_go_with_others_are_missed() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let bench = bench(engine);
        bench.step(
            "03_part",
            "CREATE TABLE part (item integer REFERENCES item (id) ON DELETE CASCADE);\n\
             INSERT INTO item (id) VALUES (70);\nINSERT INTO part VALUES (70);\n",
            "DROP TABLE part;\nDELETE FROM item WHERE id = 70;\n",
        );
        // It doesn't name the table that loses rows.
        bench.step(
            "04_gone",
            "DELETE FROM item WHERE id = 70;\n",
            "INSERT INTO item (id) VALUES (70);\n",
        );
        let arguments = ["test-migration", "--all", "--format", "json"];
        let json = bench.gated(&arguments).expect(1).json();
        let migrations = &json["engines"][0]["migrations"];
        assert!(!migrations[2]["roundTrip"].to_string().contains("problem"), "{json}");
        let trip = migrations[3]["roundTrip"].to_string();
        assert!(trip.contains("part has 0 rows after up and down, of 1"), "{json}");
    }
}

#[test]
fn what_a_case_makes_is_not_taken_for_what_is_there() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let bench = bench(engine);
        let makes = "subtest before\n\nstatement ok\nCREATE TABLE made (id integer)\n\n\
                     subtest after\n\nquery I\nSELECT count(*) FROM made\n----\n0\n";
        bench.write(&format!("{CASES}/a.slt"), makes);
        bench.step("03_index", "CREATE INDEX i ON item (name);\n", "SELECT 1;\n");
        bench.write("tests/migrations/03_index/a.slt", makes);
        let arguments = ["test-migration", "--all", "--format", "json"];
        let json = bench.gated(&arguments).expect(1).json();
        let migrations = &json["engines"][0]["migrations"];
        assert!(!migrations[1]["roundTrip"].to_string().contains("problem"), "{json}");
        let trip = migrations[2]["roundTrip"].to_string();
        assert!(trip.contains("index i"), "{json}");
        assert!(!trip.contains("made"), "{json}");
    }
}
