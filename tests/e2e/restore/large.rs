//! A database that is too large to be read while writers wait: the backup is taken before
//! the write lock, and full checks run after the commit.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::person::fail_after_the_commit;
use crate::support::Workspace;

const LARGE: &str = "hold-writes-max = \"1KiB\"\n";

fn family(mode: &str) -> Workspace {
    let workspace = Workspace::with_family();
    workspace.configure_target(LARGE);
    std::fs::create_dir(workspace.path().join("var")).unwrap();
    workspace.execute(&format!(
        "PRAGMA journal_mode = {mode}; CREATE TABLE log(id INTEGER PRIMARY KEY, text TEXT)"
    ));
    workspace.run(&["migrate", "--enrol"]).expect(0);
    workspace
}

#[test]
fn it_goes_through_the_gate() {
    let workspace = Workspace::with_example();
    workspace.configure_target(LARGE);
    workspace.run(&["migrate", "--to", "20240212083000"]).expect(0);
    workspace.migrate();
    let receipt = workspace.last_receipt();
    assert_eq!(receipt["backup"]["underWriteLock"], false, "{:#}", receipt["backup"]);
    let small = Workspace::with_example();
    small.migrate();
    assert_eq!(workspace.content(), small.content());
    workspace.run(&["migrate", "--to", "20240311110000"]).expect(0);
    workspace.migrate();
    assert_eq!(workspace.content(), small.content());
}

#[test]
fn a_failed_run_is_undone() {
    for mode in ["delete", "wal"] {
        let workspace = family(mode);
        let before = workspace.content();
        // Inside its transaction,
        workspace.migration(
            "02_bad",
            "CREATE TABLE bad(x);\nINSERT INTO nothing VALUES (1);\n",
            "SELECT 1;\n",
        );
        workspace.run(&["migrate"]).expect(3);
        assert_eq!(workspace.content(), before);
        // and after the commit.
        fail_after_the_commit(&workspace, LARGE);
        std::fs::remove_dir_all(workspace.path().join("migrations/sqlite/02_bad")).unwrap();
        let ran = workspace.run(&["migrate"]).expect(3);
        assert!(ran.stderr.contains("the backup was restored"), "{}", ran.stderr);
        assert_eq!(workspace.content(), before);
        assert_eq!(workspace.value("PRAGMA journal_mode"), mode);
        assert_eq!(workspace.receipts().len(), 3);
    }
}

/// A row that takes a reference away is found although not all keys are checked.
#[test]
fn a_rebuild_that_loses_a_parent_is_undone() {
    let workspace = family("delete");
    let before = workspace.content();
    workspace.migration(
        "02_rebuild",
        "CREATE TABLE new_parent(id INTEGER PRIMARY KEY, name TEXT);\nINSERT INTO new_parent SELECT * FROM parent WHERE id = 1;\n\
         DROP TABLE parent;\nALTER TABLE new_parent RENAME TO parent;\n",
        "SELECT 1;\n",
    );
    workspace.run(&["migrate"]).expect(3);
    assert_eq!(workspace.content(), before);
}

/// What was wrong before the run is the data's affair, however large it is.
#[test]
fn old_violations_are_no_failure() {
    let workspace = family("delete");
    workspace.execute("PRAGMA foreign_keys = OFF; INSERT INTO child VALUES (900, 901)");
    workspace.migration("02_new", "CREATE TABLE new(x);\n", "DROP TABLE new;\n");
    workspace.migrate();
    assert_eq!(workspace.value("SELECT count(*) FROM child"), "4");
}

/// Writes numbered rows all the time; returns how many were committed.
fn beside_a_writer<T>(workspace: &Workspace, act: impl FnOnce() -> T) -> (T, usize) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let conn = workspace.connect();
            conn.busy_timeout(Duration::from_millis(100)).unwrap();
            let mut written = 0;
            while !stop.load(Ordering::Relaxed) {
                written += conn.execute("INSERT INTO log(text) VALUES ('x')", []).unwrap_or(0);
                std::thread::sleep(Duration::from_millis(3));
            }
            written
        });
        let result = act();
        stop.store(true, Ordering::Relaxed);
        (result, writer.join().unwrap())
    })
}

#[test]
fn what_is_written_between_the_backup_and_the_commit_is_not_lost() {
    for mode in ["delete", "wal"] {
        for size in [LARGE, ""] {
            let workspace = family(mode);
            workspace.configure_target(size);
            workspace.migration("02_new", "CREATE TABLE new(x);\n", "DROP TABLE new;\n");
            let (ran, written) = beside_a_writer(&workspace, || workspace.run(&["migrate"]));
            ran.expect(0);
            assert_eq!(workspace.value("SELECT count(*) FROM log"), written.to_string(), "{mode}");

            workspace.migration(
                "03_bad",
                "CREATE TABLE bad(x);\nINSERT INTO nothing VALUES (1);\n",
                "SELECT 1;\n",
            );
            let (ran, more) = beside_a_writer(&workspace, || workspace.run(&["migrate"]));
            ran.expect(3);
            assert_eq!(workspace.value("SELECT count(*) FROM log"), (written + more).to_string());
            std::fs::remove_dir_all(workspace.path().join("migrations/sqlite/03_bad")).unwrap();
        }
    }
}

/// A failure after the commit, with rows that the backup doesn't have: they are kept, and
/// a person decides.
#[test]
fn what_was_written_since_the_backup_is_not_restored_over() {
    for mode in ["delete", "wal"] {
        let workspace = family(mode);
        fail_after_the_commit(&workspace, &format!("{LARGE}lock-wait = \"3s\"\n"));
        let (ran, written) = beside_a_writer(&workspace, || workspace.run(&["migrate"]));
        ran.expect(4);
        assert_eq!(workspace.value("SELECT count(*) FROM log"), written.to_string(), "{mode}");
        assert_eq!(workspace.value("SELECT count(*) FROM new"), "2");
    }
}
