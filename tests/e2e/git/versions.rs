//! `lint --staged` and `lint --since`: each version is linted as it is, whatever the others
//! hold.

use std::fs;

use super::{BROKEN, commit, committed, git, start};
use crate::support::{Ran, Workspace};

const GOOD: &str = "CREATE TABLE good(x);\n";
const DOWN: &str = "DROP TABLE good;\n";

#[test]
fn what_is_staged_and_the_working_tree_are_linted_apart() {
    for (staged, working, codes) in [(BROKEN, GOOD, [1, 0]), (GOOD, BROKEN, [0, 1])] {
        let workspace = committed();
        workspace.migration("02_b", staged, DOWN);
        git(&workspace, &["add", "--all"]);
        workspace.migration("02_b", working, DOWN);
        let ran = workspace.run(&["lint", "--staged"]).expect(codes[0]);
        assert_eq!(ran.stdout.contains("transaction-control"), codes[0] == 1, "{}", ran.stdout);
        workspace.run(&["lint"]).expect(codes[1]);
    }
}

#[test]
fn a_migration_is_staged_or_not_whatever_is_on_the_disk() {
    let workspace = committed();
    workspace.migration("02_b", BROKEN, DOWN);
    workspace.run(&["lint", "--staged"]).expect(0);
    git(&workspace, &["add", "--all"]);
    fs::remove_dir_all(workspace.path().join("migrations/sqlite/02_b")).unwrap();
    workspace.run(&["lint", "--staged"]).expect(1);
    workspace.run(&["lint"]).expect(0);
}

#[test]
fn the_configuration_is_read_from_where_the_migrations_are() {
    let workspace = committed();
    let elsewhere = "[migrations]\nsqlite = \"elsewhere\"\n[targets.dev]\nengine = \"sqlite\"\npath = \"var/dev.db\"\n";
    workspace.write("elsewhere/01_a/up.sql", BROKEN);
    workspace.write("elsewhere/01_a/down.sql", DOWN);
    workspace.configure(elsewhere);
    workspace.run(&["lint", "--staged"]).expect(0);
    git(&workspace, &["add", "--all"]);
    workspace.configure("what is this?");
    let ran = workspace.run(&["lint", "--staged"]).expect(1);
    assert!(ran.stdout.contains("elsewhere/01_a/up.sql"), "{}", ran.stdout);
    workspace.run(&["lint", "--since", "main"]).expect(0);
    workspace.stops(&["lint"], 2);
}

#[test]
fn a_commit_that_touches_no_migration_does_not_wait_for_the_linter() {
    let workspace = Workspace::with_family();
    workspace.migration("02_b", BROKEN, DOWN);
    start(&workspace);
    workspace.run(&["lint", "--since", "main"]).expect(1);
    workspace.write("notes.txt", "unrelated");
    git(&workspace, &["add", "--all"]);
    let ran = workspace.run(&["lint", "--staged"]).expect(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    let ran = workspace.run(&["lint", "--staged", "--format", "json"]).expect(0);
    assert_eq!(ran.json()["findings"].as_array().map(Vec::len), Some(0));
    // A touch, and everything is looked at.
    workspace.migration("03_c", GOOD, DOWN);
    git(&workspace, &["add", "--all"]);
    workspace.run(&["lint", "--staged"]).expect(1);
}

#[test]
fn before_the_first_commit_all_that_is_staged_is_new() {
    let workspace = Workspace::new();
    git(&workspace, &["init", "--quiet"]);
    git(&workspace, &["add", "--all"]);
    // A directory without a file isn't in git.
    workspace.run(&["lint", "--staged"]).expect(0);
    workspace.migration("01_a", BROKEN, DOWN);
    git(&workspace, &["add", "--all"]);
    workspace.run(&["lint", "--staged"]).expect(1);
}

#[test]
fn a_commit_is_linted_against_where_it_left_the_other_branch() {
    let workspace = committed();
    git(&workspace, &["checkout", "--quiet", "-b", "feature"]);
    workspace.migration("02_b", BROKEN, DOWN);
    commit(&workspace);
    workspace.migration("02_b", GOOD, DOWN);
    git(&workspace, &["add", "--all"]);
    // Neither what is staged nor what is on the disk counts.
    for arguments in
        [&["lint", "--since"][..], &["lint", "--since", "main"], &["lint", "--since", "HEAD^"]]
    {
        let ran = workspace.run(arguments).expect(1);
        assert!(ran.stdout.contains("transaction-control"), "{}", ran.stdout);
    }
    commit(&workspace);
    git(&workspace, &["checkout", "--quiet", "--detach"]);
    workspace.migration("02_b", BROKEN, DOWN);
    workspace.run(&["lint", "--since"]).expect(0);
}

#[test]
fn a_workspace_below_the_top_is_linted_from_any_directory_in_it() {
    let workspace = Workspace::new();
    fs::create_dir_all(workspace.path().join("app/src")).unwrap();
    fs::rename(
        workspace.path().join("portcullis.toml"),
        workspace.path().join("app/portcullis.toml"),
    )
    .unwrap();
    start(&workspace);
    workspace.write("app/migrations/sqlite/01_a/up.sql", BROKEN);
    workspace.write("app/migrations/sqlite/01_a/down.sql", DOWN);
    git(&workspace, &["add", "--all"]);
    for directory in ["app", "app/src"] {
        let mut command = workspace.command(&["lint", "--staged"]);
        let output = command.current_dir(workspace.path().join(directory)).output().unwrap();
        let ran = Ran::of(&output).expect(1);
        assert!(ran.stdout.contains("migrations/sqlite/01_a/up.sql:2:1"), "{}", ran.stdout);
    }
}

#[test]
fn the_index_and_repository_that_the_environment_names_are_read() {
    let workspace = Workspace::new();
    fs::create_dir_all(workspace.path().join("app")).unwrap();
    let toml = workspace.path().join("portcullis.toml");
    fs::rename(toml, workspace.path().join("app/portcullis.toml")).unwrap();
    start(&workspace);
    fs::copy(workspace.path().join(".git/index"), workspace.path().join(".git/without")).unwrap();
    workspace.write("app/migrations/sqlite/01_a/up.sql", BROKEN);
    workspace.write("app/migrations/sqlite/01_a/down.sql", DOWN);
    git(&workspace, &["add", "--all"]);
    let directory = workspace.path().join(".git");
    let (top, directory) = (workspace.path().to_str().unwrap(), directory.to_str().unwrap());
    let without = ("GIT_INDEX_FILE", ".git/without");
    let cases: &[(&[(&str, &str)], i32)] = &[
        (&[], 1),
        // Git means a relative index from the top, wherever it runs.
        (&[without], 0),
        (&[("GIT_DIR", directory)], 1),
        (&[("GIT_DIR", directory), without], 0),
        (&[("GIT_DIR", "../.git")], 1),
        (&[("GIT_DIR", "../.git"), ("GIT_WORK_TREE", "..")], 1),
        (&[("GIT_DIR", directory), ("GIT_WORK_TREE", top), without], 0),
        (&[("GIT_DIR", ""), ("GIT_INDEX_FILE", "")], 1),
        (&[("GIT_LITERAL_PATHSPECS", "0"), ("GIT_ICASE_PATHSPECS", "1")], 1),
    ];
    let app = workspace.path().join("app");
    let lint = |variables: &[(&str, &str)], code| {
        let mut command = workspace.command(&["lint", "--staged"]);
        let command = command.current_dir(&app).envs(variables.iter().copied());
        Ran::of(&command.output().unwrap()).expect(code);
    };
    for (variables, code) in cases {
        eprintln!("{variables:?}");
        lint(variables, *code);
    }
    // A repository that is kept somewhere else is found by the environment alone.
    let elsewhere = tempfile::tempdir().unwrap();
    let moved = elsewhere.path().join("kept");
    fs::rename(directory, &moved).unwrap();
    lint(&[("GIT_DIR", moved.to_str().unwrap()), ("GIT_WORK_TREE", top)], 1);
    lint(&[("GIT_DIR", moved.to_str().unwrap())], 2);
    lint(&[], 2);
}
