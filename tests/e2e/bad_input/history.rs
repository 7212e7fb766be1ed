//! Migrations on disk that don't fit those that are applied.

use std::fs;

use crate::support::Workspace;

fn three() -> Workspace {
    let workspace = Workspace::with_family();
    workspace.migration("02_more", "CREATE TABLE more(x);\n", "DROP TABLE more;\n");
    workspace.migration("05_last", "CREATE TABLE last(x);\n", "DROP TABLE last;\n");
    workspace.migrate();
    workspace
}

#[test]
fn history_that_was_changed_is_refused_with_the_migration_named() {
    type Change = fn(&Workspace);
    let cases: &[(Change, &[&str])] = &[
        (
            |workspace| {
                let directory = workspace.path().join("migrations/sqlite/02_more");
                fs::remove_dir_all(directory).unwrap();
            },
            &["migration 02 is applied, but it is not in the migrations directory", "bring its"],
        ),
        (
            |workspace| {
                workspace.migration("02_more", "CREATE TABLE more(y);\n", "DROP TABLE more;\n");
            },
            &["migration 02_more was edited after it was applied", "new migration"],
        ),
        (
            |workspace| {
                workspace.migration("02_more", "CREATE TABLE more(x);\n", "DROP TABLE more; \n");
            },
            &["migration 02_more was edited after it was applied"],
        ),
        (
            |workspace| {
                workspace.migration("03_late", "CREATE TABLE late(x);\n", "DROP TABLE late;\n");
            },
            &["migration 03_late is new, but it sorts before 05", "newer version"],
        ),
    ];
    for (change, expected) in cases {
        let workspace = three();
        change(&workspace);
        for command in [&["migrate"][..], &["migrate", "--plan"]] {
            let ran = workspace.refuses(command, 1);
            for said in *expected {
                assert!(ran.stderr.contains(said), "no {said:?}:\n{}", ran.stderr);
            }
        }
        assert_eq!(workspace.receipts().len(), 1);
    }
}

#[test]
fn every_reason_against_a_plan_is_told() {
    let workspace = three();
    fs::remove_dir_all(workspace.path().join("migrations/sqlite/02_more")).unwrap();
    workspace.migration("05_last", "CREATE TABLE last(y);\n", "DROP TABLE last;\n");
    let ran = workspace.refuses(&["migrate"], 1);
    assert!(ran.stderr.contains("migration 02 is applied"), "{}", ran.stderr);
    assert!(ran.stderr.contains("migration 05_last was edited"), "{}", ran.stderr);
}

#[test]
fn a_goal_that_does_not_exist_is_put_right() {
    for workspace in [Workspace::with_family(), three()] {
        for (goal, said) in [
            ("01_famly", "did you mean 01_family?"),
            ("nothing like it", "name a version or a directory"),
            ("", "name a version or a directory"),
            ("-1", "next"),
            ("../01_family", "next"),
        ] {
            let ran = workspace.refuses(&["migrate", "--to", goal], 2);
            assert!(ran.stderr.contains(said), "{goal}: {}", ran.stderr);
        }
    }
}

#[test]
fn line_endings_of_a_checkout_are_no_edit() {
    let workspace = three();
    let windows = "CREATE TABLE more(x);\r\n";
    workspace.migration("02_more", windows, "DROP TABLE more;\r\n");
    workspace.migrate();
}
