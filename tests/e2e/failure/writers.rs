//! An application that goes on writing while a run succeeds or fails: not one row that it
//! was told is committed may be lost.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, sleep};
use std::time::Duration;

use rusqlite::Connection;

use crate::support::Workspace;

const ROUNDS: u32 = 5;

/// Runs the gate while an application inserts; returns its exit code, what it printed, and
/// the numbers whose insert was acknowledged.
fn run_beside_a_writer(workspace: &Workspace, command: &str) -> (i32, String, Vec<i64>) {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let writer = scope.spawn(|| insert_until(&stop, workspace.connect()));
        sleep(Duration::from_millis(30));
        let ran = workspace.run(&[command]);
        sleep(Duration::from_millis(30));
        stop.store(true, Ordering::Relaxed);
        ran.is_for_people();
        (ran.code, ran.stderr, writer.join().unwrap())
    })
}

fn insert_until(stop: &AtomicBool, conn: Connection) -> Vec<i64> {
    conn.busy_timeout(Duration::from_secs(5)).unwrap();
    let mut acknowledged = Vec::new();
    for number in 1.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        // What isn't acknowledged may or may not be there; the application tries the next.
        if conn.execute("INSERT INTO log VALUES (?1)", [number]).is_ok() {
            acknowledged.push(number);
        }
        sleep(Duration::from_millis(1));
    }
    acknowledged
}

fn workspace(journal: &str) -> Workspace {
    let workspace = Workspace::with_family();
    workspace.migration(
        "02_log",
        "CREATE TABLE log(n INTEGER PRIMARY KEY);\n",
        "DROP TABLE log;\n",
    );
    workspace.migrate();
    workspace.execute(&format!("PRAGMA journal_mode = {journal}"));
    workspace.configure(
        "[targets.dev]\nengine = \"sqlite\"\npath = \"var/dev.db\"\nlock-wait = \"2s\"\n",
    );
    workspace
}

fn lost(workspace: &Workspace, acknowledged: &[i64]) -> Vec<i64> {
    let conn = workspace.connect();
    let mut statement = conn.prepare("SELECT n FROM log").unwrap();
    let there: std::collections::BTreeSet<i64> =
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    acknowledged.iter().filter(|number| !there.contains(number)).copied().collect()
}

/// In each journal mode, some rounds: the migration 03 must end with one of these codes.
fn rounds(up: &str, without_transaction: bool, codes: &[i32]) {
    for journal in ["delete", "wal"] {
        for round in 0..ROUNDS {
            let workspace = workspace(journal);
            if without_transaction {
                workspace.migration_without_transaction("03_next", up, "SELECT 1;\n");
            } else {
                workspace.migration("03_next", up, "SELECT 1;\n");
            }
            let (code, stderr, acknowledged) = run_beside_a_writer(&workspace, "migrate");
            assert!(codes.contains(&code), "{journal}, round {round}: {code}\n{stderr}");
            assert!(acknowledged.len() > 5, "{journal}: the application hardly wrote");
            let lost = lost(&workspace, &acknowledged);
            assert!(
                lost.is_empty(),
                "{journal}, round {round}, exit {code}: lost {lost:?}\n{stderr}"
            );
            assert_eq!(workspace.value("PRAGMA integrity_check"), "ok");
            assert_eq!(workspace.value("SELECT count(*) FROM child"), "3");
        }
    }
}

const DATA: &str = "CREATE TABLE data(x);\n\
    INSERT INTO data WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 2000)\n\
    SELECT randomblob(500) FROM c;\n";

#[test]
fn a_run_that_succeeds_loses_no_acknowledged_row() {
    rounds(DATA, false, &[0]);
}

#[test]
fn a_run_that_is_rolled_back_loses_no_acknowledged_row() {
    rounds(&format!("{DATA}INSERT INTO nowhere VALUES (1);\n"), false, &[3]);
}

#[test]
fn a_run_that_is_found_bad_after_its_commit_loses_no_acknowledged_row() {
    let up = format!(
        "{DATA}CREATE VIEW late AS SELECT json(CASE WHEN total_changes() > 1 THEN '1' ELSE name END) AS j FROM parent;\n"
    );
    rounds(&up, false, &[3, 4]);
}

#[test]
fn a_step_outside_a_transaction_that_fails_loses_no_acknowledged_row() {
    rounds("VACUUM INTO '/nowhere/at/all.db';\n", true, &[3, 4]);
}

/// A redo whose undoing is committed goes back by its backup only where nobody wrote.
#[test]
fn a_redo_that_fails_after_a_commit_loses_no_acknowledged_row() {
    for journal in ["delete", "wal"] {
        for round in 0..ROUNDS {
            let workspace = workspace(journal);
            workspace.migration("03_draft", "CREATE TABLE draft(x);\n", "DROP TABLE draft;\n");
            workspace.migration_without_transaction("04_vacuum", "VACUUM;\n", "SELECT 1;\n");
            workspace.migration("05_last", DATA, "DROP TABLE data;\n");
            workspace.migrate();
            workspace.migration("03_draft", "CREATE TABLE draft(y);\n", "DROP TABLE draft;\n");
            let fails = format!("{DATA}INSERT INTO nowhere VALUES (1);\n");
            workspace.migration("05_last", &fails, "DROP TABLE data;\n");
            let (code, stderr, acknowledged) = run_beside_a_writer(&workspace, "redo");
            assert!([3, 5].contains(&code), "{journal}, round {round}: {code}\n{stderr}");
            let names_the_way_back = stderr.contains("cargo xtask restore ");
            assert_eq!(names_the_way_back, code == 5, "{journal}: {stderr}");
            let lost = lost(&workspace, &acknowledged);
            assert!(lost.is_empty(), "{journal}, exit {code}: lost {lost:?}\n{stderr}");
            assert_eq!(workspace.value("PRAGMA integrity_check"), "ok");
        }
    }
}
