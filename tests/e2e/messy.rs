//! `test-migration` on messy data: what only rows find that well-behaved tests forget, and what
//! must not be found.

mod clean;
mod planted;

use self::planted::PLANTED;
use crate::conformance::bench::{Bench, Engine};

const BOTH: &[Engine] = &[Engine::Sqlite, Engine::Postgres];
const SQLITE: &[Engine] = &[Engine::Sqlite];
const POSTGRES: &[Engine] = &[Engine::Postgres];

/// A workspace with one migration before, and the one that is tried.
fn bench(engine: Engine, before: &str, up: &str, down: &str) -> Bench {
    let bench = Bench::new(engine);
    bench.step("01_before", before, "SELECT 1;\n");
    match up.contains("CONCURRENTLY") {
        true => bench.step_alone("03_last", up, down),
        false => bench.step("03_last", up, down),
    }
    for name in ["01_before", "03_last"] {
        let case = "subtest before\n\nsubtest after\n\nquery I\nSELECT 1\n----\n1\n";
        bench.write(&format!("tests/migrations/{name}/a.slt"), case);
    }
    bench
}

#[test]
fn the_same_seed_breaks_the_same() {
    for engine in BOTH {
        let planted = &PLANTED[0];
        let bench = bench(*engine, planted.before, planted.up, planted.down);
        let problems = |seed: &str| {
            let command =
                ["test-migration", "03_last", "--messy", "--seed", seed, "--format", "json"];
            let json = bench.gated(&command).expect(1).json();
            let messy = &json["engines"][0]["migrations"][0]["messy"];
            format!("{} {}", messy["tables"], messy["problems"])
        };
        assert_eq!(problems("3"), problems("3"));
        assert_ne!(problems("3"), problems("4"));
    }
}

#[test]
fn a_table_that_takes_nothing_is_not_covered() {
    for engine in BOTH {
        let before = "CREATE TABLE item (id integer PRIMARY KEY);
                      CREATE TABLE closed (id integer PRIMARY KEY, CHECK (1 = 0));";
        let up = "CREATE TABLE more (id integer PRIMARY KEY);";
        let bench = bench(*engine, before, up, "DROP TABLE more;");
        let ran = bench.gated(&["test-migration", "03_last", "--messy"]).expect(0);
        assert!(ran.stdout.contains("not covered, took no row: closed"), "{}", ran.stdout);
        assert!(!ran.stdout.contains("row: closed, item"), "{}", ran.stdout);
    }
}

#[test]
fn rows_that_cannot_be_are_declared_with_a_reason() {
    let planted = &PLANTED[0];
    let bench = bench(Engine::Sqlite, planted.before, planted.up, planted.down);
    let path = bench.path().join("portcullis.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    let with = |reason: &str| {
        bench.configure(&format!(
            "{}\n[test-migration.without-messy]\n\"03_last\" = \"{reason}\"\n",
            config.trim()
        ));
    };
    with("titles are unique: the importer sees to it");
    bench.gated(&["test-migration", "03_last", "--messy"]).expect(0);
    with("");
    bench.gated(&["test-migration", "03_last", "--messy"]).expect(2);
}

#[test]
fn the_rows_can_be_pasted_into_a_case() {
    for planted in PLANTED.iter().filter(|one| one.name.contains("unique index")) {
        for engine in planted.engines {
            let bench = bench(*engine, planted.before, planted.up, planted.down);
            let arguments = ["test-migration", "03_last", "--messy", "--format", "json"];
            let json = bench.gated(&arguments).expect(1).json();
            let problem = &json["engines"][0]["migrations"][0]["messy"]["problems"][0];
            let what = problem["what"].as_str().unwrap();
            let rows: String = what
                .lines()
                .filter_map(|line| line.strip_prefix("  "))
                .map(|line| format!("statement ok\n{line}\n\n"))
                .collect();
            let case =
                format!("subtest before\n\n{rows}subtest after\n\nquery I\nSELECT 1\n----\n1\n");
            bench.write("tests/migrations/03_last/pasted.slt", &case);
            let ran = bench.gated(&["test-migration", "03_last::pasted"]).expect(1);
            let said = what.lines().next().unwrap();
            assert!(ran.stdout.contains(said), "{engine:?}, {said}: {}", ran.stdout);
        }
    }
}

#[test]
fn rows_of_cases_go_with_the_generated_ones() {
    for engine in BOTH {
        let before = "CREATE TABLE item (id integer PRIMARY KEY, title text CHECK (title = 'a;b'));
                      CREATE TABLE part (id integer PRIMARY KEY, title text NOT NULL);";
        let up = "ALTER TABLE part ADD COLUMN size integer;
                  INSERT INTO part (id, title) SELECT -77, nullif(title, 'a;b') FROM item WHERE id = 5;";
        let bench = bench(*engine, before, up, "ALTER TABLE part DROP COLUMN size;");
        bench.gated(&["test-migration", "03_last", "--messy"]).expect(0);
        let case = "subtest before\n\nstatement ok\nINSERT INTO item VALUES (5, 'a;b')\n\nsubtest after\n\nquery I\nSELECT 1\n----\n1\n";
        bench.write("tests/migrations/03_last/a.slt", case);
        let ran = bench.gated(&["test-migration", "03_last", "--messy"]).expect(1);
        let said = "no row is needed for it, beside those that its cases seed";
        assert!(ran.stdout.contains(said), "{engine:?}: {}", ran.stdout);
    }
}
