//! A migrations directory that isn't one, and files in it that can't be run.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use crate::support::Workspace;

#[test]
fn a_migrations_directory_that_is_none_is_a_wrong_configuration() {
    let workspace = Workspace::new();
    let directory = workspace.path().join("migrations/sqlite");
    fs::remove_dir(&directory).unwrap();
    for command in [&["migrate"][..], &["migrate", "--plan"], &["lint"]] {
        let ran = workspace.refuses(command, 2);
        assert!(ran.stderr.contains("there is no such directory"), "{}", ran.stderr);
        assert!(ran.stderr.contains("under [migrations] in portcullis.toml"), "{}", ran.stderr);
    }
    fs::write(&directory, "a file").unwrap();
    let ran = workspace.refuses(&["migrate"], 2);
    assert!(ran.stderr.contains("it is not a directory"), "{}", ran.stderr);
    assert!(!workspace.path().join("var").exists());
}

type Break = fn(&Path);

/// What is done to the directory of a good migration, and the rule that must say so.
const BROKEN: &[(&str, Break)] = &[
    ("symlink", |migration| {
        // For root no file is unreadable by its mode, but a directory is for everybody.
        fs::remove_file(migration.join("up.sql")).unwrap();
        fs::create_dir(migration.join("up.sql")).unwrap();
    }),
    ("symlink", |migration| {
        fs::rename(migration.join("up.sql"), migration.join("real.sql")).unwrap();
        symlink("real.sql", migration.join("up.sql")).unwrap();
    }),
    ("symlink", |migration| {
        fs::remove_file(migration.join("up.sql")).unwrap();
        symlink("/nowhere/up.sql", migration.join("up.sql")).unwrap();
    }),
    ("symlink", |migration| {
        let real = migration.with_file_name("../../elsewhere");
        fs::rename(migration, &real).unwrap();
        symlink("../../elsewhere", migration).unwrap();
    }),
    ("symlink", |migration| {
        fs::remove_file(migration.join("up.sql")).unwrap();
        let made = Command::new("mkfifo").arg(migration.join("up.sql")).status().unwrap();
        assert!(made.success());
    }),
    ("file-too-large", |migration| {
        File::create(migration.join("up.sql")).unwrap().set_len(200 << 20).unwrap();
    }),
    ("not-a-migration", |migration| fs::remove_file(migration.join("up.sql")).unwrap()),
    ("empty-up", |migration| fs::write(migration.join("up.sql"), "-- nothing").unwrap()),
    ("missing-down", |migration| fs::remove_file(migration.join("down.sql")).unwrap()),
    ("invalid-utf8", |migration| fs::write(migration.join("up.sql"), b"SELECT '\xff'").unwrap()),
    ("nul-byte", |migration| fs::write(migration.join("up.sql"), b"SELECT 1;\0").unwrap()),
    ("transaction-control", |migration| {
        fs::write(migration.join("up.sql"), "CREATE TABLE a(x); COMMIT;").unwrap();
    }),
    ("own-tables", |migration| {
        fs::write(migration.join("up.sql"), "DELETE FROM __portcullis_run;").unwrap();
    }),
    ("outside-database", |migration| {
        fs::write(migration.join("up.sql"), "ATTACH 'x.db' AS x;").unwrap();
    }),
    ("metadata-malformed", |migration| {
        fs::write(migration.join("metadata.toml"), "run_in_transaction = maybe").unwrap();
    }),
];

#[test]
fn what_the_linter_finds_stops_a_run_before_any_database_is_made() {
    for (rule, break_it) in BROKEN {
        let workspace = Workspace::with_family();
        break_it(&workspace.path().join("migrations/sqlite/01_family"));
        let ran = workspace.refuses(&["migrate"], 1);
        assert!(ran.stderr.contains(&format!("error[{rule}]")), "no {rule}:\n{}", ran.stderr);
        assert!(ran.stderr.contains("no database was touched"), "{}", ran.stderr);
        let refused = workspace.stops_in_json(&["migrate"], 1);
        let findings = refused["findings"].as_array().unwrap();
        assert!(findings.iter().any(|finding| finding["rule"] == *rule), "{refused}");
        assert!(!workspace.path().join("var").exists(), "{rule}");
        workspace.run(&["lint"]).expect(1).is_for_people();
    }
}

#[test]
fn what_the_linter_finds_stops_a_run_on_an_existing_database() {
    let workspace = Workspace::with_family();
    workspace.migrate();
    workspace.migration("02_more", "CREATE TABLE more(x);\nCOMMIT;\n", "DROP TABLE more;\n");
    workspace.refuses(&["migrate"], 1);
    assert_eq!(workspace.applied(), ["01"]);
    assert_eq!(workspace.receipts().len(), 1, "a refused run leaves no receipt");
}

#[test]
fn a_file_that_may_not_be_read_is_a_finding() {
    let workspace = Workspace::with_family();
    let file = workspace.path().join("migrations/sqlite/01_family/up.sql");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    if File::open(&file).is_ok() {
        eprintln!("SKIPPED: root reads files of every mode");
        return;
    }
    let ran = workspace.refuses(&["migrate"], 1);
    assert!(ran.stderr.contains("error[unreadable-file]"), "{}", ran.stderr);
}

#[test]
fn no_migrations_at_all_make_an_empty_database() {
    let workspace = Workspace::new();
    workspace.migrate();
    assert_eq!(workspace.last_receipt()["target"]["arrival"], "created");
    assert!(workspace.migrate().stdout.contains("no migration is applied"));
}
