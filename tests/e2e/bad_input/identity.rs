//! The right path with the wrong database at it.

use std::fs;

use crate::support::Workspace;

fn migrated() -> Workspace {
    let workspace = Workspace::with_family();
    workspace.migrate();
    workspace.migration("02_more", "CREATE TABLE more(x);\n", "DROP TABLE more;\n");
    workspace
}

#[test]
fn a_database_that_was_swapped_is_refused() {
    let (ours, theirs) = (migrated(), migrated());
    fs::copy(theirs.database(), ours.database()).unwrap();
    let ran = ours.refuses(&["migrate"], 1);
    assert!(ran.stderr.contains("this is another database"), "{}", ran.stderr);
    for workspace in [&ours, &theirs] {
        let record = fs::read_to_string(workspace.path().join("var/identity/dev")).unwrap();
        assert!(ran.stderr.contains(record.trim()), "{record} isn't named:\n{}", ran.stderr);
    }
    assert_eq!(ours.applied(), ["01"]);
    // Whoever knows that it is right says so.
    ours.run(&["migrate", "--enrol"]).expect(0);
    ours.migrate();
}

#[test]
fn a_plan_of_a_database_that_was_swapped_does_not_look_as_if_it_would_run() {
    let (ours, theirs) = (migrated(), migrated());
    fs::copy(theirs.database(), ours.database()).unwrap();
    let ran = ours.refuses(&["migrate", "--plan"], 1);
    assert!(ran.stderr.contains("this is another database"), "{}", ran.stderr);
}

#[test]
fn a_database_without_a_record_of_its_identity_is_taken_on_again() {
    for record in [None, Some(""), Some("not a uuid\n")] {
        let workspace = migrated();
        let file = workspace.path().join("var/identity/dev");
        fs::remove_file(&file).unwrap();
        if let Some(text) = record {
            fs::write(&file, text).unwrap();
        }
        let ran = workspace.refuses(&["migrate"], 1);
        assert!(ran.stderr.contains("which nothing here names"), "{}", ran.stderr);
        assert!(ran.stderr.contains("--enrol"), "{}", ran.stderr);
        workspace.run(&["migrate", "--enrol"]).expect(0);
        workspace.migrate();
        assert_eq!(workspace.receipts().len(), 2);
    }
}

#[test]
fn an_identity_in_the_configuration_counts_more_than_the_record() {
    let workspace = migrated();
    workspace.configure(
        "[targets.dev]\nengine = \"sqlite\"\npath = \"var/dev.db\"\n\
         identity = \"00000000-0000-0000-0000-000000000001\"\n",
    );
    for command in [&["migrate"][..], &["migrate", "--enrol"]] {
        let ran = workspace.refuses(command, 1);
        assert!(ran.stderr.contains("this is another database"), "{}", ran.stderr);
    }
}

#[test]
fn a_database_that_was_deleted_is_made_again_under_its_identity() {
    let workspace = migrated();
    let identity = fs::read_to_string(workspace.path().join("var/identity/dev")).unwrap();
    fs::remove_file(workspace.database()).unwrap();
    workspace.migrate();
    let again = workspace.last_receipt();
    assert_eq!(again["target"]["identity"], identity.trim());
    assert_eq!(again["target"]["arrival"], "created");
    // Its record goes on, and its backups are still its own.
    assert_eq!(again["sequence"], 2);
    assert_eq!(workspace.receipts().len(), 2);
    let first = workspace.backups().remove(0);
    workspace.run(&["restore", first.to_str().unwrap()]).expect(0);
    assert_eq!(workspace.receipts().len(), 3);
}
