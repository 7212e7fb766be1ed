//! `test-migration`: what a case may say, what is found, and how it is told.

mod bad_input;
mod example;
mod field;
mod jobs;
mod new;
mod output;
mod overrides;
mod quick;

use crate::conformance::bench::{Bench, Engine};

const CASES: &str = "tests/migrations/02_name";

/// A workspace of two migrations, of which the second fills a column.
fn bench(engine: Engine) -> Bench {
    let bench = Bench::new(engine);
    bench.step(
        "01_item",
        "CREATE TABLE item (id integer PRIMARY KEY, title text);\n",
        "DROP TABLE item;\n",
    );
    bench.step(
        "02_name",
        "ALTER TABLE item ADD COLUMN name text;\nUPDATE item SET name = trim(title);\n",
        "ALTER TABLE item DROP COLUMN name;\n",
    );
    bench.write(
        "tests/migrations/01_item/takes_rows.slt",
        "subtest before\n\nsubtest after\n\nstatement ok\nINSERT INTO item VALUES (1, 'a')\n",
    );
    bench
}

/// The same workspace on both engines, with a case for its second migration.
fn both() -> Bench {
    let bench = bench(Engine::Postgres);
    for engine in ["sqlite", "postgres"] {
        for name in ["01_item", "02_name"] {
            for file in ["up.sql", "down.sql"] {
                let text = format!("migrations/postgres/{name}/{file}");
                let text = std::fs::read(bench.path().join(text)).unwrap();
                bench.write(&format!("migrations/{engine}/{name}/{file}"), text);
            }
        }
    }
    bench.configure(
        "[migrations]\nsqlite = \"migrations/sqlite\"\npostgres = \"migrations/postgres\"\n\
         [targets.dev]\nengine = \"sqlite\"\npath = \"var/dev.db\"\n",
    );
    bench
}

/// A case that seeds one title, and expects a name.
fn case(title: &str, after: &str) -> String {
    format!(
        "subtest before\n\nstatement ok\nINSERT INTO item VALUES (1, '{title}')\n\nsubtest after\n\n{after}\n"
    )
}

#[test]
fn a_case_holds_or_shows_what_differs() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let bench = bench(engine);
        let engine = engine.name();
        let right = case("  a  ", "query T\nSELECT '[' || name || ']' FROM item\n----\n[a]\n");
        bench.write(&format!("{CASES}/trims.slt"), &right);
        let ran = bench.gated(&["test-migration", "--engine", engine, "--all"]).expect(0);
        assert!(ran.stdout.contains("every case holds"), "{}", ran.stdout);
        let wrong = right.replace("[a]\n", "[ a ]\n");
        bench.write(&format!("{CASES}/trims.slt"), &wrong);
        let ran = bench.gated(&["test-migration", "--engine", engine]).expect(1);
        for said in ["trims.slt:8", "-   [ a ]", "+   [a]"] {
            assert!(ran.stdout.contains(said), "{said}: {}", ran.stdout);
        }
        let json = bench
            .gated(&["test-migration", "02_name::trims", "--engine", engine, "--format", "json"])
            .expect(1)
            .json();
        assert_eq!(json["engines"][0]["migrations"][0]["cases"][0]["name"], "trims");
        assert_eq!(json["code"], 1);
    }
}

#[test]
fn the_case_that_the_documentation_shows_holds() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/testing.md");
    let page = std::fs::read_to_string(page).unwrap();
    let shown = page.split("```text\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let bench = both();
    bench.write(&format!("{CASES}/shown.slt"), shown);
    let json = bench.gated(&["test-migration", "--format", "json"]).expect(0).json();
    for (engine, records) in [(0, 5), (1, 4)] {
        assert_eq!(json["engines"][engine]["migrations"][1]["cases"][0]["records"], records);
    }
}

#[test]
fn what_is_wrong_with_a_case_is_said_with_file_and_line() {
    let commit = case("a", "statement ok\nCOMMIT\n");
    let leaves = case("a", "statement ok\nSAVEPOINT a\n");
    let cases: [(&str, &str, &str, i32); 11] = [
        (
            "subtest after\n\nquery I\nSELECT 1\n----\n1\n",
            "a.slt:1",
            "begins with `subtest before`",
            1,
        ),
        ("subtest before\n\nsubtest efter\n", "a.slt:3", "before, after or down", 1),
        ("subtest before\n", "a.slt", "nothing is asserted after", 1),
        ("subtest before\n\nsubtest after\n\nquery\n", "a.slt:6", "", 1),
        ("statement ok\nSELECT 1\n\nsubtest before\n", "a.slt:1", "before `subtest before`", 1),
        ("system ok\ntouch /\n", "a.slt:1", "may not use system", 1),
        ("include other.slt\n", "a.slt", "", 1),
        ("onlyif mysql\nstatement ok\nSELECT 1\n", "a.slt", "sqlite or postgres", 1),
        (&commit, "a.slt:8", "may not COMMIT", 1),
        (&leaves, "a.slt:8", "may not SAVEPOINT", 1),
        ("\u{0}", "a.slt", "", 1),
    ];
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let bench = bench(engine);
        for (text, at, what, exit) in &cases {
            bench.write(&format!("{CASES}/a.slt"), text);
            let ran = bench.gated(&["test-migration", "--engine", engine.name()]).expect(*exit);
            assert!(ran.stdout.contains(at) && ran.stdout.contains(what), "{text}: {}", ran.stdout);
        }
    }
}

#[test]
fn cases_and_migrations_belong_together() {
    let bench = bench(Engine::Sqlite);
    let ran = bench.gated(&["test-migration"]).expect(1);
    assert!(
        ran.stdout.contains("failed  02_name\n") && ran.stdout.contains("it has no case"),
        "{}",
        ran.stdout
    );
    bench.write("tests/migrations/02_nane/a.slt", "");
    let ran = bench.gated(&["test-migration"]).expect(2);
    assert!(ran.stderr.contains("is 02_name meant?"), "{}", ran.stderr);
    std::fs::remove_dir_all(bench.path().join("tests/migrations/02_nane")).unwrap();
    let ran = bench.gated(&["test-migration", "nothing_like_it"]).expect(2);
    assert!(ran.stderr.contains("no case has a name like that"), "{}", ran.stderr);
}

#[test]
fn a_down_that_loses_something_is_found() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let bench = bench(engine);
        for (number, (up, down, said)) in [
            ("ALTER TABLE item ADD COLUMN extra text;\n", "SELECT 1;\n", "column extra"),
            (
                "CREATE TABLE more (id integer);\nDELETE FROM item WHERE id = 7;\n",
                "DROP TABLE more;\n",
                "item has 0 rows after up and down, of 1",
            ),
            (
                "UPDATE item SET title = 'b' WHERE id = 7;\n",
                "SELECT 1;\n",
                "item hasn't this row any more",
            ),
        ]
        .iter()
        .enumerate()
        {
            bench.step("03_last", up, down);
            bench.write(
                "tests/migrations/03_last/a.slt",
                "subtest before\n\nstatement ok\nINSERT INTO item (id, title) VALUES (7, 'a')\n\nsubtest after\n\nquery I\nSELECT 1\n----\n1\n",
            );
            let ran =
                bench.gated(&["test-migration", "03_last", "--engine", engine.name()]).expect(1);
            assert!(ran.stdout.contains(said), "{number}, {said}: {}", ran.stdout);
        }
    }
}
