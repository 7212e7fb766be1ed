//! `accept`: what it lists, and what it leaves alone.

mod frozen;
mod refused;
mod tested;

use std::fs;

use crate::support::{Ran, Workspace};

pub(super) const DIRECTORY: &str = "migrations/sqlite";
pub(super) const SUM: &str = "migrations/sqlite/migrations.sum";

pub(super) fn sum(workspace: &Workspace) -> String {
    fs::read_to_string(workspace.path().join(SUM)).unwrap_or_default()
}

/// The lines of migrations.
pub(super) fn lines(sum: &str) -> Vec<&str> {
    sum.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

/// The directories that are listed.
pub(super) fn listed(workspace: &Workspace) -> String {
    let sum = sum(workspace);
    let names = lines(&sum).into_iter().filter_map(|line| line.split(' ').next());
    names.collect::<Vec<_>>().join(" ")
}

pub(super) fn table(workspace: &Workspace, name: &str) {
    let table = name.split_once('_').map_or(name, |(_, table)| table);
    let (up, down) = (format!("CREATE TABLE {table}(x);\n"), format!("DROP TABLE {table};\n"));
    workspace.migration(name, &up, &down);
}

pub(super) fn remove(workspace: &Workspace, name: &str) {
    fs::remove_dir_all(workspace.path().join(DIRECTORY).join(name)).unwrap();
}

/// The directories in this one, in order.
pub(super) fn directories(workspace: &Workspace, below: &str) -> Vec<String> {
    let entries = fs::read_dir(workspace.path().join(below)).unwrap().map(Result::unwrap);
    let directories = entries.filter(|entry| entry.path().is_dir());
    let mut names: Vec<String> =
        directories.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Stops with this code in both formats, says all of these, and leaves the sum as it was.
#[track_caller]
pub(super) fn stops(workspace: &Workspace, arguments: &[&str], code: i32, said: &[&str]) -> Ran {
    let before = fs::read(workspace.path().join(SUM)).ok();
    let ran = workspace.stops(arguments, code);
    workspace.stops_in_json(arguments, code);
    for words in said {
        assert!(ran.stderr.contains(words), "no {words:?}:\n{}", ran.stderr);
    }
    assert!(fs::read(workspace.path().join(SUM)).ok() == before, "the sum was made or changed");
    ran
}

/// `accept`, which must succeed.
#[track_caller]
pub(super) fn accept(workspace: &Workspace, names: &[&str]) -> Ran {
    let ran = workspace.run(&[&["accept", "--untested"], names].concat()).expect(0);
    ran.is_for_people();
    ran
}

#[test]
fn a_line_says_what_was_accepted_and_what_the_linter_said() {
    let workspace = Workspace::with_family();
    workspace.migration(
        "02_more",
        "CREATE TABLE more(x);\r\n",
        "-- portcullis: allow(empty-down): the \"rows\" can't be brought back\n",
    );
    let data = workspace.run(&["accept", "--untested", "--format", "json"]).expect(0).json();
    let text = sum(&workspace);
    let lines = lines(&text);
    assert_eq!(lines.len(), 2, "{text}");
    let tool = format!("portcullis/{}", env!("CARGO_PKG_VERSION"));
    for (line, said, end) in [
        (lines[0], &data["accepted"][0], format!(" clean {tool}")),
        (
            lines[1],
            &data["accepted"][1],
            format!(
                " warnings:1 allow(empty-down):\"the \\\"rows\\\" can't be brought back\" {tool}"
            ),
        ),
    ] {
        let begin = format!(
            "{} sha256:{} ",
            said["migration"].as_str().unwrap(),
            said["fingerprint"].as_str().unwrap()
        );
        assert!(line.starts_with(&begin) && line.ends_with(&end), "{line}\n{begin} … {end}");
    }
    assert_eq!(data["accepted"][1]["allowed"][0]["rule"], "empty-down");
    // The database says the same of what it applied.
    workspace.migrate();
    let applied = workspace.last_receipt()["migrations"][0]["fingerprint"].clone();
    assert_eq!(applied, data["accepted"][0]["fingerprint"]);
    let again = accept(&workspace, &[]).stdout;
    assert!(again.contains("nothing to accept"), "{again}");
    assert_eq!(sum(&workspace), text);
    workspace.run(&["lint"]).expect(0);
}

#[test]
fn with_names_only_those() {
    let workspace = Workspace::with_family();
    for name in ["02_more", "03_again", "04_last"] {
        table(&workspace, name);
    }
    for (name, expected) in [
        ("01", "01_family"),
        ("02_more", "01_family 02_more"),
        ("again", "01_family 02_more 03_again"),
    ] {
        accept(&workspace, &[name]);
        assert_eq!(listed(&workspace), expected, "{name}");
    }
    // An edit of another one waits, and so does one that is gone.
    workspace.migration("02_more", "CREATE TABLE more(x, y);\n", "DROP TABLE more;\n");
    remove(&workspace, "03_again");
    let before = sum(&workspace);
    let ran = accept(&workspace, &["last"]);
    assert!(sum(&workspace).starts_with(&before), "{}\n{}", ran.stdout, sum(&workspace));
    assert_eq!(listed(&workspace), "01_family 02_more 03_again 04_last");
    workspace.run(&["lint"]).expect(1);
    // A directory as the shell completes it is a name, too.
    let ran = accept(&workspace, &["migrations/sqlite/02_more/", "03_again"]);
    assert!(ran.stdout.contains("accepted  migrations/sqlite/02_more"), "{}", ran.stdout);
    assert!(ran.stdout.contains("dropped  03_again"), "{}", ran.stdout);
    workspace.run(&["lint"]).expect(0);
    let ran = accept(&workspace, &["02_more"]);
    assert!(ran.stdout.contains("nothing to accept"), "{}", ran.stdout);
}

/// Warnings and what a reason allows are no obstacle; they are said.
#[test]
fn a_warning_is_counted_and_no_obstacle() {
    let workspace = Workspace::with_family();
    workspace.write("migrations/sqlite/notes.txt", "of the directory, not of a migration");
    workspace.migration("02_more", "CREATE TABLE more(x);\r\n", "DROP TABLE more;\r\n");
    let ran = accept(&workspace, &[]);
    assert!(ran.stdout.contains("02_more, 2 warnings, not tested\n"), "{}", ran.stdout);
    assert!(ran.stdout.contains("01_family, clean, not tested\n"), "{}", ran.stdout);
    assert!(sum(&workspace).contains(" warnings:2 portcullis/"), "{}", sum(&workspace));
}

#[test]
fn it_is_repeated_after_an_edit_until_nothing_more_changes() {
    let workspace = Workspace::with_family();
    table(&workspace, "02_more");
    accept(&workspace, &[]);
    for up in ["CREATE TABLE more(x, y);\n", "CREATE TABLE more(x, y); -- why\n"] {
        workspace.migration("02_more", up, "DROP TABLE more;\n");
        let lint = workspace.run(&["lint"]).expect(1).stdout;
        assert!(lint.contains("error[accept-again]"), "{lint}");
        assert!(lint.contains("help: cargo xtask accept"), "{lint}");
        let before = sum(&workspace);
        let ran = accept(&workspace, &[]);
        assert!(!ran.stdout.contains("01_family"), "{}", ran.stdout);
        assert!(sum(&workspace) != before);
        assert_eq!(listed(&workspace), "01_family 02_more");
        workspace.run(&["lint"]).expect(0);
    }
}

#[test]
fn what_was_there_before_the_gate_is_recorded_once() {
    let workspace = Workspace::with_family();
    workspace.migration("02_odd", "CREATE TABLE odd(x);\nCOMMIT;\n", "");
    stops(
        &workspace,
        &["accept", "--untested"],
        1,
        &["the linter found 2 errors", "transaction-control"],
    );
    let ran = accept(&workspace, &["--existing"]);
    assert!(ran.stdout.contains("02_odd, with 2 errors from before the gate"), "{}", ran.stdout);
    assert!(sum(&workspace).contains(" errors:2 warnings:0 portcullis/"), "{}", sum(&workspace));
    workspace.run(&["lint"]).expect(0);
    workspace.migration("03_odd", "COMMIT;\n", "SELECT 1;\n");
    stops(&workspace, &["accept", "--existing"], 1, &["errors are recorded once", SUM]);
    workspace.run(&["accept", "--existing", "03_odd"]).expect(2).is_for_people();
    remove(&workspace, "03_odd");
    // A sum that lists nothing is one all the same.
    workspace.write(SUM, "# migrations.sum, format 1\n");
    stops(&workspace, &["accept", "--existing"], 1, &["errors are recorded once"]);
}

#[test]
fn two_engines_are_accepted_together_or_not_at_all() {
    let workspace = Workspace::new();
    workspace.configure(
        "[migrations]\nsqlite = \"migrations/sqlite\"\npostgres = \"migrations/postgres\"\n\
         [targets.dev]\nengine = \"sqlite\"\npath = \"var/dev.db\"\n",
    );
    let postgres = "migrations/postgres/migrations.sum";
    workspace.run(&["new", "first", "--sql", "CREATE TABLE first(x INTEGER)"]).expect(0);
    let ran = accept(&workspace, &[]);
    assert_eq!(ran.stdout.matches("accepted").count(), 2, "{}", ran.stdout);
    let kept = fs::read_to_string(workspace.path().join(postgres)).unwrap();
    assert_eq!(lines(&kept).len(), 1, "{kept}");
    assert_eq!(lines(&sum(&workspace)).len(), 1);
    workspace.run(&["lint"]).expect(0);

    workspace.run(&["new", "second", "--sql", "CREATE TABLE second(x INTEGER)"]).expect(0);
    let second = directories(&workspace, "migrations/postgres").pop().unwrap();
    workspace.write(&format!("migrations/postgres/{second}/up.sql"), "COMMIT;\n");
    stops(
        &workspace,
        &["accept", "--untested"],
        1,
        &["1 error", "migrations/postgres/", "nothing was accepted"],
    );
    stops(&workspace, &["accept", "--untested", "second"], 1, &["1 error"]);
    assert_eq!(fs::read_to_string(workspace.path().join(postgres)).unwrap(), kept);
}

#[test]
fn without_git_or_a_commit_it_is_the_same() {
    for repository in [false, true] {
        let workspace = Workspace::with_family();
        if repository {
            crate::git::git(&workspace, &["init", "--quiet", "--initial-branch=main"]);
        }
        accept(&workspace, &[]);
        table(&workspace, "02_more");
        accept(&workspace, &[]);
        remove(&workspace, "02_more");
        let ran = accept(&workspace, &[]);
        assert!(ran.stdout.contains("dropped  02_more"), "{}", ran.stdout);
        assert_eq!(listed(&workspace), "01_family");
        workspace.run(&["lint"]).expect(0);
    }
}
