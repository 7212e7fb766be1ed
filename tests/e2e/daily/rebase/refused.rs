//! What a rebase can't settle is said, and nothing is touched.

use std::fs;

use super::{
    DIRECTORY, accept, command, commit, conflicts, directories, diverged, git, known_to_git,
    listed, start, stops, sum, table,
};
use crate::support::{Ran, Workspace};

/// Stops in both formats, and renames nothing.
#[track_caller]
fn refuses(workspace: &Workspace, code: i32, said: &[&str]) {
    let names = || {
        ["migrations/sqlite", "tests/migrations"].map(|place| {
            workspace.path().join(place).is_dir().then(|| directories(workspace, place))
        })
    };
    let before = names();
    stops(workspace, &["rebase"], code, said);
    assert_eq!(names(), before);
}

#[test]
fn without_a_repository_a_commit_or_a_branch_there_is_nothing_to_come_after() {
    let workspace = Workspace::with_family();
    accept(&workspace, &[]);
    refuses(&workspace, 2, &["not in a git work tree", "git init"]);
    git(&workspace, &["init", "--quiet", "--initial-branch=topic"]);
    refuses(&workspace, 1, &["no commit yet", "commit first"]);
    start(&workspace);
    refuses(&workspace, 2, &["no default branch", "default-branch = "]);
    workspace.configure(
        "default-branch = \"gone\"\n[targets.dev]\nengine = \"sqlite\"\npath = \"var/dev.db\"\n",
    );
    refuses(&workspace, 2, &["no branch gone", "git fetch origin gone"]);
}

#[test]
fn without_migrations_there_is_nothing_to_do() {
    let workspace = Workspace::new();
    workspace.write("migrations/sqlite/.keep", "");
    start(&workspace);
    let ran = super::rebase(&workspace);
    assert!(ran.stdout.contains("your migrations come last already"), "{}", ran.stdout);
    assert!(!workspace.path().join(super::super::accept::SUM).exists());
    fs::remove_dir_all(workspace.path().join("migrations")).unwrap();
    refuses(&workspace, 2, &[DIRECTORY, "make the directory"]);
}

#[test]
fn migrations_in_a_submodule_are_settled_there() {
    let inner = diverged();
    git(&inner, &["switch", "--quiet", "main"]);
    let workspace = Workspace::new();
    fs::remove_dir_all(workspace.path().join("migrations")).unwrap();
    start(&workspace);
    let url = inner.path().join(".git");
    git(&workspace, &["submodule", "--quiet", "add", url.to_str().unwrap(), "inner"]);
    workspace.configure(
        "[migrations]\nsqlite = \"inner/migrations/sqlite\"\n[targets.dev]\nengine = \"sqlite\"\npath = \"var/dev.db\"\n",
    );
    commit(&workspace);
    stops(&workspace, &["rebase"], 1, &["inner is a submodule", "inside the submodule"]);
    let inside = workspace.path().join("inner");
    git(&workspace, &["-C", "inner", "switch", "--quiet", "feature"]);
    let mut merge =
        command(&workspace, &["-C", "inner", "-c", "user.name=T", "-c", "user.email=t@e"]);
    assert!(!merge.args(["merge", "main"]).output().unwrap().status.success());
    let mut rebase = workspace.command(&["rebase"]);
    let ran = Ran::of(&rebase.current_dir(&inside).output().unwrap()).expect(0);
    assert!(ran.stdout.contains("02_mine → 04_mine"), "{ran:?}");
    assert!(inside.join("migrations/sqlite/04_mine").exists());
}

#[test]
fn a_file_that_both_wrote_is_settled_by_hand_first() {
    for file in ["migrations/sqlite/02_both/up.sql", "tests/migrations/02_both/keeps_rows.slt"] {
        let workspace = Workspace::with_family();
        accept(&workspace, &[]);
        start(&workspace);
        let both = |side: &str| {
            table(&workspace, "02_both");
            workspace.write(file, format!("-- {side}\nCREATE TABLE {side}(x);\n"));
            accept(&workspace, &[]);
            commit(&workspace);
        };
        git(&workspace, &["switch", "--quiet", "-c", "feature"]);
        both("mine");
        git(&workspace, &["switch", "--quiet", "main"]);
        both("theirs");
        git(&workspace, &["switch", "--quiet", "feature"]);
        conflicts(&workspace, &["merge", "main"]);
        let before = known_to_git(&workspace);
        refuses(&workspace, 1, &[file, "both sides wrote this file", "git add it"]);
        assert_eq!(known_to_git(&workspace), before);
    }
}

#[test]
fn a_name_that_is_taken_stops_it_before_anything_is_renamed() {
    for taken in ["migrations/sqlite/04_mine", "tests/migrations/04_mine"] {
        let workspace = diverged();
        conflicts(&workspace, &["merge", "main"]);
        workspace.write(&format!("{taken}/notes.txt"), "mine\n");
        let before = sum(&workspace);
        if taken.starts_with("migrations") {
            refuses(&workspace, 1, &["this name is taken", taken, "remove that directory"]);
        } else {
            stops(&workspace, &["rebase"], 1, &["this name is taken", taken]);
        }
        assert_eq!(sum(&workspace), before);
        fs::remove_dir_all(workspace.path().join(taken)).unwrap();
        super::rebase(&workspace);
        assert_eq!(listed(&workspace), "01_family 03_theirs 04_mine");
    }
}

#[test]
fn where_no_version_comes_after_theirs_a_person_names_it() {
    let workspace = diverged();
    git(&workspace, &["switch", "--quiet", "main"]);
    table(&workspace, "zz_theirs");
    accept(&workspace, &[]);
    commit(&workspace);
    git(&workspace, &["switch", "--quiet", "feature"]);
    refuses(&workspace, 1, &["zz", "sorts after this version", "by hand"]);
}
