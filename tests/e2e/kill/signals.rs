//! Ctrl-C and `systemctl stop` in the middle of a migration.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{GATE, Workspace};

/// Long enough to be hit, and the same rows every time.
const SLOW: &str = "CREATE TABLE slow AS
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000)
    SELECT max(i) AS most, sum(i % 7) AS sum FROM n;\n";

fn interrupted_by(signal: &str, mode: &str) {
    let workspace = Workspace::with_family();
    workspace.migrate();
    workspace.execute(&format!("PRAGMA journal_mode = {mode}"));
    workspace.migration("02_quick", "CREATE TABLE quick(x);\n", "DROP TABLE quick;\n");
    workspace.migration("03_slow", SLOW, "DROP TABLE slow;\n");
    let undisturbed = workspace.copy();
    undisturbed.migrate();
    let before = workspace.content();

    // On a busy machine the migration may be done before the signal comes.
    let workspace = (0..10)
        .map(|_| workspace.copy())
        .find(|workspace| is_interrupted(workspace, signal))
        .expect("the signal came too late, each time");

    assert_eq!(workspace.content(), before, "half a migration is to be seen");
    let ran = workspace.migrate();
    assert!(ran.stdout.contains("an earlier run had died"), "{}", ran.stdout);
    assert_eq!(workspace.content(), undisturbed.content());
    assert_eq!(workspace.value("PRAGMA integrity_check"), "ok");
    assert_eq!(workspace.receipts().len(), 3);
}

/// Runs it, and sends a signal as soon as the backup is there.
fn is_interrupted(workspace: &Workspace, signal: &str) -> bool {
    let backups = workspace.backups().len();
    // What a shell begins in the background ignores Ctrl-C, and hands that down.
    let mut gate = Command::new("env");
    workspace.prepare(gate.args(["--default-signal", GATE, "migrate"]));
    let mut child = gate.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // The backup is the last thing before the migrations.
    let begun = Instant::now();
    while workspace.backups().len() == backups {
        assert!(begun.elapsed() < Duration::from_secs(30), "no backup came");
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(50));
    let sent = Command::new("sh")
        .args(["-c", &format!("kill -{signal} {}", child.id())])
        .status()
        .unwrap();
    let status = child.wait().unwrap();
    sent.success() && !status.success()
}

#[test]
fn ctrl_c_in_a_slow_migration() {
    interrupted_by("INT", "delete");
}

#[test]
fn a_termination_in_a_slow_migration() {
    interrupted_by("TERM", "wal");
}
