//! An edited migration is undone as it was applied, and applied as it is now.

use std::fs;

use rusqlite::Connection;

use crate::support::Workspace;

/// Three migrations, applied.
fn three() -> Workspace {
    let workspace = Workspace::with_family();
    workspace.migration("02_more", "CREATE TABLE more(x);\n", "DROP TABLE more;\n");
    workspace.migration("03_last", "CREATE TABLE last(x);\n", "DROP TABLE last;\n");
    workspace.migrate();
    workspace
}

fn remove(workspace: &Workspace, name: &str) {
    fs::remove_dir_all(workspace.path().join("migrations/sqlite").join(name)).unwrap();
}

/// What a database made anew from the files holds.
fn made_anew(workspace: &Workspace) -> String {
    let anew = workspace.copy();
    fs::remove_dir_all(anew.path().join("var")).unwrap();
    anew.migrate();
    anew.content()
}

/// The steps of the newest receipt: `-03 -02 +02`.
fn steps(workspace: &Workspace) -> String {
    let receipt = workspace.last_receipt();
    let steps = receipt["migrations"].as_array().unwrap().iter().map(|step| {
        assert_eq!(step["stands"], true, "{step}");
        let sign = if step["direction"] == "up" { '+' } else { '-' };
        format!("{sign}{}", step["version"].as_str().unwrap())
    });
    steps.collect::<Vec<_>>().join(" ")
}

#[test]
fn the_database_becomes_what_the_files_say() {
    type Edit = fn(&Workspace);
    let edit_more = |workspace: &Workspace| {
        workspace.migration("02_more", "CREATE TABLE more(x, y);\n", "DROP TABLE more;\n");
    };
    let cases: &[(Edit, &[&str], &str)] = &[
        (edit_more, &["redo"], "-03 -02 +02 +03"),
        // The file that would undo it isn't the one that is asked.
        (
            |workspace| workspace.migration("03_last", "CREATE TABLE l(z);\n", "DROP TABLE l;\n"),
            &["redo"],
            "-03 +03",
        ),
        (|workspace| remove(workspace, "02_more"), &["redo"], "-03 -02 +03"),
        (
            |workspace| {
                remove(workspace, "02_more");
                workspace.migration("04_more", "CREATE TABLE more(x);\n", "DROP TABLE more;\n");
            },
            &["redo"],
            "-03 -02 +03 +04",
        ),
        (|_| (), &["redo", "02_more"], "-03 -02 +02 +03"),
        (|_| (), &["redo", "03"], "-03 +03"),
        (edit_more, &["redo", "03_last"], "-03 -02 +02 +03"),
    ];
    for (edit, command, expected) in cases {
        let workspace = three();
        workspace.execute("INSERT INTO parent VALUES (50, 'mine')");
        edit(&workspace);
        let ran = workspace.run(command).expect(0);
        assert!(ran.stdout.contains("down and"), "{}", ran.stdout);
        assert_eq!(steps(&workspace), *expected);
        let receipt = workspace.last_receipt();
        assert_eq!(receipt["action"], "redo");
        assert!(receipt["backup"]["file"].is_string(), "{receipt}");
        assert_eq!(workspace.value("SELECT name FROM parent WHERE id = 50"), "mine");
        workspace.execute("DELETE FROM parent WHERE id = 50");
        assert_eq!(workspace.content(), made_anew(&workspace), "{command:?}");
        assert!(workspace.migrate().stdout.contains("up to date"));
        workspace.run(&["drift"]).expect(0);
        // Once is enough; and it can be done again.
        let again = workspace.run(&["redo"]).expect(0);
        assert!(again.stdout.contains("nothing to redo"), "{}", again.stdout);
        workspace.migration("03_last", "CREATE TABLE again(x);\n", "DROP TABLE again;\n");
        workspace.run(&["redo"]).expect(0);
        assert_eq!(workspace.content(), made_anew(&workspace), "{command:?}, again");
    }
}

#[test]
fn migrate_says_that_there_is_a_redo() {
    let workspace = three();
    workspace.migration("02_more", "CREATE TABLE more(x, y);\n", "DROP TABLE more;\n");
    let ran = workspace.refuses(&["migrate"], 1);
    assert!(ran.stderr.contains("cargo xtask redo"), "{}", ran.stderr);
    remove(&workspace, "02_more");
    let ran = workspace.refuses(&["migrate"], 1);
    assert!(ran.stderr.contains("cargo xtask redo"), "{}", ran.stderr);
}

#[test]
fn nothing_to_redo_is_no_failure_and_makes_nothing() {
    let workspace = Workspace::with_family();
    let ran = workspace.run(&["redo"]).expect(0);
    assert!(ran.stdout.contains("nothing to redo"), "{}", ran.stdout);
    assert!(ran.stdout.contains("1 migration to apply"), "{}", ran.stdout);
    assert!(!workspace.path().join("var").exists());
    let workspace = three();
    let before = fs::read(workspace.database()).unwrap();
    for command in [&["redo"][..], &["redo", "--from-backup"], &["redo", "--format", "json"]] {
        workspace.run(command).expect(0);
    }
    assert!(fs::read(workspace.database()).unwrap() == before);
}

#[test]
fn what_cannot_be_redone_is_refused() {
    // The name, the exit code, what is said.
    for (name, code, said) in [
        ("02_mroe", 2, "did you mean 02_more?"),
        ("nothing like it", 2, "name a version"),
        ("04_new", 1, "isn't applied"),
    ] {
        let workspace = three();
        workspace.migration("04_new", "CREATE TABLE new(x);\n", "DROP TABLE new;\n");
        let ran = workspace.refuses(&["redo", name], code);
        assert!(ran.stderr.contains(said), "{name}: {}", ran.stderr);
    }
    // Nothing was kept that undoes it.
    for kept in ["NULL", "''", "'-- irreversible'"] {
        let workspace = three();
        workspace.execute(&format!(
            "UPDATE __portcullis_migration SET down_sql = {kept} WHERE version = '02'"
        ));
        let ran = workspace.refuses(&["redo", "02"], 1);
        assert!(ran.stderr.contains("nothing was kept that undoes it"), "{}", ran.stderr);
        assert!(ran.stderr.contains("cargo xtask redo --from-backup"), "{}", ran.stderr);
    }
}

#[test]
fn the_linter_comes_first() {
    let workspace = three();
    workspace.migration("02_more", "BEGIN;\nCREATE TABLE more(x, y);\n", "DROP TABLE more;\n");
    let before = workspace.content();
    for command in [&["redo"][..], &["redo", "--from-backup", "--yes"]] {
        let ran = workspace.stops(command, 1);
        assert!(ran.stderr.contains("the linter found"), "{}", ran.stderr);
    }
    assert_eq!(workspace.content(), before);
}

#[test]
fn a_protected_database_is_never_redone() {
    let workspace = three();
    let elsewhere = tempfile::tempdir().unwrap();
    let place = fs::canonicalize(elsewhere.path()).unwrap();
    fs::copy(workspace.database(), place.join("app.db")).unwrap();
    let identity = workspace.last_receipt()["target"]["identity"].clone();
    workspace.configure(&format!(
        "[targets.dev]\nengine = \"sqlite\"\nprotected = true\npath = {:?}\nbackups = {:?}\nidentity = {identity}\n",
        place.join("app.db"),
        place.join("backups"),
    ));
    workspace.migration("02_more", "CREATE TABLE more(x, y);\n", "DROP TABLE more;\n");
    let before = fs::read(place.join("app.db")).unwrap();
    for command in [&["redo"][..], &["redo", "02"], &["redo", "--from-backup", "--yes"]] {
        let ran = workspace.stops(command, 1);
        assert!(ran.stderr.contains("it is protected"), "{}", ran.stderr);
    }
    let ran = workspace.stops(&["migrate"], 1);
    assert!(!ran.stderr.contains("redo"), "{}", ran.stderr);
    assert!(fs::read(place.join("app.db")).unwrap() == before);
}

/// Each part of it fails in turn, and everything is as it was before.
#[test]
fn a_redo_that_fails_is_undone_whole() {
    let cases = [
        // What was kept undoes nothing; the kept text, the new one, what is said, the way on.
        (
            "DROP TABLE nowhere;\n",
            "CREATE TABLE last(y);\n",
            "no such table",
            "cargo xtask redo --from-backup",
        ),
        // It undoes, but not all of it.
        (
            "DROP TABLE last;\n",
            "CREATE TABLE parent(y);\n",
            "already exists",
            "correct the migration",
        ),
    ];
    for (down, up, said, next) in cases {
        let workspace = Workspace::with_family();
        workspace.migration("02_more", "CREATE TABLE more(x);\n", "DROP TABLE more;\n");
        workspace.migration("03_last", "CREATE TABLE last(x);\n", down);
        workspace.migrate();
        workspace.execute("INSERT INTO last VALUES (1)");
        workspace.migration("03_last", up, "DROP TABLE last;\n");
        let before = workspace.content();
        let ran = workspace.stops(&["redo"], 3);
        assert!(ran.stderr.contains(said) && ran.stderr.contains(next), "{}", ran.stderr);
        assert_eq!(workspace.content(), before);
        assert_eq!(workspace.last_receipt()["outcome"]["code"], 3);
        workspace.stops_in_json(&["redo"], 3);
        assert_eq!(workspace.content(), before);
        workspace.run(&["drift"]).expect(0);
    }
}

#[test]
fn what_cannot_share_a_transaction_is_redone_in_segments() {
    let workspace = Workspace::with_family();
    workspace.migration(
        "02_rebuild",
        "CREATE TABLE new_parent(id INTEGER PRIMARY KEY, name TEXT NOT NULL);\n\
         INSERT INTO new_parent SELECT id, name FROM parent;\n\
         DROP TABLE parent;\nALTER TABLE new_parent RENAME TO parent;\n",
        "CREATE TABLE new_parent(id INTEGER PRIMARY KEY, name TEXT);\n\
         INSERT INTO new_parent SELECT id, name FROM parent;\n\
         DROP TABLE parent;\nALTER TABLE new_parent RENAME TO parent;\n",
    );
    workspace.migration_without_transaction("03_vacuum", "VACUUM;\n", "VACUUM;\n");
    workspace.migration("04_last", "CREATE TABLE last(x);\n", "DROP TABLE last;\n");
    workspace.migrate();
    let before = workspace.content();
    workspace.run(&["redo", "02"]).expect(0);
    assert_eq!(steps(&workspace), "-04 -03 -02 +02 +03 +04");
    assert_eq!(workspace.content(), before);
    assert_eq!(workspace.value("SELECT count(*) FROM child"), "3");
    assert_eq!(workspace.applied(), ["01", "02", "03", "04"]);
}

#[test]
fn beside_another_program_it_is_busy() {
    let workspace = three();
    workspace.configure_target("lock-wait = \"200ms\"\n");
    workspace.migration("03_last", "CREATE TABLE last(y);\n", "DROP TABLE last;\n");
    let before = workspace.content();
    let other = workspace.connect();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    workspace.stops(&["redo"], 75);
    other.execute_batch("ROLLBACK").unwrap();
    let lock = fs::File::open(workspace.path().join("var/dev.db.portcullis-lock")).unwrap();
    lock.lock().unwrap();
    workspace.refuses(&["redo"], 75);
    lock.unlock().unwrap();
    assert_eq!(workspace.content(), before);
    workspace.run(&["redo"]).expect(0);
    assert_eq!(steps(&workspace), "-03 +03");
}

#[test]
fn what_was_edited_under_drift_can_still_be_redone() {
    let workspace = three();
    workspace.execute("CREATE TABLE extra(x)");
    workspace.migration("03_last", "CREATE TABLE last(y);\n", "DROP TABLE last;\n");
    let ran = workspace.refuses(&["redo"], 1);
    assert!(ran.stderr.contains("cargo xtask redo --enrol"), "{}", ran.stderr);
    workspace.run(&["redo", "--enrol", "--reason", "mine"]).expect(0);
    assert_eq!(workspace.last_receipt()["drift"], serde_json::json!(["table extra"]));
    workspace.run(&["drift"]).expect(0);
}

/// Four migrations; what undoes the third is wrong, and it was edited.
fn with_wrong_down() -> Workspace {
    let workspace = three();
    workspace.migration("04_wrong", "CREATE TABLE wrong(x);\n", "DROP TABLE nowhere;\n");
    workspace.migrate();
    workspace.execute("INSERT INTO parent VALUES (50, 'later')");
    workspace.migration("05_after", "CREATE TABLE after(x);\n", "DROP TABLE after;\n");
    workspace.migrate();
    workspace.migration("04_wrong", "CREATE TABLE wrong(x, y);\n", "DROP TABLE wrong;\n");
    workspace
}

#[test]
fn from_the_backup_it_goes_where_no_down_leads() {
    let workspace = with_wrong_down();
    workspace.stops(&["redo"], 3);
    let ran = workspace.refuses(&["redo", "--from-backup"], 2);
    assert!(ran.stderr.contains("what was written since 20"), "{}", ran.stderr);
    assert!(ran.stderr.contains("redo --from-backup --yes"), "{}", ran.stderr);
    workspace.run(&["redo", "--from-backup", "--yes"]).expect(0);
    assert_eq!(workspace.content(), made_anew(&workspace), "rows of later are gone");
    let receipts = workspace.receipts();
    let actions: Vec<&str> =
        receipts.iter().map(|receipt| receipt["predicate"]["action"].as_str().unwrap()).collect();
    assert_eq!(actions[actions.len() - 2..], ["restore", "migrate"]);
    assert!(workspace.migrate().stdout.contains("up to date"));
    // What was there is kept.
    let kept = receipts[receipts.len() - 2]["predicate"]["backup"]["file"].as_str().unwrap();
    let copy = tempfile::tempdir().unwrap();
    fs::copy(kept, copy.path().join("copy.db")).unwrap();
    let conn = Connection::open(copy.path().join("copy.db")).unwrap();
    let name: String =
        conn.query_row("SELECT name FROM parent WHERE id = 50", [], |row| row.get(0)).unwrap();
    assert_eq!(name, "later");
}

/// The run that applied it last was a redo, whose backup has it too: an older one is found.
#[test]
fn the_backup_is_one_without_the_migration() {
    let workspace = three();
    workspace.migration("04_draft", "CREATE TABLE draft(x);\n", "DROP TABLE draft;\n");
    workspace.migrate();
    workspace.migration("04_draft", "CREATE TABLE draft(x, y);\n", "DROP TABLE nowhere;\n");
    workspace.run(&["redo"]).expect(0);
    workspace.migration("04_draft", "CREATE TABLE draft(x, y, z);\n", "DROP TABLE draft;\n");
    workspace.stops(&["redo"], 3);
    workspace.run(&["redo", "--from-backup", "--yes"]).expect(0);
    assert_eq!(workspace.content(), made_anew(&workspace));
}

#[test]
fn without_that_backup_the_way_by_hand_is_told() {
    let workspace = with_wrong_down();
    fs::remove_dir_all(workspace.backup_directory()).unwrap();
    let ran = workspace.refuses(&["redo", "--from-backup", "--yes"], 1);
    assert!(ran.stderr.contains("cargo xtask backup list"), "{}", ran.stderr);
}
