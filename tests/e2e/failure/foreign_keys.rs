//! Foreign keys: what was broken before is no fault of the run, what breaks in it is.

use crate::support::Workspace;

const SMALL: &str =
    "[targets.dev]\nengine = \"sqlite\"\npath = \"var/dev.db\"\nhold-writes-max = \"4KiB\"\n";

/// A family in which a child has no parent, as an application without foreign keys leaves it.
fn with_orphan() -> Workspace {
    let workspace = Workspace::with_family();
    workspace.migrate();
    workspace.execute("PRAGMA foreign_keys = OFF; INSERT INTO child VALUES (4, 99)");
    workspace
}

const MORE: (&str, &str, &str) = ("02_more", "CREATE TABLE more(x);\n", "DROP TABLE more;\n");

#[test]
fn violations_that_were_there_before_stop_nothing() {
    let workspace = with_orphan();
    workspace.migration(MORE.0, MORE.1, MORE.2);
    workspace.migrate();
    let receipt = workspace.last_receipt();
    assert!(receipt.to_string().contains("1 violations that were there before"), "{receipt}");
}

#[test]
fn violations_that_were_there_before_stop_nothing_in_a_large_database() {
    let workspace = with_orphan();
    workspace.configure(SMALL);
    workspace.migration(MORE.0, MORE.1, MORE.2);
    workspace.migrate();
    assert_eq!(workspace.applied(), ["01", "02"]);
}

#[test]
fn violations_that_were_there_before_follow_their_table_to_its_new_name() {
    for rename in ["ALTER TABLE child RENAME TO kid;\n", "ALTER TABLE parent RENAME TO elder;\n"] {
        let workspace = with_orphan();
        workspace.migration("02_rename", rename, "SELECT 1;\n");
        workspace.migrate();
    }
}

#[test]
fn a_rebuild_keeps_violations_that_were_there_before() {
    let workspace = with_orphan();
    workspace.migration(
        "02_rebuild",
        "CREATE TABLE new_child(id INTEGER PRIMARY KEY, parent INTEGER NOT NULL REFERENCES parent(id) ON DELETE CASCADE, n INT);\n\
         INSERT INTO new_child SELECT id, parent, 0 FROM child;\n\
         DROP TABLE child;\n\
         ALTER TABLE new_child RENAME TO child;\n",
        "ALTER TABLE child DROP COLUMN n;\n",
    );
    workspace.migrate();
    assert_eq!(workspace.value("SELECT count(*) FROM child"), "4");
}

/// Migrations after which more rows reference what isn't there.
const BREAKS: &[&str] = &[
    // A rebuild runs with foreign keys off, so nothing but the check sees it.
    "CREATE TABLE new_parent(id INTEGER PRIMARY KEY, name TEXT);\n\
     INSERT INTO new_parent SELECT id + 10, name FROM parent;\n\
     DROP TABLE parent;\n\
     ALTER TABLE new_parent RENAME TO parent;\n",
    "PRAGMA foreign_keys = OFF;\nINSERT INTO child VALUES (9, 98);\n",
    "CREATE TABLE late(parent INTEGER REFERENCES parent(id) DEFERRABLE INITIALLY DEFERRED);\n\
     INSERT INTO late VALUES (98);\n",
    "PRAGMA defer_foreign_keys = ON;\nINSERT INTO child VALUES (9, 98);\n",
    "INSERT INTO child VALUES (9, 98);\n",
    "UPDATE child SET parent = 98 WHERE id = 1;\n",
    "CREATE TABLE loose(x REFERENCES nowhere(x));\nINSERT INTO loose VALUES (1);\n",
];

#[test]
fn violations_that_a_run_makes_roll_it_back() {
    for large in [false, true] {
        for up in BREAKS {
            for workspace in [Workspace::with_family(), with_orphan()] {
                workspace.migrate();
                if large {
                    workspace.configure(SMALL);
                }
                let before = workspace.content();
                workspace.migration("02_breaks", up, "SELECT 1;\n");
                let ran = workspace.stops(&["migrate"], 3);
                assert!(
                    ran.stderr.contains("don't exist")
                        || ran.stderr.contains("FOREIGN KEY")
                        || ran.stderr.contains("no such table"),
                    "{up}\n{}",
                    ran.stderr
                );
                assert_eq!(workspace.content(), before, "{up}");
                workspace.stops_in_json(&["migrate"], 3);
                assert_eq!(workspace.content(), before, "{up}");
            }
        }
    }
}

#[test]
fn a_key_that_is_deferred_may_be_put_right_before_the_commit() {
    let workspace = Workspace::with_family();
    workspace.migrate();
    workspace.migration(
        "02_late",
        "CREATE TABLE late(parent INTEGER REFERENCES parent(id) DEFERRABLE INITIALLY DEFERRED);\n\
         INSERT INTO late VALUES (98);\n",
        "DROP TABLE late;\n",
    );
    workspace.migration("03_right", "INSERT INTO parent VALUES (98, 'c');\n", "SELECT 1;\n");
    workspace.migrate();
    assert_eq!(workspace.applied(), ["01", "02", "03"]);
}

#[test]
fn a_key_that_references_no_unique_column_stops_nothing_if_it_was_there_before() {
    // SQLite can't even check such a key: `foreign key mismatch`.
    let workspace = Workspace::with_family();
    workspace.migrate();
    workspace.change_beside_the_gate(
        "PRAGMA foreign_keys = OFF; CREATE TABLE odd(name TEXT REFERENCES parent(name)); INSERT INTO odd VALUES ('a')",
    );
    workspace.run(&["backup"]).expect(0);
    workspace.migration(MORE.0, MORE.1, MORE.2);
    workspace.migrate();
    // And a migration can put it right.
    workspace.migration("03_right", "CREATE UNIQUE INDEX i ON parent(name);\n", "DROP INDEX i;\n");
    workspace.migrate();
}

#[test]
fn a_key_that_references_no_unique_column_is_not_let_in() {
    let workspace = Workspace::with_family();
    workspace.migrate();
    let before = workspace.content();
    workspace.migration(
        "02_odd",
        "CREATE TABLE odd(name TEXT REFERENCES parent(name));\nCREATE INDEX i ON odd(name);\n",
        "DROP TABLE odd;\n",
    );
    let ran = workspace.stops(&["migrate"], 3);
    assert!(ran.stderr.contains("foreign key mismatch"), "{}", ran.stderr);
    assert_eq!(workspace.content(), before);
}
