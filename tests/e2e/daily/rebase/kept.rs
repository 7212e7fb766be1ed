//! What a rebase keeps: the order among one's own, drafts, and what the lines say.

use std::fs;

use super::{
    DIRECTORY, accept, commit, conflicts, directories, diverged, git, is_settled, listed, rebase,
    remove, start, sum, table,
};
use crate::support::Workspace;

#[test]
fn the_order_among_ones_own_and_what_their_lines_say() {
    let workspace = diverged();
    workspace.migration(
        "02-5_noted",
        "CREATE TABLE noted(x);\r\n",
        "-- portcullis: allow(empty-down): the \"rows\" stay\n",
    );
    table(&workspace, "09_last");
    for name in ["02-5_noted", "09_last"] {
        workspace.write(&format!("tests/migrations/{name}/keeps_rows.slt"), "# mine\n");
    }
    accept(&workspace, &[]);
    // An older tool accepted it: it stays the one that did.
    let (main, own) =
        sum(&workspace).split_once("02_mine").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let text = format!("{main}02_mine{}", own.replace(" portcullis/0.1.0", " portcullis/0.0.9"));
    workspace.write(super::super::accept::SUM, &text);
    commit(&workspace);
    table(&workspace, "10_draft");
    conflicts(&workspace, &["merge", "main"]);
    let ran = rebase(&workspace).stdout;
    for line in
        ["02_mine → 04_mine", "02-5_noted → 05_noted", "09_last → 06_last", "10_draft → 07_draft"]
    {
        assert!(ran.contains(line), "{ran}");
    }
    assert_eq!(listed(&workspace), "01_family 03_theirs 04_mine 05_noted 06_last");
    let cases = directories(&workspace, "tests/migrations");
    assert_eq!(cases, ["03_theirs", "04_mine", "05_noted", "06_last"]);
    let text = sum(&workspace);
    let noted = text.lines().find(|line| line.starts_with("05_noted")).unwrap();
    let end = " warnings:1 allow(empty-down):\"the \\\"rows\\\" stay\" portcullis/0.0.9";
    assert!(noted.ends_with(end), "{noted}");
    workspace.run(&["lint"]).expect(0);
}

/// Each commit that git replays brings one more; those replayed are there already, under
/// their fresh names.
#[test]
fn the_order_stays_while_git_replays_one_commit_after_the_other() {
    let workspace = diverged();
    table(&workspace, "02-5_zero");
    workspace.write("tests/migrations/02-5_zero/keeps_rows.slt", "# mine\n");
    accept(&workspace, &[]);
    commit(&workspace);
    conflicts(&workspace, &["rebase", "main"]);
    rebase(&workspace);
    git(&workspace, &["add", "--all"]);
    // To git that is no conflict.
    git(&workspace, &["-c", "core.editor=true", "rebase", "--continue"]);
    let lint = workspace.run(&["lint"]).expect(1).stdout;
    assert!(lint.contains("help: cargo xtask rebase"), "{lint}");
    rebase(&workspace);
    is_settled(&workspace, "the second", &["01_family", "03_theirs", "04_mine", "05_zero"]);
    commit(&workspace);
    workspace.run(&["lint", "--since"]).expect(0);
}

#[test]
fn drafts_stay_drafts() {
    let workspace = diverged();
    git(&workspace, &["reset", "--quiet", "--hard", "base"]);
    table(&workspace, "02_draft");
    git(&workspace, &["merge", "--quiet", "main"]);
    let before = sum(&workspace);
    let lint = workspace.run(&["lint"]).expect(1).stdout;
    assert!(lint.contains("draft-out-of-order"), "{lint}");
    let ran = rebase(&workspace).stdout;
    assert!(ran.contains("renamed  02_draft → 04_draft"), "{ran}");
    assert!(!ran.contains("written") && !ran.contains("  draft  "), "{ran}");
    assert_eq!(sum(&workspace), before);
    workspace.run(&["lint"]).expect(0);
    accept(&workspace, &["draft"]);
}

/// A draft that was taken out of a stash: nobody else is concerned, and `lint` says `rebase`.
#[test]
fn an_old_draft_comes_after_what_is_accepted_here() {
    let workspace = diverged();
    git(&workspace, &["switch", "--quiet", "-C", "feature", "theirs"]);
    table(&workspace, "05_accepted");
    accept(&workspace, &[]);
    table(&workspace, "04_draft");
    let lint = workspace.run(&["lint"]).expect(1).stdout;
    assert!(lint.contains("help: cargo xtask rebase"), "{lint}");
    let ran = rebase(&workspace).stdout;
    assert!(ran.contains("renamed  04_draft → 06_draft"), "{ran}");
    workspace.run(&["lint"]).expect(0);
    accept(&workspace, &[]);
    assert_eq!(listed(&workspace), "01_family 03_theirs 05_accepted 06_draft");
}

#[test]
fn what_was_edited_meanwhile_is_a_draft_and_named() {
    let workspace = diverged();
    table(&workspace, "02-5_after");
    accept(&workspace, &[]);
    commit(&workspace);
    conflicts(&workspace, &["merge", "main"]);
    workspace.migration("02_mine", "CREATE TABLE mine(x, y);\n", "DROP TABLE mine;\n");
    let ran = rebase(&workspace).stdout;
    // What runs after it can't stay accepted: its place was.
    for draft in ["draft  04_mine: ", "draft  05_after: ", "next  cargo xtask accept, git add -A"] {
        assert!(ran.contains(draft), "{ran}");
    }
    assert_eq!(listed(&workspace), "01_family 03_theirs");
    workspace.run(&["lint"]).expect(0);
    accept(&workspace, &[]);
    assert_eq!(listed(&workspace), "01_family 03_theirs 04_mine 05_after");
    workspace.run(&["lint"]).expect(0);
}

/// Somebody merged a migration without accepting it; on this branch it was accepted.
#[test]
fn a_line_that_main_lacks_is_kept() {
    let workspace = Workspace::with_family();
    start(&workspace);
    git(&workspace, &["switch", "--quiet", "-c", "feature"]);
    accept(&workspace, &[]);
    table(&workspace, "02_mine");
    accept(&workspace, &[]);
    let before = sum(&workspace);
    rebase(&workspace);
    assert_eq!(sum(&workspace), before);
    assert_eq!(listed(&workspace), "01_family 02_mine");
}

/// Theirs that I have removed are still missed.
#[test]
fn what_is_gone_is_not_forgotten() {
    let workspace = diverged();
    remove(&workspace, "01_family");
    rebase(&workspace);
    assert_eq!(listed(&workspace), "01_family 04_mine");
    assert!(workspace.run(&["lint"]).expect(1).stdout.contains("accepted-missing"));
}

#[test]
fn each_engine_has_the_same_fresh_version() {
    let workspace = Workspace::new();
    workspace.configure(
        "[migrations]\nsqlite = \"migrations/sqlite\"\npostgres = \"migrations/postgres\"\n\
         [targets.dev]\nengine = \"sqlite\"\npath = \"var/dev.db\"\n",
    );
    let new = |name: &str| {
        workspace.run(&["new", name, "--sql", "CREATE TABLE t(x INTEGER)"]).expect(0);
        accept(&workspace, &[]);
        commit(&workspace);
    };
    start(&workspace);
    git(&workspace, &["switch", "--quiet", "-c", "feature"]);
    new("mine");
    git(&workspace, &["switch", "--quiet", "main"]);
    for engine in ["sqlite", "postgres"] {
        fs::create_dir_all(workspace.path().join("migrations").join(engine)).unwrap();
    }
    for engine in ["sqlite", "postgres"] {
        let theirs = format!("migrations/{engine}/2090-01-01-000000_theirs");
        workspace.write(&format!("{theirs}/up.sql"), "CREATE TABLE u(x INTEGER);\n");
        workspace.write(&format!("{theirs}/down.sql"), "DROP TABLE u;\n");
    }
    accept(&workspace, &[]);
    commit(&workspace);
    conflicts(&workspace, &["merge", "feature"]);
    let ran = rebase(&workspace).stdout;
    assert!(ran.contains("→ 2090-01-01-000001_mine"), "{ran}");
    let expected = ["2090-01-01-000000_theirs", "2090-01-01-000001_mine"];
    for engine in ["sqlite", "postgres"] {
        assert_eq!(directories(&workspace, &format!("migrations/{engine}")), expected);
    }
    assert_eq!(directories(&workspace, "tests/migrations"), expected[1..]);
    workspace.run(&["lint"]).expect(0);
    assert_eq!(listed(&workspace), expected.join(" "));
    assert_eq!(directories(&workspace, DIRECTORY), expected);
}

/// The fresh name of the one is the old name of the other.
#[test]
fn two_of_one_name_stay_two() {
    let workspace = diverged();
    workspace.migration("04_mine", "CREATE TABLE other(x);\n", "DROP TABLE other;\n");
    workspace.write("tests/migrations/04_mine/keeps_rows.slt", "# other\n");
    accept(&workspace, &[]);
    commit(&workspace);
    conflicts(&workspace, &["merge", "main"]);
    rebase(&workspace);
    is_settled(&workspace, "twins", &["01_family", "03_theirs", "04_mine", "05_mine"]);
    let up = |name: &str| {
        fs::read_to_string(workspace.path().join(DIRECTORY).join(name).join("up.sql")).unwrap()
    };
    assert_eq!(
        (up("04_mine"), up("05_mine")),
        ("CREATE TABLE mine(x);\n".to_owned(), "CREATE TABLE other(x);\n".to_owned(),)
    );
}
