//! What a comment allows, and where.

use super::*;
use crate::rule::example::DOWN;

/// Up and down, what fires, and how much is allowed.
fn check(up: &str, down: &str, expected: &[&str], allowed: usize) {
    let report = report(&[(UP, up.as_bytes()), (DOWN, down.as_bytes())]);
    let rules: Vec<&str> = report.findings.iter().map(|finding| finding.rule).collect();
    assert_eq!((rules.as_slice(), report.allowed.len()), (expected, allowed), "{up:?} {down:?}");
}

#[test]
fn it_holds_to_the_end_of_the_next_statement() {
    const NOTE: &str = "-- portcullis: allow(stray-note): a status\n";
    const DOWN: &str = "DROP TABLE a;";
    let cases: &[(&str, &[&str], usize)] = &[
        ("{}-- TODO\nSELECT 1;", &[], 1),
        ("{}SELECT 1 -- TODO, FIXME\n+ 1;", &[], 1),
        ("{}SELECT 1; -- TODO", &["allow-unused", "stray-note"], 0),
        ("-- TODO\n{}SELECT 1;", &["stray-note", "allow-unused"], 0),
        ("SELECT 1;\n{}SELECT 2 /* XXX */;", &[], 1),
        ("SELECT 1\n{}, 2 /* XXX */;", &[], 1),
        ("SELECT 1;\n{}-- TODO", &[], 1),
        ("{}SELECT 1;\nSELECT 2 /* XXX */;", &["allow-unused", "stray-note"], 0),
        ("{}{}SELECT 1 /* XXX */;", &["allow-unused"], 1),
        ("{}ATTACH 'a' AS b /* XXX */;", &["outside-database"], 1),
        ("SELECT '{}' /* XXX */;", &["stray-note"], 0),
    ];
    for (up, expected, allowed) in cases {
        check(&up.replace("{}", NOTE), DOWN, expected, *allowed);
    }
    let block =
        "/* portcullis: allow(stray-note, outside-database): both */ ATTACH 'a' AS b -- TODO";
    check(block, DOWN, &[], 2);
}

#[test]
fn before_the_first_statement_it_holds_for_the_whole_migration() {
    const UP: &str = "SELECT 1;";
    let empty = "-- portcullis: allow(empty-down): the rows are gone";
    check(UP, empty, &[], 1);
    check(UP, &format!("-- The users.\n{empty}\n-- That's all.\n"), &[], 1);
    check(&format!("{empty}\n{UP}"), "", &[], 1);
    check(&format!("{UP}\n{empty}"), "", &["empty-down", "allow-unused"], 0);
    check(&format!("{empty}\n{UP}"), "-- Nothing.", &["empty-down", "allow-unused"], 0);
    for (path, text, expected) in [
        ("1_a", "-- portcullis: allow(missing-down): it can't be undone\nSELECT 1;", 0),
        ("1_a", "SELECT 1;\n-- portcullis: allow(missing-down): too late", 2),
        ("1_a b", "-- portcullis: allow(missing-down, unusual-name): so\nSELECT 1;", 0),
    ] {
        let path = format!("migrations/{path}/up.sql");
        assert_eq!(fired(&[(&path, text.as_bytes())]).len(), expected, "{text}");
    }
    // Of another migration it says nothing.
    let up = b"-- portcullis: allow(missing-down): so\nSELECT 1;".as_slice();
    let found = fired(&[("migrations/1_a/up.sql", up), ("migrations/2_b/up.sql", b"SELECT 1;")]);
    assert_eq!(found, [("missing-down", None)]);
}

#[test]
fn metadata_has_comments_too() {
    let allow = "# portcullis: allow(metadata-unknown-key): another tool reads it\n";
    for (text, expected) in [
        (format!("run_in_transaction = true\n{allow}timeout = 3\n"), 0),
        (format!("{allow}run_in_transaction = true\ntimeout = 3\n"), 2),
        (format!("run_in_transaction = true\ntimeout = 3 {allow}"), 1),
        (
            format!(
                "# portcullis: allow(missing-down): so\n{allow}x = 1\nrun_in_transaction = true"
            ),
            1,
        ),
    ] {
        let found = fired(&[CREATE, DROP, (METADATA, text.as_bytes())]);
        assert_eq!(found.len(), expected, "{text}: {found:?}");
    }
}

#[test]
fn what_can_not_be_meant_can_not_be_allowed() {
    for rule in RULES.iter().filter(|rule| rule.allow == Allow::Never) {
        let up = format!("-- portcullis: allow({}): I know better\nSELECT 1;", rule.id);
        let rules: Vec<_> =
            fired(&[(UP, up.as_bytes()), DROP]).into_iter().map(|(rule, _)| rule).collect();
        assert_eq!(rules, ["allow-malformed"], "{}", rule.id);
    }
    let up = "-- portcullis: allow(transaction-control): I know better\nCOMMIT;";
    check(up, "SELECT 1;", &["allow-malformed", "transaction-control"], 0);
}

/// Every rule that may be allowed can be: the bad example with a comment is silent.
#[test]
fn what_may_be_allowed_can_be() {
    for rule in RULES.iter().filter(|rule| rule.allow == Allow::WithReason) {
        let marker = if rule.id == "other-way" { "//" } else { "--" };
        let allow = format!("{marker} portcullis: allow({}): it is meant\n", rule.id);
        let metadata = format!("# portcullis: allow({}): it is meant\n", rule.id);
        // Above each line of each file; what is unused then is beside the point.
        let files: Vec<(&str, Vec<u8>)> = rule
            .bad
            .iter()
            .map(|(path, bytes)| {
                let allow = if *path == METADATA { &metadata } else { &allow };
                let lines = bytes.split_inclusive(|byte| *byte == b'\n');
                (*path, lines.flat_map(|line| [allow.as_bytes(), line].concat()).collect())
            })
            .collect();
        let files: Vec<(&str, &[u8])> =
            files.iter().map(|(path, bytes)| (*path, bytes.as_slice())).collect();
        let report = report_in(&files, dialect_of(rule));
        let rules: BTreeSet<_> = report.findings.iter().map(|finding| finding.rule).collect();
        // A stray file at the root belongs to no migration.
        if rule.id != "stray-file" {
            assert!(!rules.contains(rule.id), "{}: {:?}", rule.id, report.findings);
            assert!(report.allowed.iter().any(|allowed| allowed.rule == rule.id), "{}", rule.id);
        }
    }
}
