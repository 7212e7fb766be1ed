//! The record of a run when it can't be written as it should be.

use std::fs;

use crate::support::Workspace;

fn migrated() -> Workspace {
    let workspace = Workspace::with_family();
    workspace.migrate();
    workspace
}

/// Puts a file where the receipts' directory is, and returns how to take it away.
fn block_receipts(workspace: &Workspace) -> impl Fn() {
    let directory = workspace.path().join("var/receipts/dev");
    let aside = workspace.path().join("var/receipts/aside");
    if directory.exists() {
        fs::rename(&directory, &aside).unwrap();
    } else {
        fs::create_dir_all(&aside).unwrap();
    }
    fs::write(&directory, "in the way").unwrap();
    move || {
        fs::remove_file(&directory).unwrap();
        fs::rename(&aside, &directory).unwrap();
    }
}

fn receipt_files(workspace: &Workspace) -> usize {
    fs::read_dir(workspace.path().join("var/receipts/dev")).unwrap().count()
}

#[test]
fn a_run_whose_receipt_cannot_be_a_file_is_applied_and_completed_later() {
    let workspace = Workspace::with_family();
    let clear = block_receipts(&workspace);
    let ran = workspace.stops(&["migrate"], 6);
    assert!(ran.stderr.contains("var/receipts/dev"), "{}", ran.stderr);
    assert_eq!(workspace.applied(), ["01"]);
    assert_eq!(workspace.receipts().len(), 1, "the database has it");

    clear();
    workspace.migrate();
    assert_eq!(receipt_files(&workspace), 1);
    assert_eq!(workspace.receipts().len(), 1);
}

#[test]
fn an_incomplete_record_is_one_json_document_too() {
    let workspace = Workspace::with_family();
    let clear = block_receipts(&workspace);
    workspace.stops_in_json(&["migrate"], 6);
    clear();
    workspace.migrate();
    assert_eq!(receipt_files(&workspace), 1);
}

#[test]
fn until_the_record_can_be_completed_nothing_more_is_applied() {
    let workspace = Workspace::with_family();
    let clear = block_receipts(&workspace);
    workspace.stops(&["migrate"], 6);
    workspace.migration("02_more", "CREATE TABLE more(x);\n", "DROP TABLE more;\n");
    let before = workspace.content();
    let ran = workspace.run(&["migrate"]);
    assert!(matches!(ran.code, 1 | 6), "{}\n{}", ran.code, ran.stderr);
    ran.is_for_people();
    assert_eq!(workspace.content(), before);
    clear();
    workspace.migrate();
    assert_eq!(receipt_files(&workspace), 2);
}

#[test]
fn recover_completes_the_record_and_applies_nothing() {
    let workspace = Workspace::with_family();
    let clear = block_receipts(&workspace);
    workspace.stops(&["migrate"], 6);
    clear();
    // On a bad night nobody wants to hear of a draft that isn't ready.
    workspace.migration("02_more", "DROP TABLE nothing_like_it\n", "");
    workspace.stops(&["migrate"], 1);
    let before = workspace.content();
    let ran = workspace.run(&["recover"]).expect(0);
    assert!(ran.stdout.contains("only the database had it"), "{}", ran.stdout);
    assert_eq!(workspace.content(), before);
    assert_eq!(receipt_files(&workspace), 1);
    let ran = workspace.run(&["recover"]).expect(0);
    assert!(ran.stdout.contains("nothing to recover: dev, at version 01"), "{}", ran.stdout);
}

#[test]
fn recover_makes_no_database() {
    let workspace = Workspace::with_family();
    let ran = workspace.stops(&["recover"], 1);
    assert!(ran.stderr.contains("there is no such file"), "{}", ran.stderr);
    assert!(!workspace.database().exists());
}

#[test]
fn a_run_that_fails_says_so_even_if_its_receipt_cannot_be_a_file() {
    let workspace = migrated();
    workspace.migration("02_fails", "INSERT INTO nowhere VALUES (1);\n", "SELECT 1;\n");
    let clear = block_receipts(&workspace);
    let before = workspace.content();
    let ran = workspace.run(&["migrate"]);
    // The newest receipt is missing as a file, so this may be refused before anything runs.
    assert!(matches!(ran.code, 1 | 3), "{}\n{}", ran.code, ran.stderr);
    ran.is_for_people();
    assert_eq!(workspace.content(), before);
    clear();
    workspace.stops(&["migrate"], 3);
    workspace.migration("02_fails", "CREATE TABLE more(x);\n", "DROP TABLE more;\n");
    workspace.migrate();
    assert_eq!(workspace.receipts().len(), receipt_files(&workspace));
}

#[test]
fn a_backup_directory_that_is_a_file_fails_before_anything_is_applied() {
    let workspace = migrated();
    let backups = workspace.path().join("var/backups/dev");
    fs::rename(&backups, workspace.path().join("aside")).unwrap();
    fs::write(&backups, "in the way").unwrap();
    workspace.migration("02_more", "CREATE TABLE more(x);\n", "DROP TABLE more;\n");
    let before = workspace.content();
    let ran = workspace.run(&["migrate"]);
    assert!(matches!(ran.code, 1 | 3), "{}\n{}", ran.code, ran.stderr);
    ran.is_for_people();
    assert!(ran.stderr.contains("it is not a directory"), "{}", ran.stderr);
    assert_eq!(workspace.content(), before);
    fs::remove_file(&backups).unwrap();
    workspace.migrate();
}

#[test]
fn failed_runs_stand_in_the_chain_between_those_that_were_done() {
    let workspace = migrated();
    workspace.migration("02_more", "INSERT INTO nowhere VALUES (1);\n", "DROP TABLE more;\n");
    for _ in 0..3 {
        workspace.stops(&["migrate", "--reason", "try"], 3);
    }
    workspace.migration("02_more", "CREATE TABLE more(x);\n", "DROP TABLE more;\n");
    workspace.migrate();
    let receipts = workspace.receipts();
    let codes: Vec<_> = receipts
        .iter()
        .map(|receipt| receipt["predicate"]["outcome"]["code"].as_u64().unwrap())
        .collect();
    assert_eq!(codes, [0, 3, 3, 3, 0]);
    assert_eq!(receipts[2]["predicate"]["reason"], "try");
}

#[test]
fn backups_that_were_taken_within_a_second_are_listed_in_their_order() {
    let workspace = migrated();
    let mut taken = workspace.backups();
    for _ in 0..8 {
        let done = workspace.run(&["backup", "--format", "json"]).expect(0).json();
        taken.push(done["file"].as_str().unwrap().into());
    }
    assert_eq!(workspace.backups(), taken);
}
