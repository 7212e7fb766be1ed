//! `schema.rs` follows the database.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::support::{Ran, Workspace};

const CONFIG: &str = "[print_schema]\nfile = \"src/schema.rs\"\n\n[migrations_directory]\ndir = \"migrations/sqlite\"\n";

/// As `diesel print-schema` has it for the family.
const FAMILY: &str = "table! { parent (id) { id -> Integer, name -> Nullable<Text>, } }\n\
    table! { child (id) { id -> Integer, parent -> Integer, } }\n";

fn workspace() -> Workspace {
    let workspace = Workspace::with_family();
    workspace.write("diesel.toml", CONFIG);
    workspace.write("src/schema.rs", FAMILY);
    workspace
}

/// Runs the gate with this directory as its PATH.
fn run_with_path(workspace: &Workspace, path: &Path, arguments: &[&str]) -> Ran {
    Ran::of(&workspace.command(arguments).env("PATH", path).output().unwrap())
}

/// A directory with a `diesel` that is this script.
fn fake(workspace: &Workspace, script: &str) -> std::path::PathBuf {
    let path = workspace.write("bin/diesel", format!("#!/bin/sh\n{script}\n"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.parent().unwrap().to_owned()
}

fn schema(workspace: &Workspace) -> String {
    fs::read_to_string(workspace.path().join("src/schema.rs")).unwrap()
}

#[test]
fn what_the_diesel_program_prints_is_written_if_it_is_new() {
    let workspace = workspace();
    let bin = fake(
        &workspace,
        "echo \"$@\" >>log; env >>environment; echo 'table! { printed (id) { id -> Integer, } }'",
    );
    fs::set_permissions(workspace.path().join("src/schema.rs"), fs::Permissions::from_mode(0o640))
        .unwrap();
    let mut command = workspace.command(&["migrate"]);
    let output = command.env("PATH", &bin).env("DATABASE_URL", "hunter2").output().unwrap();
    let ran = Ran::of(&output).expect(0);
    assert!(ran.stdout.contains("   schema  src/schema.rs brought up to date"), "{}", ran.stdout);
    assert_eq!(schema(&workspace), "table! { printed (id) { id -> Integer, } }\n");
    let mode = fs::metadata(workspace.path().join("src/schema.rs")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    assert_eq!(
        fs::read_dir(workspace.path().join("src")).unwrap().count(),
        1,
        "nothing is left aside"
    );
    let log = fs::read_to_string(workspace.path().join("log")).unwrap();
    let database = workspace.database();
    assert!(log.contains(&format!("--database-url {}", database.display())), "{log}");
    let environment = fs::read_to_string(workspace.path().join("environment")).unwrap();
    assert!(!environment.contains("hunter2"), "{environment}");

    let again = run_with_path(&workspace, &bin, &["migrate"]).expect(0);
    assert!(!again.stdout.contains("schema  src"), "{}", again.stdout);
}

#[test]
fn a_diesel_program_that_fails_is_no_failure_of_the_run() {
    // The script, what is said of it.
    for (script, said) in [
        ("echo 'it hurts' >&2; exit 1", "diesel print-schema failed: it hurts"),
        ("exit 3", "diesel print-schema failed: it said nothing"),
        ("exit 0", "diesel print-schema failed: it printed nothing"),
        ("kill -9 $$", "diesel print-schema failed"),
    ] {
        let workspace = workspace();
        workspace.migration("02_age", "ALTER TABLE child ADD COLUMN age INTEGER;\n", "SELECT 1;\n");
        let bin = fake(&workspace, script);
        let ran = run_with_path(&workspace, &bin, &["migrate"]).expect(0);
        assert!(ran.stdout.contains(said), "{script}: {}", ran.stdout);
        assert!(ran.stdout.contains("child lacks `age -> Nullable<Integer>,`"), "{}", ran.stdout);
        assert_eq!(schema(&workspace), FAMILY);
    }
}

#[test]
fn without_the_diesel_program_what_is_behind_is_told() {
    // The file, what is said of it.
    let behind = format!("{FAMILY}\ntable! {{ extra (id) {{ id -> Integer, }} }}");
    let cases: &[(Option<&str>, &str)] = &[
        (
            Some("table! { parent (id) { id -> Integer, } }"),
            "parent lacks `name -> Nullable<Text>,`",
        ),
        (Some("table! { parent (id) { id -> Integer, } }"), "table child is missing"),
        (Some(&behind), "table extra isn't in the database"),
        (Some("table! { parent (id) {"), "it can't be read: it isn't Rust"),
        (None, "there is no such file yet"),
    ];
    for (text, said) in cases {
        let workspace = workspace();
        let file = workspace.path().join("src/schema.rs");
        match text {
            Some(text) => fs::write(&file, text).unwrap(),
            None => fs::remove_file(&file).unwrap(),
        }
        let empty = workspace.path().join("empty");
        fs::create_dir(&empty).unwrap();
        let ran = run_with_path(&workspace, &empty, &["migrate"]).expect(0);
        assert!(ran.stdout.contains("src/schema.rs is behind"), "{}", ran.stdout);
        assert!(ran.stdout.contains(said), "{said}: {}", ran.stdout);
        assert!(ran.stdout.contains("cargo install diesel_cli"), "{}", ran.stdout);
        let status = run_with_path(&workspace, &empty, &["status"]).expect(0);
        assert!(status.stdout.contains(said), "{said}: {}", status.stdout);
        let next = status.stdout.lines().last().unwrap();
        assert!(next.contains("brings the schema file up to date"), "{next}");
    }
}

#[test]
fn what_is_in_step_or_not_asked_for_is_not_mentioned() {
    type Change = fn(&Workspace);
    let cases: &[Change] = &[
        |_| (),
        |workspace| fs::remove_file(workspace.path().join("diesel.toml")).unwrap(),
        // About other migrations.
        |workspace| {
            workspace.write("diesel.toml", CONFIG.replace("migrations/sqlite", "elsewhere"));
            workspace.write("src/schema.rs", "");
        },
        // It doesn't end at the newest.
        |workspace| {
            workspace.migration("02_more", "CREATE TABLE more(x);\n", "DROP TABLE more;\n");
            workspace.write("src/schema.rs", "");
        },
    ];
    for change in cases {
        let workspace = workspace();
        change(&workspace);
        let empty = workspace.path().join("empty");
        fs::create_dir(&empty).unwrap();
        let ran = run_with_path(&workspace, &empty, &["migrate", "--to", "01"]).expect(0);
        assert!(!ran.stdout.contains("   schema"), "{}", ran.stdout);
    }
}

#[test]
fn the_real_diesel_program_agrees_with_the_check() {
    let has_diesel = std::process::Command::new("diesel").arg("--version").output().is_ok();
    if !has_diesel {
        println!("left out: there is no diesel program");
        return;
    }
    let workspace = Workspace::with_example();
    workspace.write("diesel.toml", CONFIG);
    workspace.write("src/schema.rs", "");
    let ran = workspace.migrate();
    assert!(ran.stdout.contains("src/schema.rs brought up to date"), "{}", ran.stdout);
    let text = schema(&workspace);
    assert!(text.contains("table!"), "{text}");
    assert!(!text.contains("portcullis") && !text.contains("__diesel"), "{text}");
    // As the example has it, but for the layout: that `cargo fmt` gives it is left alone.
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/schema/src/schema.rs");
    let formatted = fs::read_to_string(example).unwrap();
    let plain = |text: &str| text.replace(char::is_whitespace, "").replace(",)", ")");
    assert_eq!(plain(&text), plain(&formatted));
    workspace.write("src/schema.rs", &formatted);
    workspace.migrate();
    assert_eq!(schema(&workspace), formatted);
    // Our own check finds nothing wrong with it, and notices the next migration.
    let status = workspace.run(&["status"]).expect(0);
    assert!(!status.stdout.contains("is behind"), "{}", status.stdout);
    workspace.migration(
        "2099_late",
        "CREATE TABLE late(id INTEGER PRIMARY KEY NOT NULL, size REAL);\n",
        "DROP TABLE late;\n",
    );
    let ran = workspace.migrate();
    assert!(ran.stdout.contains("brought up to date"), "{}", ran.stdout);
    assert!(schema(&workspace).contains("late (id)"), "{}", schema(&workspace));
    workspace.run(&["migrate", "--to", "20250210113000"]).expect(0);
    fs::remove_dir_all(workspace.path().join("migrations/sqlite/2099_late")).unwrap();
    let ran = workspace.migrate();
    assert!(
        ran.stdout.contains("brought up to date"),
        "also if nothing is pending: {}",
        ran.stdout
    );
    assert_eq!(plain(&schema(&workspace)), plain(&text));
}
