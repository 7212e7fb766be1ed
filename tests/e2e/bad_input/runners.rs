//! Others at the same database: another gate, or a program that holds a lock.

use std::fs;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::Workspace;

const DEV: &str = "[targets.dev]\nengine = \"sqlite\"\npath = \"var/dev.db\"\n";

/// A workspace with a migration that takes seconds.
fn slow() -> Workspace {
    let workspace = Workspace::with_family();
    workspace.migrate();
    workspace.migration(
        "02_slow",
        "CREATE TABLE big(x);\n\
         INSERT INTO big WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 3000000)\n\
         SELECT x FROM c;\n",
        "DROP TABLE big;\n",
    );
    workspace
}

/// A gate in the background, which has the runner's lock.
fn start(workspace: &Workspace) -> Child {
    let mut child = workspace
        .command(&["migrate"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lock = workspace.path().join("var/dev.db.portcullis-lock");
    let note = format!("process {},", child.id());
    let patience = Instant::now() + Duration::from_secs(20);
    while !fs::read_to_string(&lock).is_ok_and(|text| text.starts_with(&note)) {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it could be seen");
        assert!(Instant::now() < patience, "it never took the lock");
        sleep(Duration::from_millis(1));
    }
    child
}

#[test]
fn a_second_gate_is_turned_away_with_the_first_one_named() {
    let workspace = slow();
    let mut first = start(&workspace);
    for command in [&["migrate"][..], &["backup"]] {
        let ran = workspace.stops(command, 75);
        let named = format!("process {},", first.id());
        assert!(ran.stderr.contains(&named), "{named} isn't named:\n{}", ran.stderr);
        workspace.stops_in_json(command, 75);
    }
    assert!(first.try_wait().unwrap().is_none(), "the first one was too fast for this test");
    // Looking is allowed meanwhile.
    workspace.run(&["migrate", "--plan"]).expect(0);
    let output = first.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(workspace.applied(), ["01", "02"]);
    assert_eq!(workspace.receipts().len(), 2);
}

#[test]
fn of_many_gates_at_once_exactly_one_runs() {
    let workspace = slow();
    let gates: Vec<Child> = (0..6)
        .map(|_| {
            workspace
                .command(&["migrate"])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let mut done = 0;
    for gate in gates {
        let output = gate.wait_with_output().unwrap();
        match output.status.code() {
            Some(0) => done += 1,
            Some(75) => {}
            code => panic!("{code:?}: {}", String::from_utf8_lossy(&output.stderr)),
        }
    }
    assert!(done >= 1);
    assert_eq!(workspace.applied(), ["01", "02"]);
    assert_eq!(workspace.receipts().len(), 2, "more than one gate ran it");
    assert_eq!(workspace.value("SELECT count(*) FROM big"), "3000000");
}

#[test]
fn a_gate_that_was_killed_keeps_nobody_out() {
    let workspace = slow();
    let before = workspace.content();
    let mut killed = start(&workspace);
    sleep(Duration::from_millis(300));
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(workspace.content(), before);
    workspace.migrate();
    assert_eq!(workspace.applied(), ["01", "02"]);
    assert_eq!(workspace.last_receipt()["outcome"]["code"], 0);
}

#[test]
fn another_program_that_holds_a_lock_is_waited_for_and_then_it_is_busy() {
    for journal in ["delete", "wal"] {
        for begin in ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"] {
            let workspace = Workspace::with_family();
            workspace.migrate();
            workspace.execute(&format!("PRAGMA journal_mode = {journal}"));
            workspace.configure(&format!("{DEV}lock-wait = \"300ms\"\n"));
            workspace.migration("02_more", "CREATE TABLE more(x);\n", "DROP TABLE more;\n");
            let before = workspace.content();
            let other = workspace.connect();
            other.execute_batch(&format!("{begin}; INSERT INTO parent VALUES (50, 'x')")).unwrap();

            let started = Instant::now();
            let ran = workspace.stops(&["migrate"], 75);
            let waited = started.elapsed();
            assert!(waited >= Duration::from_millis(300), "{journal}, {begin}: only {waited:?}");
            assert!(waited < Duration::from_secs(5), "{journal}, {begin}: {waited:?}");
            assert!(ran.stderr.contains("another program is using the database"), "{}", ran.stderr);
            workspace.stops_in_json(&["migrate"], 75);

            other.execute_batch("ROLLBACK").unwrap();
            assert_eq!(workspace.content(), before);
            workspace.migrate();
            assert_eq!(
                workspace.receipts().len(),
                2,
                "{journal}, {begin}: a trace of what was busy"
            );
        }
    }
}

#[test]
fn a_reader_that_does_not_let_go_makes_a_run_busy_and_not_failed() {
    let workspace = Workspace::with_family();
    workspace.migrate();
    workspace.configure(&format!("{DEV}lock-wait = \"300ms\"\n"));
    workspace.migration("02_more", "CREATE TABLE more(x);\n", "DROP TABLE more;\n");
    let before = workspace.content();
    let reader = workspace.connect();
    reader.execute_batch("BEGIN; SELECT * FROM parent").unwrap();
    reader.query_row("SELECT count(*) FROM parent", [], |_| Ok(())).unwrap();
    workspace.stops(&["migrate"], 75);
    workspace.stops_in_json(&["migrate"], 75);
    reader.execute_batch("COMMIT").unwrap();
    assert_eq!(workspace.content(), before);
    workspace.migrate();
}

#[test]
fn a_writer_that_lets_go_in_time_is_waited_for() {
    let workspace = Workspace::with_family();
    workspace.migrate();
    workspace.migration("02_more", "CREATE TABLE more(x);\n", "DROP TABLE more;\n");
    let other = workspace.connect();
    other.execute_batch("BEGIN EXCLUSIVE; INSERT INTO parent VALUES (50, 'x')").unwrap();
    std::thread::scope(|scope| {
        let gate = scope.spawn(|| workspace.run(&["migrate"]));
        sleep(Duration::from_millis(700));
        other.execute_batch("COMMIT").unwrap();
        gate.join().unwrap().expect(0);
    });
    assert_eq!(workspace.value("SELECT count(*) FROM parent WHERE id = 50"), "1");
}
