//! Something else than the gate changed the schema.

use std::fs;

use crate::support::Workspace;

fn migrated() -> Workspace {
    let workspace = Workspace::with_family();
    workspace.migrate();
    workspace
}

/// Names in the database's directory.
fn names(workspace: &Workspace) -> Vec<String> {
    let entries = fs::read_dir(workspace.path().join("var")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The change, and what a person is told of it.
const CHANGES: &[(&str, &[&str])] = &[
    (
        "ALTER TABLE parent ADD COLUMN nickname TEXT",
        &[
            "column nickname was added to parent",
            "table parent\n",
            "\n+     nickname TEXT\n",
            "\n      name TEXT\n",
        ],
    ),
    (
        "ALTER TABLE parent DROP COLUMN name",
        &["column name was removed from parent", "-     name TEXT"],
    ),
    (
        "CREATE INDEX i ON child(parent)",
        &["index i was added", "+ CREATE INDEX i ON child(parent)"],
    ),
    ("DROP TABLE child", &["table child was removed", "- CREATE TABLE child("]),
    ("CREATE VIEW v AS SELECT 1", &["view v was added"]),
    ("CREATE TRIGGER t AFTER INSERT ON child BEGIN SELECT 1; END", &["trigger t was added"]),
    (
        "CREATE TABLE \"a\u{1b}[31m\nb\"(x); CREATE TABLE c(x)",
        &["table a\\u{1b}[31m\\nb was added", "1 other change", "table c was added"],
    ),
];

#[test]
fn it_stops_a_run_and_is_told_object_by_object() {
    for (change, told) in CHANGES {
        let workspace = migrated();
        workspace.execute(change);
        workspace.migration("02_more", "CREATE TABLE more(x);\n", "DROP TABLE more;\n");
        workspace.migration("01_family", "CREATE TABLE edited(x);\n", "DROP TABLE edited;\n");
        for command in [&["migrate"][..], &["migrate", "--plan"], &["redo"], &["drift"]] {
            let ran = if command == ["drift"] {
                workspace.stops(command, 1)
            } else {
                workspace.refuses(command, 1)
            };
            for told in *told {
                assert!(ran.stderr.contains(told), "{command:?}: no {told:?}:\n{}", ran.stderr);
            }
            assert!(ran.stderr.contains("--enrol --reason"), "{}", ran.stderr);
        }
        assert_eq!(workspace.receipts().len(), 1);
    }
}

#[test]
fn what_changes_no_schema_is_no_drift() {
    let workspace = migrated();
    workspace.execute(
        "INSERT INTO parent VALUES (50, 'x'); ANALYZE; VACUUM; PRAGMA journal_mode = WAL;
         ALTER TABLE child RENAME TO other; ALTER TABLE other RENAME TO child",
    );
    let ran = workspace.run(&["drift"]).expect(0);
    assert_eq!(ran.stdout.lines().count(), 1, "{}", ran.stdout);
    assert!(ran.stdout.contains("dev is as receipt 1 left it: 2 objects"), "{}", ran.stdout);
    assert_eq!(workspace.run(&["drift", "--format", "json"]).expect(0).json()["drift"], false);
    workspace.migrate();
}

#[test]
fn it_is_undone_by_hand_or_taken_as_it_is() {
    let workspace = migrated();
    workspace.execute("CREATE INDEX i ON child(parent)");
    let found = workspace.run(&["drift", "--format", "json"]).expect(1).json();
    assert_eq!(found["code"], 1);
    assert_eq!(found["found"]["objects"][0]["name"], "i");
    assert_eq!(found["found"]["objects"][0]["change"], "added");

    workspace.execute("DROP INDEX i");
    workspace.run(&["drift"]).expect(0);
    assert!(workspace.migrate().stdout.contains("up to date"));

    workspace.execute("CREATE INDEX i ON child(parent); CREATE TABLE extra(x)");
    let ran = workspace.run(&["migrate", "--enrol", "--reason", "made at night"]).expect(0);
    assert!(ran.stdout.contains("2 objects taken as they are"), "{}", ran.stdout);
    let receipt = workspace.last_receipt();
    assert_eq!(receipt["target"]["arrival"], "enrolled");
    assert_eq!(receipt["drift"], serde_json::json!(["table extra", "index i"]));
    assert_eq!(receipt["reason"], "made at night");
    workspace.run(&["drift"]).expect(0);
    assert!(workspace.migrate().stdout.contains("up to date"));
    // There is nothing to take any more.
    assert!(workspace.run(&["migrate", "--enrol"]).expect(0).stdout.contains("up to date"));
    assert_eq!(workspace.receipts().len(), 2);
}

#[test]
fn it_is_taken_together_with_what_is_pending() {
    let workspace = migrated();
    workspace.execute("CREATE TABLE extra(x)");
    workspace.migration("02_more", "CREATE TABLE more(x);\n", "DROP TABLE more;\n");
    workspace.run(&["migrate", "--enrol"]).expect(0);
    assert_eq!(workspace.applied(), ["01", "02"]);
    assert_eq!(workspace.last_receipt()["drift"], serde_json::json!(["table extra"]));
    workspace.run(&["drift"]).expect(0);
}

#[test]
fn a_run_that_failed_has_taken_nothing() {
    let workspace = migrated();
    workspace.execute("CREATE TABLE extra(x)");
    workspace.migration("02_bad", "CREATE TABLE extra(x);\n", "SELECT 1;\n");
    workspace.run(&["migrate", "--enrol"]).expect(3);
    workspace.run(&["drift"]).expect(1);
}

#[test]
fn a_migration_that_diesel_applied_is_told() {
    use diesel::Connection as _;
    use diesel_migrations::{FileBasedMigrations, MigrationHarness as _};
    for (up, told) in [
        (
            "CREATE TABLE more(x);\n",
            &["table more was added", "migration 02 was applied by something else"][..],
        ),
        // Rows only: no schema tells.
        ("INSERT INTO parent VALUES (50, 'x');\n", &["migration 02 was applied by something else"]),
    ] {
        let workspace = migrated();
        workspace.migration("02_more", up, "SELECT 1;\n");
        let source =
            FileBasedMigrations::from_path(workspace.path().join("migrations/sqlite")).unwrap();
        let database = workspace.database();
        let mut conn = diesel::SqliteConnection::establish(database.to_str().unwrap()).unwrap();
        conn.run_next_migration(source).unwrap();
        drop(conn);
        for command in ["migrate", "drift"] {
            let ran = workspace.stops(&[command], 1);
            for told in told {
                assert!(ran.stderr.contains(told), "{told}:\n{}", ran.stderr);
            }
        }
        workspace.run(&["migrate", "--enrol"]).expect(0);
        assert_eq!(workspace.last_receipt()["set"]["acceptedByNobody"][0], "02");
        workspace.run(&["drift"]).expect(0);
        assert!(workspace.migrate().stdout.contains("up to date"));
    }
}

/// A database from before the objects were kept with the head.
#[test]
fn where_only_the_fingerprint_is_known_that_is_said() {
    let workspace = migrated();
    workspace.execute("DROP TABLE __portcullis_schema");
    workspace.run(&["drift"]).expect(0);
    workspace.execute("CREATE TABLE extra(x)");
    for command in ["drift", "migrate"] {
        let ran = workspace.stops(&[command], 1);
        assert!(
            ran.stderr.contains("an older version of this tool kept only that"),
            "{}",
            ran.stderr
        );
    }
    workspace.run(&["migrate", "--enrol"]).expect(0);
    workspace.execute("CREATE TABLE another(x)");
    let ran = workspace.stops(&["drift"], 1);
    assert!(ran.stderr.contains("table another was added"), "{}", ran.stderr);
}

#[test]
fn a_look_leaves_nothing_behind() {
    for mode in ["delete", "wal"] {
        let workspace = migrated();
        workspace.execute(&format!("PRAGMA journal_mode = {mode}"));
        let (before, bytes) = (names(&workspace), fs::read(workspace.database()).unwrap());
        for command in [
            &["drift"][..],
            &["status"],
            &["status", "--all", "--format", "json"],
            &["migrate", "--plan"],
            &["receipt", "list"],
        ] {
            workspace.run(command).expect(0);
            assert_eq!(names(&workspace), before, "{mode} {command:?}");
        }
        assert_eq!(fs::read(workspace.database()).unwrap(), bytes);
    }
}

/// A log that another program has left is read, and stays as it is.
#[test]
fn a_look_beside_another_program_sees_what_it_wrote() {
    let workspace = migrated();
    workspace.execute("PRAGMA journal_mode = WAL");
    let other = workspace.connect();
    other.execute_batch("CREATE TABLE extra(x)").unwrap();
    let log = workspace.path().join("var/dev.db-wal");
    let before = fs::read(&log).unwrap();
    let ran = workspace.stops(&["drift"], 1);
    assert!(ran.stderr.contains("table extra was added"), "{}", ran.stderr);
    assert_eq!(fs::read(&log).unwrap(), before);
}

#[test]
fn where_there_is_nothing_to_compare_with_that_is_said() {
    let nothing = Workspace::with_family();
    let ran = nothing.refuses(&["drift"], 1);
    assert!(ran.stderr.contains("there is no such file"), "{}", ran.stderr);
    assert!(!nothing.path().join("var").exists());

    let somebodys = Workspace::with_family();
    fs::create_dir(somebodys.path().join("var")).unwrap();
    somebodys.execute("CREATE TABLE notes(x)");
    let ran = somebodys.refuses(&["drift"], 1);
    assert!(ran.stderr.contains("nothing to compare with"), "{}", ran.stderr);
    assert!(ran.stderr.contains("migrate --enrol"), "{}", ran.stderr);

    let other = Workspace::with_family();
    other.write("var/dev.db", "a shopping list\n".repeat(500));
    for command in ["drift", "status"] {
        let ran = other.refuses(&[command], 1);
        assert!(ran.stderr.contains("file is not a database"), "{}", ran.stderr);
    }
}

#[test]
fn a_restore_leaves_none() {
    let workspace = migrated();
    workspace.migration("02_more", "CREATE TABLE more(x);\n", "DROP TABLE more;\n");
    workspace.migrate();
    let backup = workspace.backups().pop().unwrap();
    workspace.run(&["restore", backup.to_str().unwrap()]).expect(0);
    workspace.run(&["drift"]).expect(0);
    // Also of a backup that was taken of a schema that nobody had accepted.
    workspace.execute("CREATE TABLE extra(x)");
    workspace.run(&["backup"]).expect(0);
    let backup = workspace.backups().pop().unwrap();
    workspace.execute("DROP TABLE extra");
    workspace.run(&["restore", backup.to_str().unwrap()]).expect(0);
    workspace.run(&["drift"]).expect(0);
    workspace.migrate();
    workspace.run(&["drift"]).expect(0);
}
