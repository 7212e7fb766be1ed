//! What the linter says, and what passes it.

use std::fs;
use std::process::Command;

use crate::support::{Ran, Workspace};

const EMPTY_DOWN: &str = "-- portcullis: allow(empty-down): the rows can't be brought back\n";

#[test]
fn what_is_allowed_with_a_reason_passes_the_gate() {
    let workspace = Workspace::new();
    workspace.migration("01_a", "CREATE TABLE a(x);\n", EMPTY_DOWN);
    assert_eq!(workspace.run(&["lint"]).expect(0).stdout, "");
    let allowed = &workspace.run(&["lint", "--format", "json"]).expect(0).json()["allowed"];
    assert_eq!(allowed.as_array().unwrap().len(), 1);
    assert_eq!(allowed[0]["migration"], "01_a");
    assert_eq!(allowed[0]["reason"], "the rows can't be brought back");
    workspace.migrate().expect(0);
    assert_eq!(workspace.applied(), ["01"]);
}

#[test]
fn without_a_reason_nothing_is_allowed() {
    let workspace = Workspace::new();
    workspace.migration("01_a", "CREATE TABLE a(x);\n", "-- portcullis: allow(empty-down)\n");
    let refused = workspace.refuses(&["migrate"], 1);
    for rule in ["allow-malformed", "empty-down"] {
        assert!(refused.stderr.contains(&format!("error[{rule}]")), "{}", refused.stderr);
    }
    assert!(!workspace.database().exists());
}

#[test]
fn a_sum_in_conflict_stops_a_run_and_says_what_to_type() {
    let workspace = Workspace::new();
    workspace.migration("01_a", "CREATE TABLE a(x);\n", "DROP TABLE a;\n");
    let sum = "# migrations.sum, format 1\n\n<<<<<<< HEAD\n=======\n>>>>>>> topic\n";
    workspace.write("migrations/sqlite/migrations.sum", sum);
    let refused = workspace.refuses(&["migrate"], 1);
    for words in ["error[sum-malformed]", "migrations.sum:3:1", "cargo xtask rebase"] {
        assert!(refused.stderr.contains(words), "{words}: {}", refused.stderr);
    }
    assert!(!workspace.database().exists());
}

#[test]
fn annotations_name_files_from_the_top_of_the_repository() {
    let workspace = Workspace::new();
    let mut git = Command::new("git");
    workspace.prepare(&mut git);
    assert!(git.args(["init", "--quiet"]).status().unwrap().success());
    let shop = workspace.path().join("services/shop");
    fs::create_dir_all(&shop).unwrap();
    for name in ["migrations", "portcullis.toml"] {
        fs::rename(workspace.path().join(name), shop.join(name)).unwrap();
    }
    let migration = "services/shop/migrations/sqlite/01_a";
    workspace.write(&format!("{migration}/up.sql"), "CREATE TABLE a(x);\nCOMMIT;\n");
    workspace.write(&format!("{migration}/down.sql"), "DROP TABLE a;\n");
    let lint = || {
        let mut command = workspace.command(&["lint", "--format", "github"]);
        Ran::of(&command.current_dir(&shop).output().unwrap())
    };
    let found = lint().expect(1);
    let expected = format!(
        "::error file={migration}/up.sql,line=2,endLine=2,col=1,endColumn=7,title=transaction-control::"
    );
    assert!(found.stdout.starts_with(&expected), "{}", found.stdout);
    assert_eq!(found.stdout.lines().count(), 1);
    workspace.write(&format!("{migration}/up.sql"), "CREATE TABLE a(x);\n");
    assert_eq!(lint().expect(0).stdout, "");
}
