//! What the default branch or a protected database has is final.

use std::fs;

use tempfile::TempDir;

use super::{SUM, accept, listed, remove, stops, sum, table};
use crate::git::{commit, git, start};
use crate::support::Workspace;

/// `01_family` is accepted on main; `02_more` on the branch that is checked out.
fn branch() -> Workspace {
    let workspace = Workspace::with_family();
    accept(&workspace, &[]);
    start(&workspace);
    git(&workspace, &["switch", "--quiet", "-c", "feature"]);
    table(&workspace, "02_more");
    accept(&workspace, &[]);
    commit(&workspace);
    workspace
}

/// Adds a line to the end of 01_family's down.sql.
fn edit(workspace: &Workspace, text: &str) {
    let file = workspace.path().join("migrations/sqlite/01_family/down.sql");
    let old = fs::read_to_string(&file).unwrap();
    fs::write(&file, old + text).unwrap();
}

#[test]
fn until_the_merge_it_may_be_edited_and_accepted_again() {
    let workspace = branch();
    workspace.migration("02_more", "CREATE TABLE more(x, y);\n", "DROP TABLE more;\n");
    let before = sum(&workspace);
    accept(&workspace, &[]);
    assert!(sum(&workspace) != before);
    commit(&workspace);
    git(&workspace, &["switch", "--quiet", "main"]);
    git(&workspace, &["merge", "--quiet", "--no-edit", "feature"]);
    workspace.run(&["lint"]).expect(0);
    workspace.migration("02_more", "CREATE TABLE more(z);\n", "DROP TABLE more;\n");
    stops(&workspace, &["accept", "--untested"], 1, &["error[edited-sql]", "git checkout"]);
}

#[test]
fn what_main_has_is_refused_and_what_changed_is_told_apart() {
    // What is added, the rule, whether it is an error.
    for (added, rule, code) in
        [("-- a word\n", "error[edited-comments]", 1), ("SELECT 1;\n", "error[edited-sql]", 1)]
    {
        let workspace = branch();
        edit(&workspace, added);
        for command in ["lint", "accept"] {
            let ran = workspace.run(&[command]).expect(code);
            let said = ran.stdout + &ran.stderr;
            assert!(said.contains(rule), "{command}: {said}");
            assert!(said.contains(&format!("    +{added}")), "no diff in {command}: {said}");
            assert!(said.contains("down.sql (accepted)"), "{command}: {said}");
        }
        stops(
            &workspace,
            &["accept", "--untested"],
            1,
            &["-- migrations/sqlite/01_family/down.sql"],
        );
        // Neither is it settled by naming another one, nor by starting over.
        workspace.migration("02_more", "CREATE TABLE more(y);\n", "DROP TABLE more;\n");
        stops(&workspace, &["accept", "--untested", "more"], 1, &[rule]);
        fs::remove_file(workspace.path().join(SUM)).unwrap();
        stops(&workspace, &["accept", "--untested"], 1, &[rule]);
        stops(&workspace, &["accept", "--existing"], 1, &["sum-line-missing"]);
    }
    let workspace = branch();
    let file = workspace.path().join("migrations/sqlite/01_family/down.sql");
    fs::write(&file, fs::read_to_string(&file).unwrap().replace('\n', "\r\n")).unwrap();
    let ran = workspace.run(&["lint"]).expect(0);
    assert!(ran.stdout.contains("warning[edited-line-endings]"), "{}", ran.stdout);
    let before = sum(&workspace);
    let ran = accept(&workspace, &[]);
    assert!(ran.stdout.contains("nothing to accept"), "{}", ran.stdout);
    assert_eq!(sum(&workspace), before);
}

#[test]
fn a_directory_that_is_gone_is_dropped_unless_it_is_frozen() {
    let workspace = branch();
    remove(&workspace, "02_more");
    let lint = workspace.run(&["lint"]).expect(1).stdout;
    assert!(lint.contains("accepted-missing") && lint.contains("cargo xtask accept"), "{lint}");
    let ran = accept(&workspace, &[]);
    assert!(ran.stdout.contains("dropped  02_more from migrations/sqlite/migrations.sum"));
    assert_eq!(listed(&workspace), "01_family");
    workspace.run(&["lint"]).expect(0);
    remove(&workspace, "01_family");
    stops(
        &workspace,
        &["accept", "--untested"],
        1,
        &["accepted-missing", "git checkout", "01_family"],
    );
    stops(&workspace, &["accept", "--untested", "01_family"], 1, &["accepted-missing"]);
}

#[test]
fn the_default_branch_is_the_remotes_the_usual_or_the_configured_one() {
    // What makes `feature`, with 02_more, the default branch or a part of it.
    type Make = fn(&Workspace);
    let cases: [(&str, Make); 3] = [
        ("origin/main is ahead of main", |workspace| {
            git(workspace, &["update-ref", "refs/remotes/origin/main", "feature"]);
        }),
        ("origin/HEAD", |workspace| {
            git(workspace, &["update-ref", "refs/remotes/origin/trunk", "feature"]);
            let (head, trunk) = ("refs/remotes/origin/HEAD", "refs/remotes/origin/trunk");
            git(workspace, &["symbolic-ref", head, trunk]);
        }),
        ("configured", |workspace| {
            git(workspace, &["branch", "--quiet", "trunk"]);
            workspace.configure(
                "default-branch = \"trunk\"\n[targets.dev]\nengine = \"sqlite\"\npath = \"var/dev.db\"\n",
            );
        }),
    ];
    for (name, make) in cases {
        let workspace = branch();
        workspace.migration("02_more", "CREATE TABLE more(y);\n", "DROP TABLE more;\n");
        let before = sum(&workspace);
        accept(&workspace, &[]);
        fs::write(workspace.path().join(SUM), before).unwrap();
        make(&workspace);
        eprintln!("{name}");
        stops(&workspace, &["accept", "--untested"], 1, &["error[edited-sql]"]);
    }
}

/// What main got after the branch left it isn't here yet, and freezes nothing.
#[test]
fn a_main_that_went_on_does_not_disturb() {
    let workspace = branch();
    git(&workspace, &["switch", "--quiet", "main"]);
    table(&workspace, "03_theirs");
    accept(&workspace, &[]);
    commit(&workspace);
    git(&workspace, &["switch", "--quiet", "feature"]);
    workspace.migration("02_more", "CREATE TABLE more(y);\n", "DROP TABLE more;\n");
    accept(&workspace, &[]);
    assert_eq!(listed(&workspace), "01_family 02_more");
    workspace.run(&["lint"]).expect(0);
}

#[test]
fn in_a_linked_worktree_it_is_the_same() {
    let workspace = branch();
    git(&workspace, &["worktree", "add", "--quiet", "linked", "-b", "linked", "main"]);
    let linked = workspace.path().join("linked");
    let run = |arguments: &[&str], code: i32| {
        let mut command = workspace.command(arguments);
        let output = command.current_dir(&linked).output().unwrap();
        crate::support::Ran::of(&output).expect(code)
    };
    run(&["new", "there", "--sql", "CREATE TABLE there(x)"], 0);
    run(&["accept", "--untested"], 0);
    run(&["lint"], 0);
    let text = fs::read_to_string(linked.join(SUM)).unwrap();
    assert_eq!(super::lines(&text).len(), 2, "{text}");
    assert_eq!(listed(&workspace), "01_family 02_more");
    fs::write(linked.join("migrations/sqlite/01_family/up.sql"), "SELECT 1;\n").unwrap();
    assert!(run(&["accept", "--untested"], 1).stderr.contains("edited-sql"));
}

/// A workspace without git, whose accepted migrations a protected database has.
fn protected() -> (Workspace, TempDir) {
    let (workspace, elsewhere) = (Workspace::with_family(), tempfile::tempdir().unwrap());
    let place = fs::canonicalize(elsewhere.path()).unwrap();
    table(&workspace, "02_more");
    accept(&workspace, &[]);
    workspace.migrate();
    let identity = workspace.last_receipt()["target"]["identity"].clone();
    fs::copy(workspace.database(), place.join("app.db")).unwrap();
    workspace.configure(&format!(
        "default-target = \"live\"\n[targets.live]\nengine = \"sqlite\"\nprotected = true\npath = {:?}\nbackups = {:?}\nidentity = {identity}\n",
        place.join("app.db"),
        place.join("backups"),
    ));
    (workspace, elsewhere)
}

#[test]
fn what_a_protected_database_has_is_frozen_by_its_name() {
    let (workspace, _elsewhere) = protected();
    workspace.migration("02_more", "CREATE TABLE more(y);\n", "DROP TABLE more;\n");
    let said = ["02_more", "live has it as it was accepted", "cargo xtask new NAME"];
    stops(&workspace, &["accept", "--untested"], 1, &said);
    stops(&workspace, &["accept", "--untested", "more"], 1, &said);
    let (workspace, _elsewhere) = protected();
    remove(&workspace, "02_more");
    stops(&workspace, &["accept", "--untested"], 1, &["02_more", "live has it", "put"]);
    // What it hasn't got is free.
    let (workspace, _elsewhere) = protected();
    table(&workspace, "03_new");
    accept(&workspace, &[]);
    workspace.migration("03_new", "CREATE TABLE new(y);\n", "DROP TABLE new;\n");
    accept(&workspace, &[]);
    remove(&workspace, "03_new");
    accept(&workspace, &[]);
    assert_eq!(listed(&workspace), "01_family 02_more");
}
