//! What holds for every rule.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::{fs, io};

use portcullis_model::migration::{MAX_FILE, MigrationSet};
use portcullis_model::sql::Dialect;
use portcullis_model::sum;
use portcullis_model::tree::{Bytes, Disk, Entry, EntryKind, Tree};

use super::*;
use crate::rule::example::{CREATE, DROP, METADATA, UP};

mod allow;
mod any_text;
mod history;
mod postgres;
mod text;

const DIALECTS: [Dialect; 2] = [Dialect::Sqlite, Dialect::Postgres];

fn set(tree: &dyn Tree) -> MigrationSet {
    MigrationSet::read(tree, Path::new("migrations")).unwrap()
}

/// The set and the context that these files make: what begins with `main:` is on the
/// default branch, and the branch is about to be merged; `twin:`, the other engine's; Rust
/// is the application's.
fn example(files: &[(&str, &[u8])]) -> (MigrationSet, Context) {
    let mut context = Context::default();
    let mut here = vec![("migrations/README", b"".as_slice())];
    for (path, bytes) in files.iter().copied() {
        let text = || String::from_utf8(bytes.to_vec()).unwrap();
        if let Some(path) = path.strip_prefix("main:") {
            context.drafts = Drafts::Reported;
            let base = context.base.get_or_insert_with(Base::default);
            base.revision = "main".to_owned();
            if path.ends_with(sum::FILE) {
                base.sum = sum::parse(&text()).unwrap();
            } else {
                base.old.insert(path.into(), bytes.to_vec());
            }
        } else if let Some(path) = path.strip_prefix("twin:") {
            let twin = context.twin.get_or_insert_with(Twin::default);
            twin.path = "other".into();
            let directory = Path::new(path).parent().and_then(Path::file_name).unwrap();
            twin.directories.insert(directory.to_str().unwrap().to_owned());
        } else if path.ends_with(".rs") {
            context.application.files.push((path.into(), text()));
        } else {
            here.push((path, bytes));
        }
    }
    (set(&Memory::new(here)), context)
}

fn report_in(files: &[(&str, &[u8])], dialect: Dialect) -> Report {
    let (set, context) = example(files);
    lint_in(&set, dialect, &context)
}

fn report(files: &[(&str, &[u8])]) -> Report {
    report_in(files, Dialect::Sqlite)
}

pub(crate) fn findings(files: &[(&str, &[u8])]) -> Vec<Finding> {
    report(files).findings
}

/// Which rules fire on SQLite, and at which line and column.
pub(crate) fn fired(files: &[(&str, &[u8])]) -> Vec<(&'static str, Option<(usize, usize)>)> {
    fired_in(files, Dialect::Sqlite)
}

fn fired_in(
    files: &[(&str, &[u8])],
    dialect: Dialect,
) -> Vec<(&'static str, Option<(usize, usize)>)> {
    let place = |position: Position| (position.line, position.column);
    let found = report_in(files, dialect).findings.into_iter();
    found.map(|finding| (finding.rule, finding.position.map(place))).collect()
}

/// The dialect that a rule's examples are written in: the first whose bad one finds something.
fn dialect_of(rule: &Rule) -> Dialect {
    let fires = |dialect: &Dialect| !report_in(rule.bad, *dialect).findings.is_empty();
    DIALECTS.into_iter().find(fires).unwrap_or(Dialect::Sqlite)
}

#[test]
fn bad_examples_fire_their_rule_and_good_ones_none() {
    for rule in RULES {
        let id = rule.id;
        if rule.bad.is_empty() {
            assert!(["file-too-large", "symlink", "unreadable-file"].contains(&id), "{id}");
            continue;
        }
        let fired = |files| fired_in(files, dialect_of(rule));
        let rules: BTreeSet<_> = fired(rule.bad).into_iter().map(|(rule, _)| rule).collect();
        assert_eq!(rules, BTreeSet::from([id]), "the bad example of {id}");
        assert!(!rule.good.is_empty(), "{id}");
        assert_eq!(fired(rule.good), [], "the good example of {id}");
    }
}

#[test]
fn rules_are_unique_sorted_and_written() {
    assert!(RULES.is_sorted_by(|a, b| a.id < b.id));
    for rule in RULES {
        assert_eq!(crate::rule(rule.id).map(|found| found.id), Some(rule.id));
        for text in [rule.summary, rule.why, rule.instead] {
            assert!(text.ends_with('.') && !text.contains("  "), "{}: {text:?}", rule.id);
        }
    }
    assert!(rule("no-such-rule").is_none());
}

fn rule_files() -> Vec<std::path::PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rules");
    let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| !path.ends_with("mod.rs")).collect()
}

#[test]
fn the_directory_is_the_registry() {
    let id =
        |path: &std::path::PathBuf| path.file_stem().unwrap().to_str().unwrap().replace('_', "-");
    let files: BTreeSet<String> = rule_files().iter().map(id).collect();
    let ids: BTreeSet<String> = RULES.iter().map(|rule| rule.id.to_owned()).collect();
    assert_eq!(files, ids);
}

/// `cargo fmt` doesn't see the modules that the registry's macro declares.
#[test]
fn rules_are_formatted() {
    let check =
        Command::new("rustfmt").args(["--check", "--edition", "2024"]).args(rule_files()).output();
    let output = check.expect("rust-toolchain.toml demands rustfmt");
    let said = [output.stdout, output.stderr].concat();
    assert!(
        output.status.success(),
        "run rustfmt --edition 2024 src/rules/*.rs\n{}",
        String::from_utf8_lossy(&said)
    );
}

#[test]
fn messages_follow_the_style_guide() {
    for rule in RULES.iter().filter(|rule| !rule.bad.is_empty()) {
        let found = DIALECTS.into_iter().map(|dialect| report_in(rule.bad, dialect));
        for finding in found.flat_map(|report| report.findings) {
            for text in [finding.message, finding.help] {
                assert!(!text.ends_with('.') && !text.contains('\n'), "{text}");
                assert!(!text.contains("invalid") && !text.contains("please"), "{text}");
                assert!(text.len() < 110, "say it shorter: {text}");
            }
        }
    }
}

#[test]
fn what_is_no_plain_text_is_one_finding() {
    let cases: [(&[u8], &[&str]); 3] = [
        (b"COMMIT; \xff 'unclosed", &["invalid-utf8"]),
        (b"COMMIT; -- TODO\0 ", &["nul-byte"]),
        (b"\xff\xfeC\0O\0", &["invalid-utf8", "nul-byte"]),
    ];
    for (bytes, expected) in cases {
        for path in [UP, METADATA] {
            let mut files = vec![DROP, (path, bytes)];
            if path == METADATA {
                files.push(CREATE);
            }
            let rules: Vec<_> = fired(&files).into_iter().map(|(rule, _)| rule).collect();
            assert_eq!(rules, expected, "{path}: {bytes:?}");
        }
    }
}

#[test]
fn findings_are_sorted_by_place() {
    let up = b"COMMIT; -- TODO\nCOMMIT; 'x";
    let found = fired(&[(UP, up), ("migrations/x.txt", b""), ("migrations/1_b/up.sql", b"\n")]);
    let expected = [
        ("missing-down", None),
        ("empty-up", None),
        ("missing-down", None),
        ("transaction-control", Some((1, 1))),
        ("stray-note", Some((1, 12))),
        ("transaction-control", Some((2, 1))),
        ("unclosed-quote", Some((2, 9))),
        ("stray-file", None),
    ];
    assert_eq!(found, expected);
}

#[cfg(unix)]
#[test]
fn links_are_found_wherever_they_stand() {
    use std::os::unix::fs::symlink;

    let root = tempfile::tempdir().unwrap();
    let migration = root.path().join("migrations/1_a");
    fs::create_dir_all(migration.join("metadata.toml")).unwrap();
    fs::write(root.path().join("x.sql"), "SELECT 1").unwrap();
    symlink(root.path().join("x.sql"), migration.join("up.sql")).unwrap();
    symlink("nowhere", migration.join("down.sql")).unwrap();
    symlink("1_a", root.path().join("migrations/2_b")).unwrap();
    let found = lint(&set(&Disk::new(root.path())), Dialect::Sqlite).findings;
    let files: Vec<_> =
        found.iter().map(|finding| (finding.rule, finding.file.to_str().unwrap())).collect();
    let paths = ["1_a/down.sql", "1_a/metadata.toml", "1_a/up.sql", "2_b"];
    let expected = paths.map(|path| ("symlink", format!("migrations/{path}")));
    assert_eq!(files, expected.each_ref().map(|(rule, path)| (*rule, path.as_str())));
}

/// A migration whose files have their fate in their name.
struct Unlucky;

impl Tree for Unlucky {
    fn entries(&self, directory: &Path) -> io::Result<Vec<Entry>> {
        let entry = |name: &str, kind| Entry { name: OsString::from(name), kind };
        match directory.to_str() {
            Some("migrations") => {
                Ok(["1_a", "2_b"].map(|name| entry(name, EntryKind::Directory)).to_vec())
            }
            Some("migrations/1_a") => {
                Ok(["up.sql", "down.sql"].map(|name| entry(name, EntryKind::File)).to_vec())
            }
            _ => Err(io::ErrorKind::PermissionDenied.into()),
        }
    }

    fn read(&self, file: &Path, limit: u64) -> io::Result<Bytes> {
        match file.ends_with("up.sql") {
            true => Ok(Bytes::TooLarge(limit + 1)),
            false => Err(io::ErrorKind::PermissionDenied.into()),
        }
    }
}

#[test]
fn what_can_not_be_read_is_said() {
    let set = set(&Unlucky);
    let report = lint(&set, Dialect::Sqlite);
    let rules: Vec<_> = report.findings.iter().map(|finding| finding.rule).collect();
    assert_eq!(rules, ["unreadable-file", "file-too-large", "not-a-migration"]);
    assert_eq!(MAX_FILE >> 20, 64, "the summary of file-too-large names it");
    insta::assert_snapshot!(render::human(&report, false));
}
