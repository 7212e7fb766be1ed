//! Where a database stands, a row a migration.

use std::fs;

use crate::support::{Ran, Workspace};

fn status(workspace: &Workspace) -> Ran {
    let ran = workspace.run(&["status"]).expect(0);
    ran.is_for_people();
    workspace.run(&["status", "--format", "json"]).expect(0).json();
    ran
}

/// Two migrations that are applied and accepted.
fn accepted() -> Workspace {
    let workspace = Workspace::with_family();
    workspace.migration("02_more", "CREATE TABLE more(x);\n", "DROP TABLE more;\n");
    workspace.accept();
    workspace.migrate();
    workspace
}

fn remove(workspace: &Workspace, name: &str) {
    fs::remove_dir_all(workspace.path().join("migrations/sqlite").join(name)).unwrap();
}

#[test]
fn every_state_has_a_row_and_a_way_on() {
    type Change = fn(&Workspace);
    let late = |workspace: &Workspace| {
        workspace.migration("03_late", "CREATE TABLE late(x);\n", "DROP TABLE late;\n");
    };
    // What happens, the rows, what to type next.
    let cases: &[(&str, Change, &[&str], &str)] = &[
        ("nothing", |_| (), &["  applied  2, up to 02_more\n"], "nothing"),
        (
            "pending",
            |workspace| {
                workspace.migration("03_new", "CREATE TABLE new(x);\n", "DROP TABLE new;\n");
                workspace.accept();
            },
            &["  applied  2, up to 02_more\n", "  pending  03_new\n"],
            "cargo xtask migrate\n",
        ),
        ("a draft", late, &["  pending  03_late, draft\n"], "cargo xtask migrate\n"),
        (
            "a draft that is applied",
            |workspace| {
                workspace.migration("03_new", "CREATE TABLE new(x);\n", "DROP TABLE new;\n");
                workspace.migrate();
            },
            &["  applied  2, up to 02_more\n", "  applied  03_new, draft\n"],
            "cargo xtask accept",
        ),
        (
            "a draft that was edited",
            |workspace| {
                workspace.migration("03_new", "CREATE TABLE new(x);\n", "DROP TABLE new;\n");
                workspace.migrate();
                workspace.migration("03_new", "CREATE TABLE new(x, y);\n", "DROP TABLE new;\n");
            },
            &["   edited  03_new, edited after it was applied, draft\n"],
            "cargo xtask redo",
        ),
        (
            "what was accepted was edited",
            |workspace| {
                workspace.migration("02_more", "CREATE TABLE more(x, y);\n", "DROP TABLE more;\n")
            },
            &[
                "  applied  1, up to 01_family\n",
                "   edited  02_more, edited after it was applied, changed since it was accepted\n",
            ],
            "cargo xtask redo, then cargo xtask accept",
        ),
        (
            "gone",
            |workspace| remove(workspace, "02_more"),
            &["     gone  02_more, applied, but not on disk any more\n"],
            "cargo xtask redo",
        ),
        (
            "out of order",
            |workspace| {
                workspace.migration("01-5_mid", "CREATE TABLE mid(x);\n", "DROP TABLE mid;\n")
            },
            &["too early  01-5_mid, not applied, but it sorts before one that is, draft\n"],
            "cargo xtask rebase",
        ),
        (
            "drift",
            |workspace| workspace.execute("ALTER TABLE more ADD COLUMN y"),
            &["    drift  column y was added to more\n"],
            "cargo xtask drift",
        ),
        (
            "a sum that can't be read",
            |workspace| {
                workspace.write("migrations/sqlite/migrations.sum", "<<<<<<< HEAD\n");
            },
            &[" accepted  migrations.sum can't be read: git left a conflict"],
            "cargo xtask rebase",
        ),
        (
            "no sum",
            |workspace| {
                fs::remove_file(workspace.path().join("migrations/sqlite/migrations.sum")).unwrap();
            },
            &[
                "  applied  2, up to 02_more\n",
                "there is no migrations.sum: every migration is a draft",
            ],
            "nothing",
        ),
    ];
    for (name, change, rows, next) in cases {
        let workspace = accepted();
        change(&workspace);
        let said = status(&workspace).stdout;
        for row in *rows {
            assert!(said.contains(row), "{name}: no {row:?}:\n{said}");
        }
        let last = said.lines().last().unwrap();
        let next = next.trim_end();
        assert!(last.starts_with(&format!("     next  {next}")), "{name}: {said}");
        assert!(said.contains("  receipt  number "), "{name}: {said}");
    }
}

#[test]
fn what_it_advises_leads_on() {
    let workspace = accepted();
    workspace.migration("03_new", "CREATE TABLE new(x);\n", "DROP TABLE new;\n");
    workspace.migrate();
    workspace.migration("03_new", "CREATE TABLE new(x, y);\n", "DROP TABLE new;\n");
    assert!(status(&workspace).stdout.contains("cargo xtask redo"));
    workspace.run(&["redo"]).expect(0);
    workspace.accept();
    assert!(status(&workspace).stdout.contains("next  nothing"));
}

#[test]
fn all_of_them_are_listed_on_demand_and_as_data() {
    let workspace = accepted();
    let all = workspace.run(&["status", "--all"]).expect(0).stdout;
    assert!(all.contains("  applied  01_family\n  applied  02_more\n"), "{all}");
    let data = workspace.run(&["status", "--format", "json"]).expect(0).json();
    assert_eq!(data["migrations"].as_array().unwrap().len(), 2);
    assert_eq!(data["migrations"][0]["state"], "applied");
    assert_eq!(data["migrations"][0]["acceptance"], "accepted");
    assert_eq!(data["lastReceipt"]["code"], 0);
    assert_eq!(data["drift"]["objects"], serde_json::json!([]));
}

#[test]
fn without_a_database_everything_is_pending_and_none_is_made() {
    let workspace = Workspace::with_family();
    let said = status(&workspace).stdout;
    assert!(said.contains("not made yet"), "{said}");
    assert!(said.contains("  pending  01_family\n"), "{said}");
    assert!(said.ends_with("     next  cargo xtask migrate\n"), "{said}");
    assert!(!workspace.path().join("var").exists());
}

#[test]
fn what_something_else_applied_is_foreign() {
    use diesel::Connection as _;
    use diesel_migrations::{FileBasedMigrations, MigrationHarness as _};
    let workspace = Workspace::with_family();
    fs::create_dir(workspace.path().join("var")).unwrap();
    let source =
        FileBasedMigrations::from_path(workspace.path().join("migrations/sqlite")).unwrap();
    let database = workspace.database();
    let mut conn = diesel::SqliteConnection::establish(database.to_str().unwrap()).unwrap();
    conn.run_next_migration(source).unwrap();
    drop(conn);
    let said = status(&workspace).stdout;
    assert!(said.contains("  foreign  01_family, applied by something else"), "{said}");
    assert!(said.contains("identity  it has no identity yet"), "{said}");
    assert!(said.lines().last().unwrap().contains("migrate --enrol"), "{said}");
}

#[test]
fn a_run_that_died_is_told() {
    let workspace = accepted();
    workspace.execute("UPDATE __portcullis_run SET closed = 0; DELETE FROM __portcullis_receipt");
    let said = status(&workspace).stdout;
    assert!(said.contains("     open  1 run without a receipt"), "{said}");
    assert!(said.lines().last().unwrap().contains("cargo xtask recover"), "{said}");
}
