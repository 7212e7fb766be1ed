use portcullis_lint::Memory;
use portcullis_model::migration::Migration;
use portcullis_model::sql::Dialect;
use portcullis_model::sum::{Digests, Line, Verdict};

use super::*;

const NOW: &str = "2026-11-22T19:05:59Z";

fn migrations() -> Migrations {
    Migrations { dialect: Dialect::Sqlite, path: "migrations".into() }
}

fn set(directories: &[&str], sum: &str) -> MigrationSet {
    let up = |directory: &&str| {
        let text = format!("CREATE TABLE {}(x);", name_of(directory));
        (format!("migrations/{directory}/up.sql"), text)
    };
    let mut files: Vec<_> = directories.iter().map(up).collect();
    files.push(("migrations/README.md".to_owned(), String::new()));
    if !sum.is_empty() {
        files.push(("migrations/migrations.sum".to_owned(), sum.to_owned()));
    }
    MigrationSet::read(&Memory::new(files), Path::new("migrations")).unwrap()
}

/// A sum of these, as `accept` would have written it.
fn sum(directories: &[&str]) -> Sum {
    let line = |migration: &Migration| Line {
        directory: migration.directory.clone(),
        digests: Digests::of(migration, Dialect::Sqlite),
        verdict: Verdict::default(),
        allowed: Vec::new(),
        tested: None,
        tool: "portcullis/0.1.0".to_owned(),
        span: 0..0,
    };
    Sum { lines: set(directories, "").migrations.iter().map(line).collect() }
}

fn decided(working: &[&str], written: &str, others: &[&str]) -> Result<Rebase, Error> {
    let migrations = migrations();
    let engine = Engine {
        migrations: &migrations,
        working: set(working, written),
        others: Others {
            directories: others.iter().map(|name| (*name).to_owned()).collect(),
            sum: sum(others),
        },
    };
    decide(&[engine], &BTreeSet::new(), humantime::parse_rfc3339(NOW).unwrap())
}

fn directories(rebase: &Rebase) -> Vec<&str> {
    let sums = rebase.sums.values().flat_map(|sum| &sum.lines);
    sums.map(|line| line.directory.as_str()).collect()
}

fn conflict(base: &[&str], ours: &[&str], theirs: &[&str]) -> String {
    let lines = |names: &[&str]| {
        sum(names).lines.iter().map(|line| format!("{line}\n\n")).collect::<String>()
    };
    let header = Sum::default().to_string();
    let (base, ours, theirs) = (lines(base), lines(ours), lines(theirs));
    format!("{header}{base}<<<<<<< HEAD\n{ours}=======\n{theirs}>>>>>>> main\n")
}

#[test]
fn ones_own_come_after_the_others_in_their_order() {
    let written = conflict(&["01_a"], &["02_mine", "04_too"], &["03_theirs"]);
    let rebase =
        decided(&["01_a", "02_mine", "03_theirs", "04_too"], &written, &["01_a", "03_theirs"]);
    let rebase = rebase.unwrap();
    let renames = [("02_mine", "04_mine"), ("04_too", "05_too")];
    assert_eq!(rebase.renames, renames.map(|(old, new)| (old.to_owned(), new.to_owned())));
    assert_eq!(directories(&rebase), ["01_a", "03_theirs", "04_mine", "05_too"]);
    // The lines are those that accepting the new names would have written.
    let written = rebase.sums.values().next().unwrap().to_string();
    assert_eq!(written, sum(&["01_a", "03_theirs", "04_mine", "05_too"]).to_string());
    assert!(rebase.drafts.is_empty());
}

#[test]
fn what_sorts_last_keeps_its_name_and_the_conflict_is_settled() {
    let written = conflict(&["01_a"], &["03_mine"], &["02_theirs"]);
    let rebase =
        decided(&["01_a", "02_theirs", "03_mine"], &written, &["01_a", "02_theirs"]).unwrap();
    assert!(rebase.renames.is_empty());
    assert_eq!(directories(&rebase), ["01_a", "02_theirs", "03_mine"]);
    // Once more, nothing is left to do.
    let written = rebase.sums.values().next().unwrap().to_string();
    let again = decided(&["01_a", "02_theirs", "03_mine"], &written, &["01_a", "02_theirs"]);
    assert!(again.unwrap().is_empty());
}

#[test]
fn timestamps_are_fresh() {
    let rebase = decided(
        &["2026-01-01-000000_mine", "2026-02-01-000000_theirs"],
        "",
        &["2026-02-01-000000_theirs"],
    );
    let new = "2026-11-22-190559_mine".to_owned();
    assert_eq!(rebase.unwrap().renames, [("2026-01-01-000000_mine".to_owned(), new)]);
}

#[test]
fn drafts_stay_drafts_and_what_was_edited_becomes_one() {
    let theirs = ["01_a", "03_theirs"];
    let working = ["01_a", "02_mine", "03_theirs"];
    let rebase = decided(&working, &sum(&theirs).to_string(), &theirs).unwrap();
    assert_eq!(rebase.renames.len(), 1);
    assert!(rebase.sums.is_empty() && rebase.drafts.is_empty(), "{rebase:?}");

    let mut edited = sum(&working);
    edited.lines[1].digests.fingerprint = edited.lines[0].digests.fingerprint;
    let rebase = decided(&working, &edited.to_string(), &theirs).unwrap();
    assert_eq!(
        (rebase.drafts.as_slice(), directories(&rebase)),
        (&["04_mine".to_owned()][..], theirs.to_vec())
    );
}

#[test]
fn a_rebase_that_died_before_the_sum_is_finished() {
    let written = conflict(&["01_a"], &["02_mine"], &["03_theirs"]);
    let rebase = decided(&["01_a", "03_theirs", "04_mine"], &written, &["01_a", "03_theirs"]);
    assert_eq!(directories(&rebase.unwrap()), ["01_a", "03_theirs", "04_mine"]);
}

#[test]
fn without_others_there_is_nothing_to_do() {
    assert!(decided(&["01_a"], "", &[]).unwrap().is_empty());
    assert!(decided(&["01_a"], &sum(&["01_a"]).to_string(), &[]).unwrap().is_empty());
    assert!(decided(&[], "", &[]).unwrap().is_empty());
}

#[test]
fn what_can_not_be_settled_is_said() {
    let error = decided(&["01_a"], "# migrations.sum, format 1\nnonsense", &["01_a"]).unwrap_err();
    assert!(error.cause.contains("isn't what `accept` writes"), "{error}");
    let error = decided(&["1_mine", "9_theirs"], "", &["9_theirs"]).unwrap_err();
    assert!(error.cause.contains("sorts after"), "{error}");
}
