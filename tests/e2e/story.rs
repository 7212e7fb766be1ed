//! The main job on the example application.

use diesel::Connection as _;
use diesel_migrations::{FileBasedMigrations, MigrationHarness as _};

use crate::support::Workspace;

#[test]
fn the_example_goes_through_the_whole_gate() {
    let workspace = Workspace::with_example();
    let ran = workspace.migrate();
    for stage in ["read", "lint", "identify", "plan", "backup", "apply", "smoke", "receipt", "done"]
    {
        assert!(ran.stdout.contains(&format!("{stage}  ")), "no stage {stage}:\n{}", ran.stdout);
    }
    let on_disk = std::fs::read_dir(workspace.path().join("migrations/sqlite")).unwrap().count();
    assert_eq!(workspace.applied().len(), on_disk);

    let receipt = workspace.receipts().pop().unwrap();
    assert_eq!(
        receipt["subject"].as_array().unwrap().len(),
        on_disk,
        "the receipt names all migrations"
    );
    assert_eq!(receipt["predicate"]["outcome"]["code"], 0);
    assert_eq!(receipt["predicate"]["target"]["arrival"], "created");

    let before = workspace.content();
    let again = workspace.migrate();
    assert!(again.stdout.contains("up to date"), "{}", again.stdout);
    assert_eq!(workspace.content(), before);
    assert_eq!(workspace.receipts().len(), 1, "a run that does nothing leaves no receipt");
}

#[test]
fn diesel_agrees_with_the_gate() {
    let workspace = Workspace::with_example();
    workspace.migrate();
    let source =
        FileBasedMigrations::from_path(workspace.path().join("migrations/sqlite")).unwrap();
    let mut conn =
        diesel::SqliteConnection::establish(workspace.database().to_str().unwrap()).unwrap();
    assert!(!conn.has_pending_migration(source).unwrap());
    let mut applied: Vec<String> =
        conn.applied_migrations().unwrap().iter().map(ToString::to_string).collect();
    applied.sort();
    assert_eq!(applied, workspace.applied());
}

#[test]
fn it_goes_down_and_up_again_through_the_same_gate() {
    let workspace = Workspace::with_example();
    workspace.migrate();
    let ran = workspace
        .run(&["migrate", "--to", "20240311110000", "--reason", "back to the sizes"])
        .expect(0);
    assert!(ran.stdout.contains("10 migrations down"), "{}", ran.stdout);
    assert_eq!(workspace.applied().last().unwrap(), "20240311110000");
    assert_eq!(workspace.last_receipt()["reason"], "back to the sizes");
    workspace.migrate();
    assert_eq!(workspace.applied().last().unwrap(), "20250210113000");
    assert_eq!(workspace.receipts().len(), 3);
}

#[test]
fn a_plan_shows_everything_and_writes_nothing() {
    let workspace = Workspace::with_example();
    let ran = workspace.run(&["migrate", "--plan"]).expect(0);
    assert!(ran.stdout.contains("17 migrations would run, nothing was written"), "{}", ran.stdout);
    assert!(!workspace.path().join("var").exists(), "the plan made something");

    workspace.run(&["migrate", "--to", "20240212083000"]).expect(0);
    let bytes = std::fs::read(workspace.database()).unwrap();
    let plan = workspace.run(&["migrate", "--plan", "--format", "json"]).expect(0).json();
    assert_eq!(plan["from"], "20240212083000");
    assert_eq!(plan["segments"][0]["kind"], "transaction");
    assert_eq!(std::fs::read(workspace.database()).unwrap(), bytes);
}

#[test]
fn a_database_that_diesel_migrated_is_taken_on() {
    let workspace = Workspace::with_example();
    std::fs::create_dir(workspace.path().join("var")).unwrap();
    let source =
        FileBasedMigrations::from_path(workspace.path().join("migrations/sqlite")).unwrap();
    let mut conn =
        diesel::SqliteConnection::establish(workspace.database().to_str().unwrap()).unwrap();
    for _ in 0..5 {
        conn.run_next_migration(source.clone()).unwrap();
    }
    drop(conn);
    let before = workspace.content();
    let refused = workspace.run(&["migrate"]).expect(1);
    assert!(refused.stderr.contains("--enrol"), "{}", refused.stderr);
    assert_eq!(workspace.content(), before);

    workspace.run(&["migrate", "--enrol"]).expect(0);
    let receipt = workspace.last_receipt();
    assert_eq!(receipt["target"]["arrival"], "enrolled");
    assert_eq!(receipt["set"]["acceptedByNobody"].as_array().unwrap().len(), 5);
    assert_eq!(workspace.applied().len(), 17);
    workspace.migrate();
}

#[test]
fn the_record_is_json_for_programs() {
    let workspace = Workspace::with_family();
    let receipt = workspace.run(&["migrate", "--format", "json"]).expect(0).json();
    assert_eq!(receipt["_type"], "https://in-toto.io/Statement/v1");
    let shown = workspace.run(&["receipt", "show", "--format", "json"]).expect(0).json();
    assert_eq!(shown, receipt);
    let up_to_date = workspace.run(&["migrate", "--format", "json"]).expect(0).json();
    assert_eq!(up_to_date["upToDate"], true);
}
