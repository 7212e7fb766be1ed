//! Exit code 4: the undo can't be proved harmless, so everything is kept, and a person
//! gets steps that work as they are.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::support::{Ran, Workspace};

/// A pending migration, and a smoke query that holds before the commit, on the connection
/// that has made the changes, and fails afterwards, on a fresh one.
pub(super) fn fail_after_the_commit(workspace: &Workspace, lines: &str) {
    workspace.configure_target(&format!("smoke = [\"late.slt\"]\n{lines}"));
    // The first record takes its time: another program can write meanwhile.
    fs::write(
        workspace.path().join("late.slt"),
        "query I\nWITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000) SELECT count(*) FROM n\n----\n2000000\n\n\
         query I\nSELECT total_changes() > 2\n----\n1\n",
    )
    .unwrap();
    workspace.migration(
        "02_new",
        "CREATE TABLE new(x);\nINSERT INTO new VALUES (1), (2);\n",
        "DROP TABLE new;\n",
    );
}

/// Runs `migrate` while another program writes a row every few milliseconds, from the
/// moment when it sees the migration's commit.
fn migrate_beside_a_writer(workspace: &Workspace) -> Ran {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut written = 0;
            while !stop.load(Ordering::Relaxed) {
                let row = Connection::open(workspace.database()).and_then(|conn| {
                    conn.busy_timeout(Duration::from_millis(200))?;
                    if conn.table_exists(None, "new")? {
                        written += conn
                            .execute("INSERT INTO parent(name) VALUES ('written meanwhile')", [])?;
                    }
                    Ok(())
                });
                drop(row);
                std::thread::sleep(Duration::from_millis(5));
            }
            written
        });
        let ran = workspace.run(&["migrate"]);
        stop.store(true, Ordering::Relaxed);
        assert!(writer.join().unwrap() > 0, "nothing was written\n{}", ran.stderr);
        ran
    })
}

fn family(workspace: Workspace, mode: &str) -> Workspace {
    workspace.migration(
        "01_family",
        "CREATE TABLE parent(id INTEGER PRIMARY KEY, name TEXT);\nINSERT INTO parent VALUES (1, 'a'), (2, 'b');\n",
        "DROP TABLE parent;\n",
    );
    workspace.migrate();
    workspace.execute(&format!("PRAGMA journal_mode = {mode}"));
    workspace
}

fn restore_text(workspace: &Workspace) -> PathBuf {
    let mut found: Vec<PathBuf> = fs::read_dir(workspace.backup_directory())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_str().unwrap().ends_with(".RESTORE.txt"))
        .collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found.pop().unwrap()
}

/// As a person would do it: the text goes into a shell, whatever directory that is in.
fn paste_into_a_shell(workspace: &Workspace, text: &str) -> Ran {
    let mut command = Command::new("sh");
    workspace.prepare(&mut command);
    command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes()).unwrap();
    Ran::of(&child.wait_with_output().unwrap())
}

/// The steps of the one run that needed a person.
pub(super) fn follow_the_steps(workspace: &Workspace) -> Ran {
    paste_into_a_shell(workspace, &fs::read_to_string(restore_text(workspace)).unwrap())
}

fn a_person_is_needed(mode: &str) {
    let workspace = family(Workspace::with_odd_name(), mode);
    let before = workspace.content();
    fail_after_the_commit(&workspace, "lock-wait = \"3s\"\n");
    let ran = migrate_beside_a_writer(&workspace).expect(4);

    // Both are kept: the failed run with what was written since, and the backup.
    assert!(ran.stderr.contains("another program has written"), "{}", ran.stderr);
    assert_eq!(workspace.value("SELECT count(*) FROM new"), "2");
    let rows = "SELECT count(*) > 0 FROM parent WHERE name = 'written meanwhile'";
    assert_eq!(workspace.value(rows), "1");
    let after = workspace.content();
    let receipt = workspace.last_receipt();
    assert_eq!(receipt["outcome"]["code"], 4);
    let backup = PathBuf::from(receipt["backup"]["file"].as_str().unwrap());
    assert_eq!(workspace.backup_content(&backup), before);

    let file = restore_text(&workspace);
    assert_eq!(file.to_str().unwrap(), format!("{}.RESTORE.txt", backup.display()));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&file).unwrap();
    assert!(ran.stderr.contains(text.trim_end()), "the steps aren't printed:\n{}", ran.stderr);

    let pasted = paste_into_a_shell(&workspace, &text).expect(0);
    assert!(pasted.stderr.is_empty(), "{}", pasted.stderr);
    assert_eq!(workspace.content(), before);
    let receipts = workspace.receipts();
    assert_eq!(receipts.len(), 3, "the failed run and the restore are in the record");
    let kept = receipts[2]["predicate"]["backup"]["file"].as_str().unwrap();
    assert_eq!(workspace.backup_content(kept.as_ref()), after, "what was written is lost");

    // With the query corrected, the same run succeeds.
    workspace.configure_target("");
    workspace.migrate();
    assert_eq!(workspace.applied(), ["01", "02"]);
}

#[test]
fn a_person_is_needed_in_delete_mode() {
    a_person_is_needed("delete");
}

#[test]
fn a_person_is_needed_in_wal_mode() {
    a_person_is_needed("wal");
}

#[test]
fn without_another_writer_the_backup_is_put_back() {
    for mode in ["delete", "wal"] {
        let workspace = family(Workspace::with_odd_name(), mode);
        let before = workspace.content();
        fail_after_the_commit(&workspace, "");
        let ran = workspace.run(&["migrate"]).expect(3);
        assert!(ran.stderr.contains("the backup was restored"), "{}", ran.stderr);
        assert_eq!(workspace.content(), before);
        assert_eq!(workspace.value("PRAGMA journal_mode"), mode);
        let receipt = workspace.last_receipt();
        assert_eq!(receipt["outcome"]["code"], 3);
        assert_eq!(workspace.receipts().len(), 2);
        // It can be tried as often as one likes.
        workspace.run(&["migrate"]).expect(3);
        workspace.configure_target("");
        workspace.migrate();
        assert_eq!(workspace.receipts().len(), 4);
    }
}

/// A program that only looks is no reason to call a person: nothing it does could be lost.
#[test]
fn beside_a_program_that_only_reads_the_backup_is_put_back() {
    for mode in ["delete", "wal"] {
        let workspace = family(Workspace::new(), mode);
        let before = workspace.content();
        fail_after_the_commit(&workspace, "lock-wait = \"2s\"\n");
        let reader = workspace.connect();
        let rows =
            || reader.query_row("SELECT count(*) FROM parent", [], |row| row.get::<_, i64>(0));
        rows().unwrap();
        let begun = Instant::now();
        let ran = workspace.run(&["migrate"]);
        assert!(begun.elapsed() < Duration::from_secs(30));
        assert_eq!(ran.code, 3, "{mode}:\n{}", ran.stderr);
        assert_eq!(rows().unwrap(), 2);
        drop(reader);
        assert_eq!(workspace.content(), before);
    }
}

/// A smoke query that a dead run never came to: the next run finds that it fails, and
/// says what to do in the same way.
#[test]
fn a_run_that_died_and_fails_its_smoke_test_leaves_steps_too() {
    use crate::kill::points::{End, can_trace, kill_at, points, run_alone};
    if !can_trace() {
        return;
    }
    let template = family(Workspace::new(), "delete");
    let before = template.content();
    fail_after_the_commit(&template, "");
    // The last point before the smoke test at which the migration is committed.
    let all = points(&template.copy(), &["migrate"], 3);
    let (workspace, ran) = (0..all.len())
        .step_by(5)
        .rev()
        .find_map(|index| {
            let workspace = template.copy();
            let End::Killed = kill_at(&workspace, &["migrate"], &all[index]) else { return None };
            let ran = run_alone(&workspace, &["migrate"]);
            assert!([3, 4].contains(&ran.code), "{:?}: {}\n{}", all[index], ran.code, ran.stderr);
            (ran.code == 4).then_some((workspace, ran))
        })
        .expect("no run died between its commit and its undo");
    let text = fs::read_to_string(restore_text(&workspace)).unwrap();
    assert!(ran.stderr.contains(text.trim_end()), "the steps aren't printed:\n{}", ran.stderr);
    paste_into_a_shell(&workspace, &text).expect(0);
    assert_eq!(workspace.content(), before);
}
