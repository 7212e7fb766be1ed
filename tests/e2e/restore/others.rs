//! Other programs that use the database while a backup is put back.

use std::time::{Duration, Instant};

use super::{backed_up, restore, take};
use crate::support::Workspace;

fn family(mode: &str) -> (Workspace, std::path::PathBuf, String) {
    let (workspace, _) = backed_up();
    workspace.execute(&format!("PRAGMA journal_mode = {mode}"));
    let backup = take(&workspace);
    let then = workspace.content();
    workspace.configure_target("lock-wait = \"1s\"\n");
    workspace.execute("INSERT INTO parent VALUES (77, 'later')");
    (workspace, backup, then)
}

#[test]
fn in_wal_mode_a_reader_is_in_nobodys_way() {
    let (workspace, backup, then) = family("wal");
    let reader = workspace.connect();
    let rows = || reader.query_row("SELECT count(*) FROM parent", [], |row| row.get::<_, i64>(0));
    reader.execute_batch("BEGIN").unwrap();
    assert_eq!(rows().unwrap(), 3);
    restore(&workspace, &backup).expect(0);
    assert_eq!(rows().unwrap(), 3, "the reader's snapshot changed under it");
    reader.execute_batch("COMMIT").unwrap();
    assert_eq!(rows().unwrap(), 2);
    drop(reader);
    assert_eq!(workspace.content(), then);
    assert_eq!(workspace.value("PRAGMA integrity_check"), "ok");
}

/// A connection that is open and does nothing, as in every pool.
#[test]
fn an_idle_connection_is_in_nobodys_way() {
    for mode in ["delete", "wal"] {
        let (workspace, backup, then) = family(mode);
        let idle = workspace.connect();
        let rows = || idle.query_row("SELECT count(*) FROM parent", [], |row| row.get::<_, i64>(0));
        assert_eq!(rows().unwrap(), 3);
        let ran = restore(&workspace, &backup);
        assert_eq!(ran.code, 0, "{mode}: {}", ran.stderr);
        assert_eq!(rows().unwrap(), 2);
        drop(idle);
        assert_eq!(workspace.content(), then);
    }
}

/// What can't be had is waited for as long as `lock-wait` says, and then all is as before.
fn waits_in_vain(mode: &str, occupy: &str) {
    let (workspace, backup, then) = family(mode);
    let before = workspace.content();
    let other = workspace.connect();
    other.execute_batch(occupy).unwrap();
    let _: i64 = other.query_row("SELECT count(*) FROM parent", [], |row| row.get(0)).unwrap();
    let begun = Instant::now();
    let ran = restore(&workspace, &backup);
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    assert!([75, 4].contains(&ran.code), "{}\n{}", ran.code, ran.stderr);
    other.execute_batch("ROLLBACK").unwrap();
    drop(other);
    assert_eq!(workspace.content(), before);
    assert_eq!(workspace.value("PRAGMA integrity_check"), "ok");
    assert_eq!(workspace.value("PRAGMA journal_mode"), mode);
    restore(&workspace, &backup).expect(0);
    assert_eq!(workspace.content(), then);
    workspace.receipts();
}

#[test]
fn in_delete_mode_a_reader_is_waited_for() {
    waits_in_vain("delete", "BEGIN");
}

#[test]
fn a_writer_is_waited_for() {
    waits_in_vain("delete", "BEGIN IMMEDIATE");
    waits_in_vain("wal", "BEGIN IMMEDIATE");
}

#[test]
fn a_reader_that_ends_in_time_is_waited_for() {
    let (workspace, backup, then) = family("delete");
    workspace.configure_target("lock-wait = \"10s\"\n");
    let other = workspace.connect();
    other.execute_batch("BEGIN").unwrap();
    let _: i64 = other.query_row("SELECT count(*) FROM parent", [], |row| row.get(0)).unwrap();
    std::thread::scope(|scope| {
        let ran = scope.spawn(|| restore(&workspace, &backup));
        std::thread::sleep(Duration::from_secs(1));
        drop(other);
        ran.join().unwrap().expect(0);
    });
    assert_eq!(workspace.content(), then);
}

/// A second runner is told at once.
#[test]
fn beside_another_run_it_is_busy() {
    let (workspace, backup, _) = family("delete");
    let before = workspace.content();
    let lock = std::fs::File::open(workspace.path().join("var/dev.db.portcullis-lock")).unwrap();
    lock.lock().unwrap();
    for arguments in [&["migrate"][..], &["backup"], &["restore", backup.to_str().unwrap()]] {
        workspace.run(arguments).expect(75);
    }
    drop(lock);
    assert_eq!(workspace.content(), before);
}

/// What others write while a backup is put back is in what was kept, or it stands.
#[test]
fn nothing_that_was_written_meanwhile_is_lost() {
    use std::sync::atomic::{AtomicBool, Ordering};
    for mode in ["delete", "wal"] {
        let (workspace, _, _) = family(mode);
        workspace.configure_target("");
        workspace.execute("CREATE TABLE log(id INTEGER PRIMARY KEY)");
        let backup = take(&workspace);
        let stop = AtomicBool::new(false);
        let (ran, written) = std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let mut written = Vec::new();
                for id in 1.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    // A connection for each row: an open one is another test's matter.
                    let conn = workspace.connect();
                    conn.busy_timeout(Duration::from_millis(100)).unwrap();
                    if conn.execute("INSERT INTO log VALUES (?1)", [id]).is_ok() {
                        written.push(id);
                    }
                }
                written
            });
            std::thread::sleep(Duration::from_millis(100));
            let ran = restore(&workspace, &backup);
            stop.store(true, Ordering::Relaxed);
            (ran, writer.join().unwrap())
        });
        // It may give up; then everything is where it was.
        assert!([0, 75].contains(&ran.code), "{mode}: {}\n{}", ran.code, ran.stderr);
        let mut there = ids(&workspace.database());
        if ran.code == 0 {
            let kept = workspace.last_receipt()["backup"]["file"].as_str().unwrap().to_owned();
            let copy = tempfile::tempdir().unwrap();
            std::fs::copy(kept, copy.path().join("copy.db")).unwrap();
            there.extend(ids(&copy.path().join("copy.db")));
        }
        let lost: Vec<i64> = written.into_iter().filter(|id| !there.contains(id)).collect();
        assert!(lost.is_empty(), "{mode}: {} rows are lost", lost.len());
    }
}

fn ids(database: &std::path::Path) -> std::collections::BTreeSet<i64> {
    let conn = rusqlite::Connection::open(database).unwrap();
    let mut statement = conn.prepare("SELECT id FROM log").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// Programs go on writing while a backup is taken; what is in it is one moment of theirs.
#[test]
fn a_backup_beside_a_writer_is_one_moment() {
    for mode in ["delete", "wal"] {
        let (workspace, _, _) = family(mode);
        workspace.configure_target("");
        workspace
            .execute("CREATE TABLE pair(a INTEGER, b INTEGER); INSERT INTO pair VALUES (0, 0)");
        let stop = std::sync::atomic::AtomicBool::new(false);
        let backup = std::thread::scope(|scope| {
            scope.spawn(|| {
                let conn = workspace.connect();
                conn.busy_timeout(Duration::from_secs(5)).unwrap();
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    conn.execute_batch("BEGIN IMMEDIATE; UPDATE pair SET a = a + 1; UPDATE pair SET b = b + 1; COMMIT")
                        .unwrap();
                    std::thread::sleep(Duration::from_millis(2));
                }
            });
            let backup = take(&workspace);
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
            backup
        });
        let copy = tempfile::tempdir().unwrap();
        std::fs::copy(&backup, copy.path().join("copy.db")).unwrap();
        let conn = rusqlite::Connection::open(copy.path().join("copy.db")).unwrap();
        let same: bool = conn.query_row("SELECT a = b FROM pair", [], |row| row.get(0)).unwrap();
        assert!(same, "{mode}");
    }
}
