//! Runs of several segments, of which a later one fails; and what no rollback undoes.

use crate::support::Workspace;

const FAILS: &str = "INSERT INTO nowhere VALUES (1);\n";

/// A table that is rebuilt as SQLite's documentation says.
const REBUILD: &str = "CREATE TABLE new_parent(id INTEGER PRIMARY KEY, name TEXT NOT NULL);\n\
    INSERT INTO new_parent SELECT id, name FROM parent;\n\
    DROP TABLE parent;\n\
    ALTER TABLE new_parent RENAME TO parent;\n";

/// Adds the migration 02, which has a segment of its own.
type Segment = fn(&Workspace);

const SEGMENTS: &[(&str, Segment)] = &[
    ("rebuild", |workspace| workspace.migration("02_own", REBUILD, "SELECT 1;\n")),
    ("vacuum", |workspace| {
        workspace.migration_without_transaction("02_own", "VACUUM;\n", "SELECT 1;\n");
    }),
    ("journal", |workspace| {
        workspace.migration_without_transaction(
            "02_own",
            "PRAGMA journal_mode = WAL;\n",
            "PRAGMA journal_mode = DELETE;\n",
        );
    }),
    ("foreign keys", |workspace| {
        workspace.migration_without_transaction(
            "02_own",
            "PRAGMA foreign_keys = OFF;\n",
            "SELECT 1;\n",
        );
    }),
];

#[test]
fn what_is_committed_stands_and_a_rerun_goes_on() {
    for (name, add) in SEGMENTS {
        let workspace = Workspace::with_family();
        workspace.migrate();
        add(&workspace);
        let alone = {
            // What the database must be once the first segment is committed, and no more.
            let other = Workspace::with_family();
            other.migrate();
            add(&other);
            other.migrate();
            other.content()
        };
        workspace.migration("03_good", "CREATE TABLE good(x);\n", "DROP TABLE good;\n");
        workspace.migration("04_fails", FAILS, "SELECT 1;\n");

        let ran = workspace.stops(&["migrate"], 5);
        assert!(ran.stderr.contains("04_fails/up.sql"), "{}", ran.stderr);
        assert!(ran.stderr.contains("healthy, at version 02"), "{}", ran.stderr);
        assert_eq!(workspace.applied(), ["01", "02"]);
        assert_eq!(workspace.content(), alone, "{name}");
        let receipt = workspace.receipts().pop().unwrap();
        assert_eq!(receipt["predicate"]["outcome"]["code"], 5);
        assert_eq!(receipt["predicate"]["set"]["to"], "02");
        let stands = receipt["subject"].as_array().unwrap();
        assert_eq!(stands.len(), 1, "only what is committed stands: {stands:?}");
        assert_eq!(stands[0]["name"], "02_own");

        // Still broken: now it is the first segment that fails, and nothing changes.
        workspace.stops(&["migrate"], 3);
        assert_eq!(workspace.content(), alone);

        workspace.migration("04_fails", "CREATE TABLE last(x);\n", "DROP TABLE last;\n");
        workspace.migrate();
        assert_eq!(workspace.applied(), ["01", "02", "03", "04"]);
        assert_eq!(workspace.value("SELECT count(*) FROM child"), "3");
        assert_eq!(workspace.receipts().len(), 4);
    }
}

#[test]
fn part_way_is_one_json_document_too() {
    let workspace = Workspace::with_family();
    workspace.migrate();
    workspace.migration_without_transaction("02_vacuum", "VACUUM;\n", "SELECT 1;\n");
    workspace.migration("03_fails", FAILS, "SELECT 1;\n");
    let document = workspace.stops_in_json(&["migrate"], 5);
    assert!(document["notes"].to_string().contains("at version 02"), "{document}");
}

#[test]
fn a_statement_that_fails_outside_a_transaction_has_done_nothing() {
    for committed_before in [false, true] {
        let workspace = Workspace::with_family();
        workspace.migrate();
        if committed_before {
            workspace.migration("02_rebuild", REBUILD, "SELECT 1;\n");
        }
        workspace.migration_without_transaction(
            "03_into",
            "VACUUM INTO '/nowhere/at/all.db';\n",
            "SELECT 1;\n",
        );
        let (code, version) = if committed_before { (5, "02") } else { (3, "01") };
        let ran = workspace.stops(&["migrate"], code);
        assert!(ran.stderr.contains("03_into/up.sql"), "{}", ran.stderr);
        assert!(ran.stderr.contains("/nowhere/at/all.db"), "{}", ran.stderr);
        assert_eq!(workspace.applied().last().unwrap(), version);
        assert_eq!(workspace.value("SELECT count(*) FROM child"), "3");
        assert_eq!(workspace.last_receipt()["set"]["to"], version);
        let before = workspace.content();
        workspace.stops_in_json(&["migrate"], 3);
        assert_eq!(workspace.content(), before);

        workspace.migration_without_transaction("03_into", "VACUUM;\n", "SELECT 1;\n");
        workspace.migrate();
        assert_eq!(workspace.applied().last().unwrap(), "03");
    }
}

/// What another program does to the database before the gate comes.
type Other = fn(&rusqlite::Connection);

#[test]
fn a_pragma_or_vacuum_that_another_program_holds_up_needs_no_person() {
    let read: Other = |conn| conn.query_row("SELECT count(*) FROM parent", [], |_| Ok(())).unwrap();
    let keep_reading: Other = |conn| {
        conn.execute_batch("BEGIN").unwrap();
        conn.query_row("SELECT count(*) FROM parent", [], |_| Ok(())).unwrap();
    };
    for (journal, other, up) in [
        ("delete", keep_reading, "VACUUM;\n"),
        // In WAL mode a reader holds up no commit, but an open connection keeps the mode.
        ("wal", keep_reading, "VACUUM;\n"),
        ("wal", read, "PRAGMA journal_mode = DELETE;\n"),
    ] {
        let workspace = Workspace::with_family();
        workspace.migrate();
        workspace.execute(&format!("PRAGMA journal_mode = {journal}"));
        workspace.configure(
            "[targets.dev]\nengine = \"sqlite\"\npath = \"var/dev.db\"\nlock-wait = \"300ms\"\n",
        );
        workspace.migration_without_transaction("02_own", up, "SELECT 1;\n");
        let application = workspace.connect();
        other(&application);
        let ran = workspace.run(&["migrate"]);
        drop(application);
        // It happens whole, or not at all: there is nothing that only a backup can undo.
        assert!(matches!(ran.code, 0 | 3 | 75), "{journal}, {up}: {}\n{}", ran.code, ran.stderr);
        ran.is_for_people();
        assert_eq!(workspace.value("SELECT count(*) FROM child"), "3");
        workspace.migrate();
        assert_eq!(workspace.applied(), ["01", "02"]);
    }
}

/// A view that no check before the commit sees through: on the connection that made the
/// changes it is well, on a fresh one it fails on its first row.
const FAILS_LATE: &str = "CREATE VIEW late AS SELECT json(CASE WHEN total_changes() > 1 THEN '1' ELSE name END) AS j FROM parent;\n";

fn damage_after_the_commit_of(segment: &str) {
    let (_, add) = SEGMENTS.iter().find(|(name, _)| *name == segment).unwrap();
    let workspace = Workspace::with_family();
    workspace.migrate();
    let before = workspace.content();
    let journal = workspace.value("PRAGMA journal_mode");
    add(&workspace);
    workspace.migration("03_late", FAILS_LATE, "DROP VIEW late;\n");
    let ran = workspace.stops(&["migrate"], 3);
    assert!(ran.stderr.contains("malformed JSON"), "{}", ran.stderr);
    assert!(ran.stderr.contains("the backup was restored"), "{}", ran.stderr);
    assert_eq!(workspace.content(), before);
    assert_eq!(workspace.value("PRAGMA journal_mode"), journal);
    let receipt = workspace.receipts().pop().unwrap();
    assert_eq!(receipt["subject"], serde_json::json!([]), "nothing of it stands");
    workspace.stops_in_json(&["migrate"], 3);

    workspace.migration("03_late", "CREATE VIEW late AS SELECT 1;\n", "DROP VIEW late;\n");
    workspace.migrate();
    assert_eq!(workspace.applied(), ["01", "02", "03"]);
}

#[test]
fn damage_that_shows_after_a_rebuild_is_undone_by_the_backup() {
    damage_after_the_commit_of("rebuild");
}

#[test]
fn damage_that_shows_after_a_vacuum_is_undone_by_the_backup() {
    damage_after_the_commit_of("vacuum");
}

#[test]
fn damage_that_shows_after_a_pragma_is_undone_by_the_backup() {
    damage_after_the_commit_of("foreign keys");
}

/// Pastes the steps that a run left for a person into a shell.
fn follow_the_steps(workspace: &Workspace) {
    let receipt = workspace.last_receipt();
    let backup = receipt["backup"]["file"].as_str().unwrap();
    let steps = std::fs::read_to_string(format!("{backup}.RESTORE.txt")).unwrap();
    let mut shell = std::process::Command::new("sh");
    workspace.prepare(&mut shell);
    let done = shell.current_dir("/").arg("-c").arg(&steps).output().unwrap();
    assert!(done.status.success(), "{steps}\n{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn a_step_that_changes_the_file_itself_leaves_no_proof_and_so_no_automatic_restore() {
    let cases: [(&str, &[&str]); 2] = [
        ("PRAGMA journal_mode", &["PRAGMA journal_mode = WAL;\n"]),
        ("PRAGMA page_size", &["PRAGMA page_size = 8192;\n", "VACUUM;\n"]),
    ];
    for (what, steps) in cases {
        let workspace = Workspace::with_family();
        workspace.migrate();
        let (before, was) = (workspace.content(), workspace.value(what));
        for (number, up) in (2..).zip(steps) {
            workspace.migration_without_transaction(&format!("0{number}_file"), up, "SELECT 1;\n");
        }
        workspace.migration("09_late", FAILS_LATE, "DROP VIEW late;\n");
        let ran = workspace.stops(&["migrate"], 4);
        assert!(ran.stderr.contains("changed the file itself"), "{}", ran.stderr);
        assert_ne!(workspace.value(what), was, "it is kept as the run left it");
        follow_the_steps(&workspace);
        assert_eq!(workspace.content(), before);
        assert_eq!(workspace.value(what), was);
        assert_eq!(workspace.value("PRAGMA integrity_check"), "ok");
    }
}

#[test]
fn in_wal_mode_a_program_that_only_has_the_database_open_keeps_no_undo_away() {
    let workspace = Workspace::with_family();
    workspace.migrate();
    workspace.execute("PRAGMA journal_mode = WAL");
    workspace.migration("02_late", FAILS_LATE, "DROP VIEW late;\n");
    let before = workspace.content();
    let application = workspace.connect();
    application.query_row("SELECT count(*) FROM parent", [], |_| Ok(())).unwrap();
    let ran = workspace.stops(&["migrate"], 3);
    assert!(ran.stderr.contains("the backup was restored"), "{}", ran.stderr);
    let rows: i64 =
        application.query_row("SELECT count(*) FROM child", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 3, "the program goes on with the restored database");
    drop(application);
    assert_eq!(workspace.content(), before);
    assert_eq!(workspace.value("PRAGMA journal_mode"), "wal");
}
