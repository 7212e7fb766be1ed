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

/// The last of three places can't be made: the first two are as they were.
#[test]
fn what_is_made_half_is_taken_back() {
    let workspace = Workspace::with_family();
    workspace.configure(
        "[migrations]\nsqlite = \"migrations/sqlite\"\npostgres = \"migrations/postgres\"\n\
         [targets.dev]\nengine = \"sqlite\"\npath = \"var/dev.db\"\n",
    );
    for blocked in ["migrations/postgres", "tests/migrations"] {
        let file = workspace.write(blocked, "a file");
        let ran = workspace.run(&["new", "first"]);
        ran.is_for_people();
        assert!(ran.code == 1 || ran.code == 2, "{ran:?}");
        assert!(ran.stderr.contains(blocked), "{}", ran.stderr);
        assert_eq!(directories(&workspace), ["01_family"]);
        fs::remove_file(file).unwrap();
    }
    workspace.run(&["new", "first"]).expect(0);
    assert_eq!(directories(&workspace).len(), 2);
}

#[test]
fn from_any_directory_below_it_makes_the_same() {
    let workspace = Workspace::with_family();
    let below = workspace.path().join("src/deep");
    fs::create_dir_all(&below).unwrap();
    let mut command = workspace.command(&["new", "deep", "--sql", "CREATE TABLE deep(x)"]);
    let ran = crate::support::Ran::of(&command.current_dir(&below).output().unwrap()).expect(0);
    assert!(ran.stdout.contains("new  migrations/sqlite/"), "{}", ran.stdout);
    assert_eq!(directories(&workspace).len(), 2);
    assert_eq!(fs::read_dir(&below).unwrap().count(), 0);
}

/// The name is free again once the first is accepted.
#[test]
fn two_drafts_of_one_name_are_refused() {
    let workspace = Workspace::with_family();
    workspace.run(&["new", "twin", "--sql", "CREATE TABLE one(x)"]).expect(0);
    let ran = workspace.stops(&["new", "twin", "--sql", "CREATE TABLE two(x)"], 2);
    assert!(ran.stderr.contains("there is a draft of this name already"), "{}", ran.stderr);
    workspace.run(&["accept", "--untested"]).expect(0);
    workspace.run(&["new", "twin", "--sql", "CREATE TABLE two(x)"]).expect(0);
    workspace.run(&["accept", "--untested", "twin"]).expect(0);
    workspace.migrate();
    assert_eq!(workspace.applied().len(), 3);
}
