//! What a person and what CI reads of a bad day.

use regex_lite::Regex;

use super::{CASES, bench, both, case};
use crate::conformance::bench::{Bench, Engine};
use crate::support::Ran;

/// A case whose rows differ, one that is meant for one engine, one for none, a migration that
/// doesn't come back, and one without a case.
fn bad_day() -> Bench {
    let bench = both();
    let rows = "query T\nSELECT '[' || name || ']'\nFROM item\n----\n[ a ]\n";
    bench.write(&format!("{CASES}/trims.slt"), case("  a  ", rows));
    let text = "onlyif postgres\nstatement ok\nSELECT 1\n";
    bench.write(&format!("{CASES}/elsewhere.slt"), case("a", text));
    bench.write(&format!("{CASES}/fine.slt"), case("a", "query I\nSELECT 1\n----\n1\n"));
    for (name, up) in
        [("03_last", "ALTER TABLE item ADD COLUMN extra text;\n"), ("04_rest", "SELECT 1;\n")]
    {
        bench.write(&format!("migrations/sqlite/{name}/up.sql"), up);
        bench.write(&format!("migrations/sqlite/{name}/down.sql"), "SELECT 1;\n");
    }
    let text = case("a", "onlyif postgres\nquery I\nSELECT 1\n----\n1\n");
    bench.write("tests/migrations/04_rest/nowhere.slt", text);
    bench
}

fn steady(ran: &Ran) -> String {
    let time = Regex::new(r"\d+ ms|\d+\.\d s").unwrap();
    let text = time.replace_all(&ran.stdout, "2 ms");
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n")
}

#[test]
fn a_bad_day_is_told_to_people() {
    let bench = bad_day();
    insta::assert_snapshot!(steady(&bench.gated(&["test-migration"]).expect(1)));
}

#[test]
fn a_bad_day_is_told_to_ci() {
    let bench = bad_day();
    let rows = "query T\nSELECT CAST(x'1b5b33316d00ffe28083' AS text) || '<&\"]]>' || CAST(x'08' AS text)\n----\nx\n";
    let text = case(
        "a",
        &format!(
            "onlyif sqlite\n{rows}\nonlyif postgres\n{}",
            rows.replace("CAST(x'1b5b33316d00ffe28083' AS text)", "chr(27) || '[31m'")
                .replace("CAST(x'08' AS text)", "chr(8)")
        ),
    );
    bench.write(&format!("{CASES}/odd.slt"), text);
    bench.gated(&["test-migration", "--junit", "results.xml"]).expect(1);
    let text = std::fs::read_to_string(bench.path().join("results.xml")).unwrap();
    let hostile = |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{fffe}' | '\u{ffff}');
    assert!(!text.contains(hostile), "{text:?}");
    for said in [
        "<testsuite name=\"migrations\" tests=\"2\"",
        "<testsuite name=\"sqlite\"",
        "<testsuite name=\"postgres\"",
        "<testcase name=\"it has no case\" classname=\"03_last\"",
        "<testcase name=\"trims\" classname=\"02_name\"",
        "<testcase name=\"up·down·up\" classname=\"03_last\"",
        "<skipped message=\"nothing that it asserts is meant for this engine\"",
        "&lt;&amp;",
        "trims.slt:8",
    ] {
        assert!(text.contains(said), "no {said}:\n{text}");
    }
    let count = |pattern: &str| text.matches(pattern).count();
    let of = |key: &str| {
        let found = Regex::new(&format!("<testsuites [^>]*{key}=\"(\\d+)\"")).unwrap();
        found.captures(&text).unwrap()[1].parse::<usize>().unwrap()
    };
    assert_eq!(of("failures"), count("<failure"));
    assert_eq!(of("tests"), count("<testcase"));
}

#[test]
fn a_place_that_cannot_be_written_is_said_before_anything_runs() {
    let bench = both();
    for (file, said) in [("not/there.xml", "mkdir -p not"), ("migrations", "it is a directory")] {
        let ran = bench.stops(&["test-migration", "--junit", file], 2);
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
        assert!(ran.stdout.is_empty(), "{}", ran.stdout);
    }
}

#[test]
fn one_cause_is_told_once() {
    let bench = bench(Engine::Sqlite);
    bench.write("migrations/sqlite/02_name/up.sql", "SELECT nothing;\n");
    for name in ["a", "b", "c", "d"] {
        let text = case("a", "query I\nSELECT 1\n----\n1\n");
        bench.write(&format!("{CASES}/{name}.slt"), text);
    }
    let ran = bench.gated(&["test-migration", "--engine", "sqlite"]).expect(1);
    assert!(ran.stdout.contains("with what is seeded by a, b, c, and 1 more"), "{}", ran.stdout);
    // With the cases, and with everything they seed.
    assert_eq!(ran.stdout.matches("02_name/up.sql").count(), 2, "{}", ran.stdout);
}
