//! A migration that fails inside a transaction: a rollback undoes the run.

use crate::support::{Workspace, content};

const FAILS: &str = "INSERT INTO nowhere VALUES (1);\n";

/// The content of a database in which there is nothing.
fn nothing() -> String {
    let directory = tempfile::tempdir().unwrap();
    content(&directory.path().join("new.db"))
}

#[test]
fn whichever_migration_fails_the_database_is_as_before() {
    for exists in [false, true] {
        for failing in ["02", "03", "04"] {
            let workspace = Workspace::with_family();
            if exists {
                workspace.migrate();
            }
            for version in ["02", "03", "04"] {
                let table =
                    format!("CREATE TABLE t{version}(x);\nINSERT INTO t{version} VALUES (1);\n");
                let up = if version == failing { table.clone() + FAILS } else { table };
                workspace.migration(&format!("{version}_t"), &up, "SELECT 1;\n");
            }
            let before = if exists { workspace.content() } else { nothing() };

            let ran = workspace.stops(&["migrate"], 3);
            let place = format!("{failing}_t/up.sql");
            assert!(ran.stderr.contains(&place), "no {place}:\n{}", ran.stderr);
            assert!(ran.stderr.contains("no such table: nowhere"), "{}", ran.stderr);
            assert!(ran.stderr.contains("as it was before (rolled back)"), "{}", ran.stderr);
            assert_eq!(workspace.content(), before);

            let receipts = workspace.receipts();
            assert_eq!(receipts.len(), 1 + usize::from(exists));
            let receipt = receipts.last().unwrap();
            assert_eq!(receipt["subject"], serde_json::json!([]), "nothing of it stands");
            let outcome = &receipt["predicate"]["outcome"];
            assert_eq!(outcome["code"], 3);
            assert_eq!(outcome["failure"]["place"], place);

            let document = workspace.stops_in_json(&["migrate"], 3);
            assert_eq!(document["place"], place);
            assert_eq!(workspace.content(), before);

            let corrected = format!("CREATE TABLE t{failing}(x);\n");
            workspace.migration(&format!("{failing}_t"), &corrected, "SELECT 1;\n");
            workspace.migrate();
            assert_eq!(workspace.applied(), ["01", "02", "03", "04"]);
            assert_eq!(workspace.last_receipt()["outcome"]["code"], 0);
        }
    }
}

#[test]
fn a_first_migration_that_fails_leaves_no_table_of_the_application() {
    let workspace = Workspace::new();
    workspace.migration("01_fails", &format!("CREATE TABLE a(x);\n{FAILS}"), "SELECT 1;\n");
    workspace.stops(&["migrate"], 3);
    assert_eq!(workspace.content(), nothing());
    workspace.migration("01_fails", "CREATE TABLE a(x);\n", "DROP TABLE a;\n");
    workspace.migrate();
    assert_eq!(workspace.applied(), ["01"]);
}

#[test]
fn a_down_migration_that_fails_leaves_everything_applied() {
    let workspace = Workspace::with_family();
    workspace.migration("02_a", "CREATE TABLE a(x);\n", FAILS);
    workspace.migration("03_b", "CREATE TABLE b(x);\n", "DROP TABLE b;\n");
    workspace.migrate();
    let before = workspace.content();
    let ran = workspace.stops(&["migrate", "--to", "01"], 3);
    assert!(ran.stderr.contains("02_a/down.sql"), "{}", ran.stderr);
    assert_eq!(workspace.content(), before);
    workspace.stops_in_json(&["migrate", "--to", "01"], 3);
}

/// Migrations that make SQLite roll the whole transaction back, the gate's with it, and
/// what they say.
const ROLLS_BACK: &[(&str, &str)] = &[
    (
        "CREATE TABLE a(x);\n\
         CREATE TRIGGER no BEFORE INSERT ON a BEGIN SELECT RAISE(ROLLBACK, 'not here'); END;\n\
         INSERT INTO a VALUES (1);\n\
         INSERT INTO parent VALUES (9, 'after the rollback');\n",
        "not here",
    ),
    (
        "INSERT INTO parent VALUES (8, 'before');\n\
         INSERT OR ROLLBACK INTO parent VALUES (1, 'again');\n\
         INSERT INTO parent VALUES (9, 'after the rollback');\n",
        "UNIQUE constraint failed: parent.id",
    ),
    (
        "CREATE TABLE a(x UNIQUE ON CONFLICT ROLLBACK);\n\
         INSERT INTO a VALUES (1), (1);\n\
         INSERT INTO parent VALUES (9, 'after the rollback');\n",
        "UNIQUE constraint failed: a.x",
    ),
    ("UPDATE OR ROLLBACK parent SET id = 1;\n", "UNIQUE constraint failed: parent.id"),
];

#[test]
fn a_migration_that_makes_sqlite_roll_back_leaves_everything_as_before() {
    for (up, _) in ROLLS_BACK {
        let workspace = Workspace::with_family();
        workspace.migrate();
        workspace.migration("02_good", "CREATE TABLE good(x);\n", "DROP TABLE good;\n");
        workspace.migration("03_bad", up, "SELECT 1;\n");
        workspace.migration("04_good", "CREATE TABLE last(x);\n", "DROP TABLE last;\n");
        let before = workspace.content();
        let ran = workspace.stops(&["migrate"], 3);
        assert!(ran.stderr.contains("03_bad/up.sql"), "{}", ran.stderr);
        assert_eq!(workspace.content(), before, "{up}");
        assert_eq!(workspace.last_receipt()["outcome"]["code"], 3);
        workspace.stops_in_json(&["migrate"], 3);
        workspace.migration("03_bad", "CREATE TABLE a(x);\n", "DROP TABLE a;\n");
        workspace.migrate();
        assert_eq!(workspace.applied(), ["01", "02", "03", "04"]);
    }
}

#[test]
fn what_made_sqlite_roll_back_is_told_in_its_own_words() {
    for (up, said) in ROLLS_BACK {
        let workspace = Workspace::with_family();
        workspace.migrate();
        workspace.migration("02_bad", up, "SELECT 1;\n");
        let ran = workspace.stops(&["migrate"], 3);
        assert!(ran.stderr.contains(said), "no {said:?}:\n{}", ran.stderr);
    }
}

#[test]
fn pragmas_that_hinder_the_gate_itself_are_undone_with_the_rest() {
    for pragma in [
        "PRAGMA query_only = ON",
        "PRAGMA max_page_count = 1",
        "PRAGMA foreign_keys = OFF",
        "PRAGMA defer_foreign_keys = ON",
        "PRAGMA recursive_triggers = ON",
        "PRAGMA legacy_alter_table = ON",
        "PRAGMA reverse_unordered_selects = ON",
        "PRAGMA case_sensitive_like = ON",
        "PRAGMA locking_mode = EXCLUSIVE",
        "PRAGMA busy_timeout = 1",
        "PRAGMA cache_size = 1",
        "PRAGMA temp_store = FILE",
    ] {
        let workspace = Workspace::with_family();
        workspace.migrate();
        workspace.configure(
            "[targets.dev]\nengine = \"sqlite\"\npath = \"var/dev.db\"\nlock-wait = \"300ms\"\n",
        );
        let before = workspace.content();
        let text = format!("{pragma};\nCREATE TABLE a(x);\nINSERT INTO a SELECT id FROM parent;\n");
        workspace.migration("02_pragma", &text, "DROP TABLE a;\n");
        let ran = workspace.run(&["migrate"]);
        // The worst of them the linter knows.
        let refused = pragma.contains("query_only");
        let codes: &[i32] = if refused { &[1] } else { &[0, 3] };
        assert!(codes.contains(&ran.code), "{pragma}: {}\n{}", ran.code, ran.stderr);
        ran.is_for_people();
        if ran.code != 0 {
            assert_eq!(workspace.content(), before, "{pragma}");
            workspace.migration("02_pragma", "CREATE TABLE a(x);\n", "DROP TABLE a;\n");
        }
        workspace.migrate();
        assert_eq!(workspace.applied(), ["01", "02"], "{pragma}");
        assert_eq!(workspace.last_receipt()["outcome"]["code"], 0, "{pragma}");
    }
}

#[test]
fn what_a_failed_migration_sets_does_not_outlive_it() {
    let workspace = Workspace::with_family();
    workspace.migrate();
    workspace.migration(
        "02_fails",
        &format!("PRAGMA user_version = 7;\nPRAGMA application_id = 9;\n{FAILS}"),
        "SELECT 1;\n",
    );
    workspace.stops(&["migrate"], 3);
    assert_eq!(workspace.value("PRAGMA user_version"), "0");
    assert_eq!(workspace.value("PRAGMA application_id"), "0");
}
