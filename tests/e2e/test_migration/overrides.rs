//! `--override`: what queries answer is written where they expect something else, and
//! nothing else is changed.

use super::{CASES, bench, both, case};
use crate::conformance::bench::{Bench, Engine};

/// Four queries of which two answer something else, and whatever a file may hold besides.
const BEFORE: &str = "# Kept:  blanks  \n\n\nsubtest before\n\nstatement ok\nINSERT INTO item VALUES (1, ' a '), (2, NULL), (3, '')\n\n\
    query I\nSELECT 1\n----\n1\n\nsubtest   after\n#comment\nquery T rowsort\nSELECT '[' || name || ']'\nFROM item WHERE id <> 2\n----\n[ a ]\n[b]\n[c]\n\n\n\
    query T\nSELECT title FROM item WHERE id = 2\n\nstatement error\nSELECT nothing\n\nquery II\nSELECT id, id FROM item WHERE id > 1 ORDER BY id\n----\n2 2\n3 3";

fn after() -> String {
    BEFORE
        .replace("[ a ]\n[b]\n[c]\n", "[]\n[a]\n")
        .replace("WHERE id = 2\n\n", "WHERE id = 2\n----\nNULL\n\n")
}

#[track_caller]
fn holds(bench: &Bench, expected: &str) {
    let file = bench.path().join(format!("{CASES}/a.slt"));
    assert_eq!(std::fs::read_to_string(file).unwrap(), expected);
}

#[test]
fn only_the_rows_of_the_queries_that_differ_are_written() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let bench = bench(engine);
        for ending in ["\n", "\r\n"] {
            let file = bench.write(&format!("{CASES}/a.slt"), BEFORE.replace('\n', ending));
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o640);
            std::fs::set_permissions(&file, mode).unwrap();
            bench.gated(&["test-migration"]).expect(1);
            holds(&bench, &BEFORE.replace('\n', ending));
            let ran = bench.gated(&["test-migration", "--override"]).expect(0);
            assert!(ran.stdout.contains("wrote  tests/migrations/02_name/a.slt, 2 results"));
            holds(&bench, &after().replace('\n', ending));
            let mode = std::fs::metadata(&file).unwrap().permissions();
            assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o640);
            // Nothing is left to write, and nothing is.
            let again = bench.gated(&["test-migration", "--override", "--format", "json"]);
            assert_eq!(again.expect(0).json()["written"], serde_json::json!([]));
        }
    }
}

#[test]
fn what_is_no_row_is_not_overridden() {
    let query = |sql: &str| case("a", &format!("query T\n{sql}\n----\nx\n"));
    let cases: [(String, &str); 5] = [
        (case("a", "statement ok\nSELECT nothing\n"), "a.slt:8"),
        (case("a", "statement error\nSELECT 1\n"), "a.slt:8"),
        (case("a", "query error\nSELECT 1\n"), "a.slt:8"),
        (query("SELECT 'a\nb'"), "no line of text"),
        (query("SELECT 'a' || char(10) || char(10)"), "no line of text"),
    ];
    let bench = bench(Engine::Sqlite);
    for (text, said) in &cases {
        bench.write(&format!("{CASES}/a.slt"), text);
        let ran = bench.gated(&["test-migration", "--override"]).expect(1);
        assert!(ran.stdout.contains(said), "{text}: {}", ran.stdout);
        assert!(!ran.stdout.contains("wrote"), "{}", ran.stdout);
        holds(&bench, text);
    }
}

#[test]
fn engines_that_differ_are_not_written_one_over_the_other() {
    let bench = both();
    let differs = case("a", "query T\nSELECT 7 / 2.0 || ''\n----\nx\n");
    let agrees = "query I\nSELECT 1\n----\n2\n";
    let alone = "onlyif sqlite\nquery T\nSELECT typeof(1)\n----\nx\n\nskipif sqlite\nquery T\nSELECT pg_typeof(1)\n----\nx\n";
    bench.write(&format!("{CASES}/a.slt"), &differs);
    for arguments in [
        &["test-migration", "--override"][..],
        &["test-migration", "--override", "--engine", "sqlite"],
    ] {
        let ran = bench.gated(arguments).expect(1);
        assert!(
            ran.stdout.contains("a.slt:8\n           its rows aren't overridden"),
            "{}",
            ran.stdout
        );
        holds(&bench, &differs);
    }
    let ran = bench.gated(&["test-migration", "--override"]).expect(1);
    assert!(ran.stdout.contains("onlyif sqlite"), "{}", ran.stdout);
    // What they agree on, and what only one is asked, is written.
    bench.write(&format!("{CASES}/a.slt"), case("a", &format!("{agrees}\n{alone}")));
    bench.gated(&["test-migration", "--override"]).expect(0);
    let right = |text: &str| {
        text.replacen("2\n", "1\n", 1).replace("typeof(1)\n----\nx", "typeof(1)\n----\ninteger")
    };
    holds(&bench, &case("a", &format!("{}\n{}", right(agrees), right(alone))));
}
