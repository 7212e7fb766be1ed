use std::path::Path;
use std::process::Command;

use proptest::prelude::*;

use super::*;
use crate::migration::{File, Metadata};

fn migration(directory: &str, up: &str, down: &str) -> Migration {
    Migration {
        path: Path::new("migrations").join(directory),
        directory: directory.to_owned(),
        version: crate::migration::version_of(directory),
        up: File::Read(up.into()),
        down: File::Read(down.into()),
        metadata_file: File::Missing,
        metadata: Metadata::Absent,
        others: Vec::new(),
    }
}

fn line(directory: &str) -> Line {
    let digests = Digests::of(&migration(directory, "SELECT 1;", ""), Dialect::Sqlite);
    let tool = "portcullis/0.1.0".to_owned();
    let (verdict, allowed) = (Verdict::default(), Vec::new());
    Line {
        directory: directory.to_owned(),
        digests,
        verdict,
        allowed,
        tested: None,
        tool,
        span: 0..0,
    }
}

fn sum(directories: &[&str]) -> Sum {
    Sum { lines: directories.iter().map(|directory| line(directory)).collect() }
}

fn without_spans(mut sum: Sum) -> Sum {
    sum.lines.iter_mut().for_each(|line| line.span = 0..0);
    sum
}

#[test]
fn what_changed_is_told_apart() {
    let accepted = migration("1_a", "CREATE TABLE a(x); -- why\n", "DROP TABLE a;\n");
    let digests = Digests::of(&accepted, Dialect::Sqlite);
    let with = |up: &str, down: &str| digests.change(&migration("1_a", up, down), Dialect::Sqlite);
    let (up, down) = ("CREATE TABLE a(x); -- why\n", "DROP TABLE a;\n");
    let cases = [
        (up, down, Change::Nothing),
        ("CREATE TABLE a(x); -- why\r\n", down, Change::LineEndings),
        (up, "DROP TABLE a;\r\n", Change::LineEndings),
        ("CREATE TABLE a(x); -- because\n", down, Change::Comments),
        ("CREATE TABLE a( x );\r\n\r\n", down, Change::Comments),
        (up, "DROP TABLE a; /* really */", Change::Comments),
        ("CREATE TABLE a(y); -- why\n", down, Change::Sql),
        ("CREATE TABLE a('x'); -- why\n", down, Change::Sql),
        (up, "DROP TABLE b;\n", Change::Sql),
        (up, "", Change::Sql),
        ("-- CREATE TABLE a(x);\n", down, Change::Sql),
    ];
    for (up, down, expected) in cases {
        assert_eq!(with(up, down), expected, "{up:?} {down:?}");
    }
    let alone = Migration { metadata: Metadata::Explicit(false), ..accepted };
    assert_eq!(digests.change(&alone, Dialect::Sqlite), Change::Sql);
}

#[test]
fn a_sum_is_read_as_it_was_written() {
    let mut sum = sum(&["2024-01-01-000000_a", "2024-01-02-000000_odd \"name\"", "3_é"]);
    sum.lines[0].verdict.warnings = 2;
    sum.lines[1].verdict = Verdict { errors: 1, warnings: 0 };
    let reason = "nobody \"reads\" it\n# since 2023 \\ and so on: allow(x):\"y\"".to_owned();
    sum.lines[2].allowed = vec![
        Allow { rule: "drop-column".to_owned(), reason },
        Allow { rule: "empty-down".to_owned(), reason: String::new() },
    ];
    let text = sum.to_string();
    assert_eq!(text.lines().filter(|line| line.contains("sha256:")).count(), 3, "{text}");
    assert_eq!(parse(&text).map(without_spans), Ok(sum.clone()));
    assert_eq!(parse(&text.replace('\n', "\r\n")).map(without_spans), Ok(sum));
    let read = parse(&text).unwrap();
    let span = read.lines[1].span.clone();
    assert!(text[span].starts_with("\"2024-01-02-000000_odd"), "{text}");
}

#[test]
fn every_problem_is_named_at_its_place() {
    let good = sum(&["1_a", "2_b"]).to_string();
    let (first, second) = (line("1_a").to_string(), line("2_b").to_string());
    let cases: Vec<(String, &[&str])> = vec![
        (String::new(), &["NoHeader"]),
        (first.clone(), &["NoHeader"]),
        (good.replace("format 1", "format 2"), &["Format"]),
        (good.replace("format 1", "format 1x"), &["Format"]),
        (good.replace("sha256:", "sha256:0"), &["Malformed", "Malformed"]),
        (good.replace(" bytes:", " bytes:x"), &["Malformed", "Malformed"]),
        (good.replace(&first, &first[..40]), &["Malformed"]),
        (good.replace(&first, &first.replace("/0.1.0", "")), &["Malformed"]),
        (good.replace(&first, &format!("{first} more")), &["Malformed"]),
        (good.replace(" clean", " allow(x):\"never closed"), &["Malformed", "Malformed"]),
        (good.replace(" clean", " clean tested(cases:1"), &["Malformed", "Malformed"]),
        (good.replace(" clean", " clean tested(cases:x)"), &["Malformed", "Malformed"]),
        (good.replace(" clean", " clean tested(more:1)"), &["Malformed", "Malformed"]),
        (good.replace(&second, &first), &["Duplicate"]),
        (good.replace(&first, "x").replace(&second, &first).replace('x', &second), &["OutOfOrder"]),
        (
            good.replace(&second, &format!("<<<<<<< HEAD\n{second}\n=======\n>>>>>>> main")),
            &["ConflictMarker"; 3],
        ),
    ];
    for (text, expected) in cases {
        let problems = parse(&text).expect_err(&text);
        let found: Vec<String> =
            problems.iter().map(|problem| format!("{:?}", problem.kind)).collect();
        let names: Vec<&str> =
            found.iter().map(|name| name.split(['(', ' ']).next().unwrap()).collect();
        assert_eq!(names, expected, "{text}");
        for problem in problems {
            assert!(text.get(problem.span.clone()).is_some(), "{problem:?}");
            assert!(!problem.kind.message().is_empty() && !problem.kind.help().is_empty());
        }
    }
}

#[test]
fn a_conflict_keeps_both_sides() {
    let [a, b, c] = ["1_a", "2_b", "3_c"].map(line);
    let text = format!("{a}\n\n<<<<<<< HEAD\n{b}\n=======\n{c}\n>>>>>>> main\n\n");
    let directories: Vec<String> = lines(&text).0.into_iter().map(|line| line.directory).collect();
    assert_eq!(directories, ["1_a", "2_b", "3_c"]);
}

/// Whether git reports a conflict when two branches left these sums.
fn conflicts(base: &Sum, ours: &Sum, theirs: &Sum) -> bool {
    let directory = tempfile::tempdir().unwrap();
    for (name, sum) in [("base", base), ("ours", ours), ("theirs", theirs)] {
        std::fs::write(directory.path().join(name), sum.to_string()).unwrap();
    }
    let merged = Command::new("git")
        .current_dir(&directory)
        .args(["merge-file", "-p", "ours", "base", "theirs"])
        .output()
        .unwrap();
    let merged_text = String::from_utf8(merged.stdout).unwrap();
    let conflict = !merged.status.success();
    assert_eq!(conflict, parse(&merged_text).is_err(), "{merged_text}");
    conflict
}

#[test]
fn two_branches_conflict_when_their_order_does() {
    let base = sum(&["1_a", "2_b", "3_c"]);
    let accepted_again = |at: usize| {
        let mut sum = base.clone();
        sum.lines[at].verdict.warnings = 7;
        sum
    };
    let with = |more: &[&str]| sum(&[&["1_a", "2_b", "3_c"], more].concat());
    let cases = [
        ("both add one", with(&["4_d"]), with(&["5_e"]), true),
        ("both add several", with(&["4_d", "6_f"]), with(&["5_e", "7_g"]), true),
        ("both add the first", with(&["4_d"]), with(&["4_x"]), true),
        ("one adds", with(&["4_d"]), base.clone(), false),
        ("both add the same", with(&["4_d"]), with(&["4_d"]), false),
        ("one accepts the newest again, the other adds", accepted_again(2), with(&["4_d"]), false),
        ("one accepts an older one again", accepted_again(0), with(&["4_d"]), false),
        ("both accept others again", accepted_again(0), accepted_again(1), false),
        // After a squash merge: git can't know, whatever the form; `rebase` settles it.
        ("one has the other's and goes on", with(&["4_d"]), with(&["4_d", "5_e"]), true),
        ("one drops the newest, the other adds", sum(&["1_a", "2_b"]), with(&["4_d"]), true),
    ];
    for (what, ours, theirs, expected) in cases {
        assert_eq!(conflicts(&base, &ours, &theirs), expected, "{what}");
        assert_eq!(conflicts(&base, &theirs, &ours), expected, "{what}, the other way");
    }
    let (empty, one, other) = (Sum::default(), sum(&["1_a"]), sum(&["2_b"]));
    assert!(conflicts(&empty, &one, &other), "the first one");
}

proptest! {
    #[test]
    fn any_text_is_read(text in "(?s).*") {
        let _ = parse(&text);
    }

    #[test]
    fn any_line_comes_back(
        directory in "\\PC+", rule in "[a-z-]{1,20}", reason in "(?s).*",
        errors in 0..5_usize, warnings in 0..5_usize,
        tested in proptest::option::of((0..9_usize, any::<bool>(), 0..5000_usize)),
    ) {
        let mut one = line("1_a");
        one.directory = directory;
        one.verdict = Verdict { errors, warnings };
        one.allowed = vec![Allow { rule, reason }];
        one.tested = tested
            .map(|(cases, round_trip, messy_rows)| Tested { cases, round_trip, messy_rows });
        let sum = Sum { lines: vec![one] };
        prop_assert_eq!(parse(&sum.to_string()).map(without_spans), Ok(sum));
    }
}
