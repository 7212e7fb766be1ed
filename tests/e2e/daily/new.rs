//! `new`: what it makes goes through the gate, down and up again.

use std::fs;

use crate::support::Workspace;

/// The names in the migrations directory, in order.
fn directories(workspace: &Workspace) -> Vec<String> {
    let entries = fs::read_dir(workspace.path().join("migrations/sqlite")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_the_text_tells_comes_and_goes_without_a_word_more() {
    let workspace = Workspace::with_family();
    workspace.migrate();
    let before = workspace.content();
    for (name, sql) in [
        ("nick", "ALTER TABLE parent ADD COLUMN nick TEXT"),
        ("index", "CREATE INDEX by_name ON parent(name)"),
        ("rename", "ALTER TABLE parent RENAME COLUMN name TO full_name"),
        ("table", "CREATE TABLE pet(id INTEGER PRIMARY KEY, child INTEGER REFERENCES child(id))"),
        ("key", "ALTER TABLE pet ADD COLUMN vet INTEGER REFERENCES parent(id)"),
        (
            "several",
            "CREATE TABLE toy(x); CREATE INDEX toys ON toy(x); CREATE VIEW v AS SELECT x FROM toy",
        ),
        ("moved", "ALTER TABLE toy RENAME TO thing"),
        ("note", "CREATE TRIGGER t AFTER INSERT ON pet BEGIN SELECT 1; END"),
    ] {
        workspace.run(&["new", name, "--sql", sql]).expect(0);
    }
    workspace.run(&["lint"]).expect(0);
    workspace.migrate();
    assert_eq!(workspace.applied().len(), 9);
    workspace.run(&["migrate", "--to", "01_family"]).expect(0);
    assert_eq!(workspace.content(), before);
}

#[test]
fn what_it_can_not_tell_is_to_be_written_and_lint_says_so() {
    let workspace = Workspace::new();
    let made = workspace.run(&["new", "seed", "--format", "json"]).expect(0).json();
    assert_eq!(made["toWrite"].as_array().unwrap().len(), 2, "{made}");
    let ran = workspace.run(&["lint"]).expect(1);
    assert!(ran.stdout.contains("[empty-up]") && ran.stdout.contains("[empty-down]"));
    let ran = workspace.run(&["new", "fill", "--sql", "INSERT INTO a VALUES (1)"]).expect(0);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert!(
        lines[0].ends_with("fill/up.sql  ") && lines[1].ends_with("to be written"),
        "{lines:?}"
    );
}

#[test]
fn an_empty_workspace_gets_its_directory_and_migrates() {
    let workspace = Workspace::new();
    fs::remove_dir_all(workspace.path().join("migrations")).unwrap();
    workspace.run(&["new", "first", "--sql", "CREATE TABLE a(x)"]).expect(0);
    workspace.migrate();
    assert_eq!(workspace.value("SELECT count(*) FROM a"), "0");
}

#[test]
fn vacuum_gets_a_migration_without_a_transaction() {
    let workspace = Workspace::with_family();
    workspace.run(&["new", "compact", "--sql", "VACUUM"]).expect(0);
    let made = directories(&workspace).pop().unwrap();
    let directory = workspace.path().join("migrations/sqlite").join(made);
    assert!(directory.join("metadata.toml").exists());
    fs::write(directory.join("down.sql"), "SELECT 1;\n").unwrap();
    workspace.migrate();
}

#[test]
fn a_name_that_is_none_or_is_taken_makes_nothing() {
    let workspace = Workspace::with_family();
    workspace.run(&["new", "add_pet"]).expect(0);
    let before = directories(&workspace);
    for name in
        ["add_pet", "1st", "a/../../b", "a;b", "", "\u{1b}[31m", "postgres://me:hunter2@db/x"]
    {
        let ran = workspace.stops(&["new", name], 2);
        assert!(ran.stdout.is_empty(), "{}", ran.stdout);
        workspace.stops_in_json(&["new", name], 2);
    }
    assert_eq!(directories(&workspace), before);
}

#[test]
fn a_directory_that_can_not_be_written_is_left_as_it_was() {
    let workspace = Workspace::new();
    fs::remove_dir_all(workspace.path().join("migrations")).unwrap();
    workspace.write("migrations", "a file");
    workspace.stops(&["new", "first"], 1);
    assert_eq!(fs::read_to_string(workspace.path().join("migrations")).unwrap(), "a file");
}
