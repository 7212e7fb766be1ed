//! Which migrations are looked at again.

use portcullis_model::sum::{Digests, Line, Sum, Verdict};

use super::*;
use crate::rule::example::{DOWN, FROZEN, MAIN_SUM, SUM};

/// A set of one migration, and its sum.
fn accepted(up: &str, down: &str) -> (MigrationSet, Sum) {
    let (set, _) = example(&[(UP, up.as_bytes()), (DOWN, down.as_bytes())]);
    let lines = set.migrations.iter().map(|migration| Line {
        directory: migration.directory.clone(),
        digests: Digests::of(migration, Dialect::Sqlite),
        verdict: Verdict::default(),
        allowed: Vec::new(),
        tested: None,
        tool: "portcullis/0.1.0".to_owned(),
        span: 0..0,
    });
    let sum = Sum { lines: lines.collect() };
    (set, sum)
}

#[test]
fn the_examples_sum_is_what_accept_would_write() {
    let text = |example: Example| std::str::from_utf8(example.1).unwrap().to_owned();
    let (_, sum) = accepted(&text(CREATE), &text(DROP));
    let lines = |text: &str| {
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(lines(&text(SUM)), lines(&sum.to_string()));
    assert_eq!(SUM.1, MAIN_SUM.1);
}

#[test]
fn what_was_linted_when_it_was_accepted_is_not_linted_again() {
    // TODO and CRLF are findings; so is ATTACH, an error.
    let up = "-- TODO\nATTACH 'a' AS b;\n";
    let (_, sum) = accepted(up, "SELECT 1;");
    let text = sum.to_string();
    let rules = |up: &str, with_sum: bool, base: Option<&Sum>| {
        let mut files = vec![(UP, up.as_bytes()), (DOWN, b"SELECT 1;".as_slice())];
        if with_sum {
            files.push((SUM.0, text.as_bytes()));
        }
        let (set, mut context) = example(&files);
        context.base = base.map(|sum| Base {
            sum: sum.clone(),
            revision: "main".to_owned(),
            ..Base::default()
        });
        let found = lint_in(&set, Dialect::Sqlite, &context).findings;
        found.into_iter().map(|finding| finding.rule).collect::<Vec<_>>()
    };
    let all = ["stray-note", "outside-database"];
    let crlf = up.replace('\n', "\r\n");
    let edited = up.replace("'a'", "'c'");
    let none = Sum::default();
    assert_eq!(rules(up, false, None), all, "a draft");
    assert!(rules(up, true, None).is_empty(), "accepted");
    assert!(rules(&crlf, true, None).is_empty(), "accepted, with other line endings");
    assert_eq!(rules(up, true, Some(&none)), all, "accepted on this branch only");
    assert!(rules(up, true, Some(&sum)).is_empty(), "frozen");
    assert_eq!(rules(&crlf, true, Some(&sum)), ["edited-line-endings"], "crlf is silent");
    let with = |first: &'static str| [&[first], all.as_slice()].concat();
    assert_eq!(rules(&edited, true, None), with("accept-again"));
    assert_eq!(rules(&edited, true, Some(&none)), with("accept-again"));
    assert_eq!(rules(&edited, true, Some(&sum)), with("edited-sql"));
}

#[test]
fn rules_about_the_directory_always_look() {
    let second = "migrations/20240101120000_again";
    let mut files = FROZEN.to_vec();
    let (up, down) = (format!("{second}/up.sql"), format!("{second}/down.sql"));
    files.extend([("migrations/fix.sql", b"".as_slice())]);
    let mut files: Vec<(&str, &[u8])> = files;
    files.extend([(up.as_str(), b"SELECT 1;".as_slice()), (&down, b"SELECT 1;")]);
    let rules: Vec<_> = fired(&files).into_iter().map(|(rule, _)| rule).collect();
    assert_eq!(rules, ["draft", "draft-out-of-order", "duplicate-version", "stray-file"]);
}

#[test]
fn what_a_digest_can_not_see_is_looked_at_again() {
    let (mut set, sum) = accepted("SELECT 1;", "SELECT 1;");
    set.sum_file = portcullis_model::migration::File::Read(sum.to_string().into_bytes());
    assert_eq!(lint(&set, Dialect::Sqlite), Report::default());
    set.migrations[0].metadata_file =
        portcullis_model::migration::File::NotAFile(EntryKind::Symlink);
    let found = lint(&set, Dialect::Sqlite).findings;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].rule, "symlink");
}

#[test]
fn a_sum_in_conflict_is_one_finding_and_not_one_for_each_migration() {
    let (_, sum) = accepted("-- TODO\nSELECT 1;", "SELECT 1;");
    let text = format!("{sum}<<<<<<< HEAD\n=======\n>>>>>>> topic\n");
    let found =
        fired(&[(UP, b"-- TODO\nSELECT 1;"), (DOWN, b"SELECT 1;"), (SUM.0, text.as_bytes())]);
    let rules: Vec<_> = found.into_iter().map(|(rule, _)| rule).collect();
    assert_eq!(rules, ["sum-malformed"]);
}

#[test]
fn a_draft_is_mentioned_only_where_that_is_asked_for() {
    let (set, mut context) = example(&[CREATE, DROP]);
    assert_eq!(lint_in(&set, Dialect::Sqlite, &context), Report::default());
    context.drafts = Drafts::Reported;
    let found = lint_in(&set, Dialect::Sqlite, &context).findings;
    assert_eq!(found.iter().map(|finding| finding.rule).collect::<Vec<_>>(), ["draft"]);
}
