//! Rows that a migration loses without having said so.

use crate::support::Workspace;

/// A cascade that the family has, and a trigger that takes notes with parents.
fn with_trigger() -> Workspace {
    let workspace = Workspace::with_family();
    workspace.migration(
        "02_notes",
        "CREATE TABLE note(id INTEGER PRIMARY KEY, parent INTEGER);\n\
         INSERT INTO note VALUES (1, 1), (2, 2);\n\
         CREATE TRIGGER forget AFTER UPDATE ON parent BEGIN DELETE FROM note WHERE parent = old.id; END;\n",
        "DROP TABLE note;\n",
    );
    workspace.migrate();
    workspace
}

#[test]
fn rows_that_go_unnamed_are_brought_back_with_their_table_named() {
    let cases = [
        ("child", "DELETE FROM parent WHERE id = 1;\n"),
        ("child", "DROP TABLE parent;\n"),
        ("child", "DROP TABLE IF EXISTS \"main\".\"parent\";\n"),
        ("child", "INSERT OR REPLACE INTO parent VALUES (1, 'new');\n"),
        ("child", "REPLACE INTO parent VALUES (1, 'new');\n"),
        ("child", "WITH gone AS (SELECT 1 AS id) DELETE FROM parent WHERE id IN gone;\n"),
        ("child", "-- DELETE FROM child\nDELETE FROM parent; SELECT 'DELETE FROM child';\n"),
        ("note", "UPDATE parent SET name = 'x' WHERE id = 1;\n"),
        ("note", "INSERT INTO parent VALUES (1, 'x') ON CONFLICT DO UPDATE SET name = 'x';\n"),
        (
            "note",
            "CREATE TRIGGER t AFTER INSERT ON parent BEGIN DELETE FROM note; END;\n\
             INSERT INTO parent VALUES (3, 'c');\n",
        ),
        (
            "note",
            "CREATE TEMP TRIGGER t AFTER INSERT ON parent BEGIN DELETE FROM note; END;\n\
             INSERT INTO parent VALUES (3, 'c');\n",
        ),
        (
            "note",
            "CREATE VIEW v AS SELECT id FROM note;\n\
             CREATE TRIGGER t INSTEAD OF DELETE ON v BEGIN DELETE FROM note WHERE id = old.id; END;\n\
             DELETE FROM v;\n",
        ),
        ("note", "ALTER TABLE note RENAME TO memo;\nUPDATE parent SET name = 'x' WHERE id = 1;\n"),
        (
            "child",
            "CREATE TABLE new(id INTEGER PRIMARY KEY, parent INTEGER);\n\
             INSERT INTO new SELECT id, parent FROM child WHERE id > 1;\n\
             DROP TABLE child;\nALTER TABLE new RENAME TO child;\n",
        ),
    ];
    for (table, up) in cases {
        let workspace = with_trigger();
        workspace.migration("03_loses", up, "SELECT 1;\n");
        let before = workspace.content();
        let ran = workspace.stops(&["migrate"], 3);
        let said = format!("table {table} had");
        assert!(ran.stderr.contains(&said), "no {said:?} for {up}\n{}", ran.stderr);
        assert!(ran.stderr.contains("03_loses/up.sql"), "{}", ran.stderr);
        assert_eq!(workspace.content(), before, "{up}");
        assert_eq!(workspace.value("SELECT count(*) FROM child"), "3");
        let failure = workspace.last_receipt()["outcome"]["failure"].clone();
        assert!(failure["cause"].as_str().unwrap().contains(&said), "{failure}");
        workspace.stops_in_json(&["migrate"], 3);
    }
}

#[test]
fn rows_that_go_by_name_are_reported_and_may_go() {
    let cases = [
        ("DELETE FROM child WHERE id = 1;\n", "child", "2"),
        ("ALTER TABLE child RENAME TO kid;\nDELETE FROM kid WHERE id = 1;\n", "kid", "2"),
        (
            "CREATE TABLE new(id INTEGER PRIMARY KEY, parent INTEGER);\n\
             DELETE FROM child WHERE id = 1;\nINSERT INTO new SELECT id, parent FROM child;\n\
             DROP TABLE child;\nALTER TABLE new RENAME TO child;\n",
            "child",
            "2",
        ),
        ("DELETE FROM child; DELETE FROM parent;\n", "child", "0"),
        ("DELETE FROM CHILD; DELETE FROM [Parent] WHERE id = 1;\n", "child", "0"),
        ("DELETE FROM note; UPDATE parent SET name = 'x';\n", "note", "0"),
    ];
    for (up, table, left) in cases {
        let workspace = with_trigger();
        workspace.migration("03_deletes", up, "SELECT 1;\n");
        workspace.migrate();
        assert_eq!(workspace.value(&format!("SELECT count(*) FROM {table}")), left, "{up}");
        let fewer = workspace.last_receipt()["migrations"][0]["fewerRows"].clone();
        // Reported under the name that it had before.
        let was = if table == "kid" { "child" } else { table };
        let told = fewer.as_array().unwrap().iter().any(|fewer| fewer["table"] == was);
        assert!(told, "{up}: {fewer}");
    }
}

#[test]
fn rows_lost_in_a_later_step_are_not_blamed_on_an_earlier_one() {
    let workspace = with_trigger();
    workspace.migration("03_good", "DELETE FROM note WHERE id = 1;\n", "SELECT 1;\n");
    workspace.migration("04_good", "CREATE TABLE more(x);\n", "DROP TABLE more;\n");
    workspace.migration("05_loses", "UPDATE parent SET name = 'x' WHERE id = 2;\n", "SELECT 1;\n");
    let before = workspace.content();
    let ran = workspace.stops(&["migrate"], 3);
    assert!(ran.stderr.contains("05_loses/up.sql"), "{}", ran.stderr);
    assert!(ran.stderr.contains("table note had 1 rows"), "{}", ran.stderr);
    assert_eq!(workspace.content(), before);
}

#[test]
fn rows_lost_on_the_way_down_are_brought_back_too() {
    let workspace = with_trigger();
    workspace.migration("03_up", "SELECT 1;\n", "DELETE FROM parent WHERE id = 1;\n");
    workspace.migrate();
    let before = workspace.content();
    let ran = workspace.stops(&["migrate", "--to", "02"], 3);
    assert!(ran.stderr.contains("03_up/down.sql"), "{}", ran.stderr);
    assert!(ran.stderr.contains("table child had 3 rows"), "{}", ran.stderr);
    assert_eq!(workspace.content(), before);
}

#[test]
fn a_rebuild_of_a_referenced_table_keeps_the_rows_that_reference_it() {
    for pragma in ["", "PRAGMA foreign_keys = OFF;\n"] {
        let workspace = Workspace::with_family();
        workspace.migrate();
        let children = workspace.value("SELECT group_concat(id || ':' || parent) FROM child");
        workspace.migration(
            "02_rebuild",
            &format!(
                "{pragma}CREATE TABLE new_parent(id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INT);\n\
                 INSERT INTO new_parent (id, name) SELECT id, name FROM parent;\n\
                 DROP TABLE parent;\n\
                 ALTER TABLE new_parent RENAME TO parent;\n"
            ),
            "ALTER TABLE parent DROP COLUMN age;\n",
        );
        workspace.migration(
            "03_more",
            "CREATE TABLE more(x REFERENCES parent(id));\n",
            "DROP TABLE more;\n",
        );
        workspace.migrate();
        assert_eq!(
            workspace.value("SELECT group_concat(id || ':' || parent) FROM child"),
            children
        );
        let cascade = workspace.value("SELECT sql FROM sqlite_schema WHERE name = 'child'");
        assert!(cascade.contains("parent"), "the child references another table now: {cascade}");
    }
}

#[test]
fn a_table_that_a_copy_replaces_under_its_own_name_has_lost_nothing() {
    let workspace = Workspace::with_family();
    workspace.migrate();
    workspace.migration(
        "02_copy",
        "ALTER TABLE child RENAME TO old;\n\
         CREATE TABLE child(id INTEGER PRIMARY KEY, parent INTEGER, note TEXT);\n\
         INSERT INTO child(id, parent) SELECT id, parent FROM old;\nDROP TABLE old;\n",
        "ALTER TABLE child DROP COLUMN note;\n",
    );
    workspace.migrate();
    assert_eq!(workspace.value("SELECT count(*) FROM child"), "3");
}

#[test]
fn a_large_database_is_watched_too() {
    let cases =
        [("child", "DELETE FROM parent WHERE id = 1;\n"), ("child", "DROP TABLE parent;\n")];
    for (table, up) in cases {
        let workspace = Workspace::with_family();
        workspace.migrate();
        workspace.configure(
            "[targets.dev]\nengine = \"sqlite\"\npath = \"var/dev.db\"\nhold-writes-max = \"1B\"\n",
        );
        workspace.migration("02_loses", up, "SELECT 1;\n");
        let before = workspace.content();
        let ran = workspace.stops(&["migrate"], 3);
        assert!(ran.stderr.contains(&format!("table {table} had 3 rows")), "{}", ran.stderr);
        assert_eq!(workspace.content(), before);
    }
}
