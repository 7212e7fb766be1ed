//! What a case may try, and what may be missing: it is said, and the rest goes on.

use std::os::unix::fs::symlink;

use super::{CASES, bench, both, case};
use crate::conformance::bench::{Bench, Engine};
use crate::support::Ran;

/// A second in place of thirty.
fn hurry(bench: &Bench) {
    bench.configure_with("[test-migration]\nstatement-timeout = \"1s\"\n");
}

#[test]
fn a_case_cannot_go_on_for_ever_or_away() {
    let endless =
        "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t";
    let query = case("a", &format!("query I\n{endless}\n----\n1\n"));
    let expected = case("a", &format!("statement error\n{endless}\n"));
    let sleep = case("a", "query I\nSELECT pg_sleep(100)\n----\n1\n");
    let gone = "SELECT pg_terminate_backend(pg_backend_pid())";
    let ends = case("a", &format!("query I\n{gone}\n----\n1\n"));
    let ends_expected = case("a", &format!("statement error\n{gone}\n"));
    let seeds = format!(
        "subtest before\n\nstatement ok\n{endless}\n\nsubtest after\n\nquery I\nSELECT 1\n----\n1\n"
    );
    let cases: [(Option<Engine>, &str, u32); 6] = [
        (None, &query, 8),
        (None, &expected, 8),
        (None, &seeds, 3),
        (Some(Engine::Postgres), &sleep, 8),
        (Some(Engine::Postgres), &ends, 8),
        (Some(Engine::Postgres), &ends_expected, 8),
    ];
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let bench = bench(engine);
        hurry(&bench);
        // Comes after it, and needs the database.
        bench.write(
            &format!("{CASES}/b.slt"),
            case("b", "query T\nSELECT name FROM item\n----\nb\n"),
        );
        for (_, text, line) in
            cases.iter().filter(|(only, ..)| only.is_none_or(|one| one == engine))
        {
            bench.write(&format!("{CASES}/a.slt"), text);
            let json = bench.gated(&["test-migration", "--format", "json"]).expect(1).json();
            let cases = &json["engines"][0]["migrations"][1]["cases"];
            let at = cases[0]["problem"]["at"].as_str().unwrap_or_default();
            assert_eq!(at, format!("{CASES}/a.slt:{line}"), "{json}");
            assert_eq!(cases[1]["problem"], serde_json::Value::Null, "{json}");
            assert_eq!(json["engines"][0]["stopped"], serde_json::Value::Null);
        }
    }
}

#[test]
fn a_case_that_is_no_file_of_text_is_said() {
    let cases: [(&dyn Fn(&Bench), i32, &str); 8] = [
        (
            &|bench: &Bench| {
                drop(bench.write(&format!("{CASES}/a.slt"), b"subtest before\n\xff\n"))
            },
            1,
            "it isn't UTF-8",
        ),
        (
            &|bench: &Bench| {
                let text = bench.write("elsewhere.slt", case("a", "query I\nSELECT 1\n----\n1\n"));
                std::fs::create_dir_all(bench.path().join(CASES)).unwrap();
                symlink(text, bench.path().join(CASES).join("a.slt")).unwrap();
            },
            2,
            "02_name/a.slt",
        ),
        (
            &|bench: &Bench| {
                std::fs::create_dir_all(bench.path().join("elsewhere")).unwrap();
                symlink("../../elsewhere", bench.path().join(CASES)).unwrap();
            },
            2,
            "it is a symbolic link",
        ),
        (
            &|bench: &Bench| {
                let cases = bench.path().join("tests");
                std::fs::rename(&cases, bench.path().join("moved")).unwrap();
                symlink("moved", cases).unwrap();
            },
            2,
            "it is a symbolic link",
        ),
        (
            &|bench: &Bench| {
                std::fs::create_dir_all(bench.path().join(CASES).join("a.slt")).unwrap()
            },
            2,
            "in a directory here",
        ),
        (
            &|bench: &Bench| drop(bench.write("tests/migrations/a.slt", "")),
            2,
            "belongs to no migration",
        ),
        (
            &|bench: &Bench| {
                drop(bench.write(
                    &format!("{CASES}/a.slt"),
                    case("a", "statement ok retry 3 backoff 1h\nSELECT 1\n"),
                ))
            },
            1,
            "may not retry",
        ),
        (
            &|bench: &Bench| {
                drop(bench.write(
                    &format!("{CASES}/a.slt"),
                    case("a", "control substitution on\n\nquery T\nSELECT '$HOME'\n----\nx\n"),
                ))
            },
            1,
            "may not use control",
        ),
    ];
    for (number, (make, code, said)) in cases.into_iter().enumerate() {
        let bench = bench(Engine::Sqlite);
        make(&bench);
        let ran = bench.gated(&["test-migration", "--override"]).expect(code);
        let text = format!("{}{}", ran.stdout, ran.stderr);
        assert!(text.contains(said), "{number}, {said}: {text}");
    }
}

#[test]
fn without_postgresql_there_is_still_sqlite() {
    let bench = both();
    bench.write(&format!("{CASES}/a.slt"), case("a", "query I\nSELECT 1\n----\n1\n"));
    std::fs::create_dir_all(bench.path().join("empty")).unwrap();
    let without = |arguments: &[&str]| {
        let mut command = bench.gate(arguments);
        command.env(portcullis_cluster::binaries::VARIABLE, bench.path().join("empty"));
        Ran::of(&command.output().unwrap())
    };
    let ran = without(&["test-migration"]).expect(2);
    for said in ["PORTCULLIS_PG_BIN", "cargo xtask test-migration --engine sqlite"] {
        assert!(ran.stderr.contains(said), "{said}: {}", ran.stderr);
    }
    without(&["test-migration", "--engine", "sqlite"]).expect(0);
}

#[test]
fn a_server_that_is_gone_keeps_nobody_from_the_rest() {
    let bench = both();
    let end = "COPY (SELECT 1) TO PROGRAM 'kill -QUIT $(head -n 1 postmaster.pid); sleep 5'";
    let text = case(
        "a",
        &format!(
            "onlyif postgres\nstatement ok\n{end}\n\nonlyif sqlite\nquery I\nSELECT 1\n----\n1\n"
        ),
    );
    bench.write(&format!("{CASES}/a.slt"), text);
    let arguments = ["test-migration", "--junit", "results.xml", "--format", "json"];
    let json = bench.gated(&arguments).expect(1).json();
    let (sqlite, postgres) = (&json["engines"][0], &json["engines"][1]);
    assert_eq!(sqlite["migrations"][1]["cases"][0]["records"], 2, "{json}");
    assert!(postgres["stopped"]["at"].is_string(), "{json}");
    let text = std::fs::read_to_string(bench.path().join("results.xml")).unwrap();
    assert!(text.contains("name=\"every migration is applied\""), "{text}");
}
