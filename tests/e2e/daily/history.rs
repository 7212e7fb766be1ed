//! What git says is frozen, and what it can't say.

use std::fs;
use std::process::Command;

use crate::support::{Ran, Workspace};

#[track_caller]
fn git(workspace: &Workspace, arguments: &[&str]) -> Ran {
    let mut git = Command::new("git");
    workspace.prepare(&mut git);
    git.env("GIT_CONFIG_NOSYSTEM", "1");
    git.args(["-c", "user.name=a", "-c", "user.email=a@example.org"]).args(arguments);
    Ran::of(&git.output().unwrap()).expect(0)
}

#[track_caller]
fn commit(workspace: &Workspace) {
    git(workspace, &["add", "--all"]);
    git(workspace, &["commit", "--quiet", "--message=."]);
}

/// On `main`, with its migrations accepted; then on a branch.
fn on_a_branch() -> Workspace {
    let workspace = Workspace::with_family();
    workspace.migration("02_pet", "CREATE TABLE pet(x);\n", "DROP TABLE pet;\n");
    workspace.run(&["accept", "--untested"]).expect(0);
    git(&workspace, &["init", "--quiet", "--initial-branch=main"]);
    commit(&workspace);
    git(&workspace, &["switch", "--quiet", "--create", "mine"]);
    workspace
}

#[test]
fn a_directory_that_comes_under_the_gate_may_have_errors_from_before() {
    let workspace = Workspace::with_family();
    workspace.migration("02_old", "-- TODO later\nCREATE TABLE old(x);\n", "");
    git(&workspace, &["init", "--quiet", "--initial-branch=main"]);
    commit(&workspace);
    git(&workspace, &["switch", "--quiet", "--create", "gate"]);
    workspace.run(&["accept", "--untested"]).expect(1);
    let ran = workspace.run(&["accept", "--existing"]).expect(0);
    assert!(ran.stdout.contains("02_old, with 2 errors from before the gate"), "{}", ran.stdout);
    // Nothing nags from here on: not before the first commit of the sum, and not after.
    for _ in 0..2 {
        git(&workspace, &["add", "--all"]);
        for command in [&["lint"][..], &["lint", "--staged"], &["migrate"]] {
            let ran = workspace.run(command).expect(0);
            assert!(!ran.stdout.contains("stray-note"), "{command:?}: {}", ran.stdout);
        }
        commit(&workspace);
    }
    workspace.run(&["lint", "--since", "main"]).expect(0);
    // What is new is held to everything.
    workspace.migration("03_new", "-- TODO later\nCREATE TABLE new(x);\n", "DROP TABLE new;\n");
    assert!(workspace.run(&["lint"]).expect(1).stdout.contains("03_new/up.sql:1:4"));
    workspace.run(&["accept", "--existing"]).expect(1);
}

#[test]
fn moving_the_directory_unfreezes_nothing() {
    let workspace = on_a_branch();
    workspace.migration("02_pet", "CREATE TABLE pet(y);\n", "DROP TABLE pet;\n");
    fs::rename(workspace.path().join("migrations"), workspace.path().join("elsewhere")).unwrap();
    fs::remove_file(workspace.path().join("elsewhere/sqlite/migrations.sum")).unwrap();
    workspace.configure(
        "[migrations]\nsqlite = \"elsewhere/sqlite\"\n[targets.dev]\nengine = \"sqlite\"\npath = \"var/dev.db\"\n",
    );
    let ran = workspace.run(&["lint"]).expect(1);
    assert!(ran.stdout.contains("[edited-sql]"), "{}", ran.stdout);
    assert!(ran.stdout.contains("+CREATE TABLE pet(y);"), "{}", ran.stdout);
    for command in [&["lint"][..], &["accept", "--existing"], &["accept", "--untested"]] {
        let ran = workspace.run(command).expect(1);
        let said = ran.stdout + &ran.stderr;
        assert!(said.contains("[sum-line-missing]"), "{said}");
    }
}

#[test]
fn a_clone_that_lacks_the_default_branch_says_so() {
    let workspace = on_a_branch();
    workspace.migration("02_pet", "CREATE TABLE pet(y);\n", "DROP TABLE pet;\n");
    commit(&workspace);
    git(&workspace, &["switch", "--quiet", "main"]);
    let here = workspace.path().display().to_string();
    let clone = Workspace::new();
    fs::remove_dir_all(clone.path().join("migrations")).unwrap();
    fs::remove_file(clone.path().join("portcullis.toml")).unwrap();
    git(&clone, &["clone", "--quiet", "--single-branch", "--branch=mine", &here, "."]);
    let ran = clone.run(&["lint"]);
    assert!(ran.stderr.contains("git can't say here what is frozen"), "{}", ran.stderr);
    let ran = clone.run(&["lint", "--format", "github"]);
    assert!(ran.stdout.contains("::warning title=history::git can't say"), "{}", ran.stdout);
    // In CI it isn't passed over.
    let ran = clone.stops(&["lint", "--since", "--format", "github"], 2);
    assert!(ran.stderr.contains("git fetch origin '+refs/heads/*"), "{}", ran.stderr);
    git(&clone, &["fetch", "--quiet", "origin", "+refs/heads/*:refs/remotes/origin/*"]);
    let ran = clone.run(&["lint", "--since"]).expect(1);
    assert!(ran.stdout.contains("[edited-sql]"), "{}", ran.stdout);
}

#[test]
fn what_git_has_is_told_from_what_differs_however_many_differ() {
    let workspace = Workspace::new();
    for number in 0..200 {
        let name = format!("{number:03}_thing");
        let up = format!("CREATE TABLE thing_{number}(x);\n");
        workspace.migration(&name, &up, &format!("DROP TABLE thing_{number};\n"));
    }
    workspace.run(&["accept", "--untested"]).expect(0);
    git(&workspace, &["init", "--quiet", "--initial-branch=main"]);
    commit(&workspace);
    for number in 0..200 {
        let up = format!("migrations/sqlite/{number:03}_thing/up.sql");
        workspace.write(&up, format!("-- Copyright\nCREATE TABLE thing_{number}(x);\n"));
    }
    let ran = workspace.run(&["lint"]).expect(1);
    assert_eq!(ran.stdout.matches("[edited-comments]").count(), 200);
    assert_eq!(ran.stdout.matches("+-- Copyright").count(), 200);
}
