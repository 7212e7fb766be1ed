//! What stands against accepting, and what a tired person types.

use std::fs;

use super::{DIRECTORY, SUM, accept, directories, listed, remove, stops, sum, table};
use crate::git::{command, commit, git, start};
use crate::support::{GATE, Ran, Workspace};

#[test]
fn an_error_is_shown_and_nothing_is_accepted() {
    let workspace = Workspace::with_family();
    accept(&workspace, &[]);
    workspace.migration("02_bad", "CREATE TABLE bad(x);\nCOMMIT;\n", "DROP TABLE bad;\n");
    table(&workspace, "03_good");
    let said = ["error[transaction-control]", "02_bad/up.sql:2:1", "the linter found 1 error"];
    let ran = stops(&workspace, &["accept", "--untested"], 1, &said);
    assert!(ran.stderr.contains("nothing was accepted"), "{}", ran.stderr);
    // It stands only against the one that has it.
    stops(&workspace, &["accept", "--untested", "bad"], 1, &said);
    stops(
        &workspace,
        &["accept", "--untested", "good"],
        1,
        &["02_bad is a draft and runs before it"],
    );
    fs::rename(
        workspace.path().join("migrations/sqlite/02_bad"),
        workspace.path().join("migrations/sqlite/04_bad"),
    )
    .unwrap();
    accept(&workspace, &["good"]);
    assert_eq!(listed(&workspace), "01_family 03_good");
}

#[test]
fn the_order_is_kept() {
    let workspace = Workspace::with_family();
    accept(&workspace, &[]);
    table(&workspace, "02_older");
    table(&workspace, "03_newer");
    let said = ["02_older is a draft and runs before it", "accept that one too, or remove it"];
    stops(&workspace, &["accept", "--untested", "newer"], 1, &said);
    accept(&workspace, &[]);
    table(&workspace, "01-5_between");
    let said = ["error[draft-out-of-order]", "help: cargo xtask rebase"];
    stops(&workspace, &["accept", "--untested"], 1, &said);
    stops(&workspace, &["accept", "--untested", "between"], 1, &said);
    // Two of one version have no order.
    remove(&workspace, "01-5_between");
    table(&workspace, "03_twin");
    stops(&workspace, &["accept", "--untested"], 1, &["duplicate-version"]);
}

#[test]
fn a_name_that_is_wrong_is_put_right() {
    let workspace = Workspace::with_family();
    accept(&workspace, &[]);
    table(&workspace, "02_more");
    let cases = [
        ("mroe", "did you mean more?"),
        ("02_mor", "did you mean 02_more?"),
        ("20261123", "cargo xtask status lists the drafts"),
        ("", "there is no migration of this name"),
        ("..", "there is no migration of this name"),
        ("migrations/sqlite", "there is no migration of this name"),
        ("postgres://me:hunter2@db/x", "there is no migration of this name"),
        ("\u{1b}[31mred", "there is no migration of this name"),
    ];
    for (name, said) in cases {
        stops(&workspace, &["accept", "--untested", name], 2, &[said]);
    }
    stops(&workspace, &["accept", "--untested", "more", "nothing"], 2, &["\"nothing\""]);
    assert_eq!(listed(&workspace), "01_family");
}

#[test]
fn without_a_directory_of_migrations_it_says_which() {
    let workspace = Workspace::new();
    accept(&workspace, &[]);
    assert!(!workspace.path().join(SUM).exists(), "there is nothing to list");
    fs::remove_dir(workspace.path().join(DIRECTORY)).unwrap();
    for command in [
        &["accept", "--untested"][..],
        &["accept", "--existing"],
        &["accept", "--untested", "more"],
    ] {
        stops(&workspace, command, 2, &[DIRECTORY, "make the directory"]);
    }
    workspace.write(DIRECTORY, "a file");
    stops(&workspace, &["accept", "--untested"], 2, &[DIRECTORY]);
}

/// The one sum may be written, the other is longer than any file may get.
#[test]
fn what_can_not_be_written_is_as_it_was() {
    let workspace = Workspace::new();
    workspace.configure(
        "[migrations]\nsqlite = \"migrations/sqlite\"\npostgres = \"migrations/postgres\"\n\
         [targets.dev]\nengine = \"sqlite\"\npath = \"var/dev.db\"\n",
    );
    table(&workspace, "01_one");
    let postgres = |version: u32| {
        let (name, allow) = match version {
            1 => ("one", ""),
            2 => ("two", ""),
            _ => ("more", "-- portcullis: allow(parity-missing): only to be long\n"),
        };
        let file = |file: &str| format!("migrations/postgres/{version:02}_{name}/{file}.sql");
        workspace.write(&file("up"), format!("{allow}CREATE TABLE t{version}(x INTEGER);\n"));
        workspace.write(&file("down"), format!("DROP TABLE t{version};\n"));
    };
    postgres(1);
    accept(&workspace, &[]);
    table(&workspace, "02_two");
    (2..12).for_each(postgres);
    let kept = |file: &str| fs::read_to_string(workspace.path().join(file)).unwrap();
    let before = [kept(SUM), kept("migrations/postgres/migrations.sum")];
    let mut shell = std::process::Command::new("bash");
    workspace.prepare(&mut shell);
    let script = "trap '' XFSZ; ulimit -f 1; exec \"$0\" accept --untested";
    let ran = Ran::of(&shell.args(["-c", script, GATE]).output().unwrap()).expect(1);
    ran.is_for_people();
    for words in ["couldn't write the file", "migrations/postgres/migrations.sum", "too large"] {
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
    assert_eq!([kept(SUM), kept("migrations/postgres/migrations.sum")], before);
    let here = fs::read_dir(workspace.path().join(DIRECTORY)).unwrap().count();
    assert_eq!(here, 3, "something was left behind");
    accept(&workspace, &[]);
    assert_eq!(listed(&workspace), "01_one 02_two");
}

/// The order isn't decided yet: accepting would decide it by chance.
#[test]
fn while_a_merge_is_in_conflict_it_says_what_to_type() {
    let workspace = Workspace::with_family();
    accept(&workspace, &[]);
    start(&workspace);
    git(&workspace, &["switch", "--quiet", "-c", "feature"]);
    table(&workspace, "02_mine");
    accept(&workspace, &[]);
    commit(&workspace);
    git(&workspace, &["switch", "--quiet", "main"]);
    table(&workspace, "03_theirs");
    accept(&workspace, &[]);
    commit(&workspace);
    git(&workspace, &["switch", "--quiet", "feature"]);
    let merged = command(&workspace, &["merge", "--quiet", "main"]).output().unwrap();
    assert!(!merged.status.success());
    for names in [
        &["accept", "--untested"][..],
        &["accept", "--untested", "mine"],
        &["accept", "--untested", "02_mine"],
    ] {
        stops(&workspace, names, 1, &["error[sum-malformed]", "help: cargo xtask rebase"]);
    }
    // Without the markers it is still the order that is wrong.
    let text = sum(&workspace);
    let ours = text.lines().filter(|line| !line.starts_with(['<', '=', '>']));
    let ours: String = ours.map(|line| format!("{line}\n")).collect();
    workspace.write(SUM, ours);
    stops(&workspace, &["accept", "--untested"], 1, &["cargo xtask rebase"]);
    workspace.run(&["rebase"]).expect(0);
    accept(&workspace, &[]);
    workspace.run(&["lint"]).expect(0);
    assert_eq!(directories(&workspace, DIRECTORY), ["01_family", "03_theirs", "04_mine"]);
}
