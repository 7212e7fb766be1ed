//! What may stand where the database should be.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::process::Command;

use crate::support::Workspace;

/// A database of several pages, that was migrated.
fn migrated() -> Workspace {
    let workspace = Workspace::with_family();
    workspace.migrate();
    workspace.execute("INSERT INTO parent VALUES (50, zeroblob(100000))");
    workspace
}

type Spoil = fn(&Workspace);

/// What is done to the database, and what must be said about it.
const SPOILED: &[(Spoil, &str)] = &[
    (
        |workspace| {
            fs::remove_file(workspace.database()).unwrap();
            fs::create_dir(workspace.database()).unwrap();
        },
        "it is a directory",
    ),
    (
        |workspace| fs::write(workspace.database(), "a shopping list\n").unwrap(),
        "file is not a database",
    ),
    (
        |workspace| fs::write(workspace.database(), "a long text\n".repeat(1000)).unwrap(),
        "file is not a database",
    ),
    (
        |workspace| {
            let file = File::options().write(true).open(workspace.database()).unwrap();
            file.set_len(file.metadata().unwrap().len() / 2).unwrap();
        },
        "malformed",
    ),
    (
        |workspace| {
            let real = workspace.path().join("var/real.db");
            fs::rename(workspace.database(), &real).unwrap();
            symlink(&real, workspace.database()).unwrap();
        },
        "it is a symbolic link",
    ),
    (
        |workspace| {
            fs::remove_file(workspace.database()).unwrap();
            symlink("/nowhere/dev.db", workspace.database()).unwrap();
        },
        "it is a symbolic link",
    ),
    (
        |workspace| {
            fs::hard_link(workspace.database(), workspace.path().join("var/other.db")).unwrap();
        },
        "2 names (hard links)",
    ),
    (
        |workspace| {
            fs::remove_file(workspace.database()).unwrap();
            let made = Command::new("mkfifo").arg(workspace.database()).status().unwrap();
            assert!(made.success());
        },
        "it is no regular file",
    ),
    (
        |workspace| {
            fs::rename(workspace.path().join("var"), workspace.path().join("real")).unwrap();
            symlink("real", workspace.path().join("var")).unwrap();
        },
        "through a symbolic link",
    ),
];

#[test]
fn what_is_no_database_of_ours_is_refused_by_every_command() {
    for (spoil, said) in SPOILED {
        let workspace = migrated();
        spoil(&workspace);
        // The bytes of a pipe can't be compared: reading it would wait for ever.
        let special = !workspace.database().is_file();
        for command in [
            &["migrate"][..],
            &["migrate", "--enrol"],
            &["migrate", "--plan"],
            &["receipt", "list"],
            &["backup"],
        ] {
            if special && command == ["backup"] && !workspace.database().exists() {
                // A link that leads nowhere is no database to back up.
                workspace.stops(command, 1);
                continue;
            }
            let ran = if special {
                workspace.stops_in_json(command, 1);
                workspace.stops(command, 1)
            } else {
                workspace.refuses(command, 1)
            };
            assert!(ran.stderr.contains(said), "{command:?}: no {said:?}:\n{}", ran.stderr);
        }
    }
}

#[test]
fn an_empty_file_is_a_new_database() {
    let workspace = Workspace::with_family();
    workspace.write("var/dev.db", "");
    workspace.migrate();
    assert_eq!(workspace.applied(), ["01"]);
    assert_eq!(workspace.last_receipt()["target"]["arrival"], "created");
}

#[test]
fn a_database_of_somebody_else_is_only_taken_on_with_enrol() {
    let workspace = Workspace::with_family();
    workspace.write("var/dev.db", "");
    workspace.execute("CREATE TABLE notes(x); INSERT INTO notes VALUES ('mine')");
    let ran = workspace.refuses(&["migrate"], 1);
    assert!(ran.stderr.contains("it has no identity yet"), "{}", ran.stderr);
    assert!(ran.stderr.contains("--enrol"), "{}", ran.stderr);
    workspace.run(&["migrate", "--enrol"]).expect(0);
    assert_eq!(workspace.value("SELECT x FROM notes"), "mine");
}

#[test]
fn nothing_is_made_through_a_link_below_the_workspace() {
    let workspace = Workspace::with_family();
    let elsewhere = tempfile::tempdir().unwrap();
    symlink(elsewhere.path(), workspace.path().join("var")).unwrap();
    let ran = workspace.refuses(&["migrate"], 1);
    assert!(ran.stderr.contains("symbolic link"), "{}", ran.stderr);
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0, "something was made there");
}

#[test]
fn a_path_below_a_file_is_refused() {
    let workspace = Workspace::with_family();
    fs::write(workspace.path().join("var"), "a file").unwrap();
    workspace.refuses(&["migrate"], 1);
    assert_eq!(fs::read_to_string(workspace.path().join("var")).unwrap(), "a file");
}

#[test]
fn a_journal_without_its_database_is_no_new_database() {
    for journal in ["var/dev.db-wal", "var/dev.db-journal"] {
        let workspace = Workspace::with_family();
        let path = workspace.write(journal, "what is left of somebody's data");
        for command in [&["migrate"][..], &["migrate", "--enrol"]] {
            let ran = workspace.refuses(command, 1);
            assert!(ran.stderr.contains("the database is gone"), "{}", ran.stderr);
            assert!(ran.stderr.contains(journal), "{}", ran.stderr);
        }
        assert_eq!(fs::read(path).unwrap(), b"what is left of somebody's data");
    }
}

#[test]
fn commands_that_need_a_database_make_none() {
    let workspace = Workspace::with_family();
    let ran = workspace.refuses(&["backup"], 1);
    assert!(ran.stderr.contains("there is no such file"), "{}", ran.stderr);
    workspace.refuses(&["restore", "20260101T000000Z-00000000.db"], 1);
    workspace.refuses(&["receipt", "show"], 2);
    assert_eq!(
        workspace.run(&["receipt", "list", "--format", "json"]).expect(0).json()["receipts"],
        serde_json::json!([])
    );
    workspace.run(&["backup", "list"]).expect(0);
    workspace.run(&["migrate", "--plan"]).expect(0);
    assert!(!workspace.path().join("var").exists());
}

#[test]
fn a_damaged_page_is_found_before_anything_is_applied() {
    let workspace = migrated();
    let mut bytes = fs::read(workspace.database()).unwrap();
    let page = usize::from(u16::from_be_bytes([bytes[16], bytes[17]]));
    let root: usize =
        workspace.value("SELECT rootpage FROM sqlite_schema WHERE name = 'child'").parse().unwrap();
    bytes[(root - 1) * page..root * page].fill(0xaa);
    fs::write(workspace.database(), bytes).unwrap();
    workspace.migration("02_more", "CREATE TABLE more(x);\n", "DROP TABLE more;\n");
    let ran = workspace.run(&["migrate"]);
    assert!(matches!(ran.code, 1 | 3), "{}\n{}", ran.code, ran.stderr);
    ran.is_for_people();
    assert!(ran.stderr.contains("cargo xtask backup list"), "{}", ran.stderr);
    assert_eq!(workspace.applied(), ["01"]);
    let files = fs::read_dir(workspace.path().join("var/backups/dev")).unwrap();
    let partial = files
        .filter(|entry| entry.as_ref().unwrap().path().extension().unwrap() == "partial")
        .count();
    assert_eq!(partial, 0);
}

#[test]
fn a_lock_file_that_is_a_link_is_not_written_through() {
    let workspace = migrated();
    let lock = workspace.path().join("var/dev.db.portcullis-lock");
    let precious = workspace.write("precious.txt", "do not overwrite");
    fs::remove_file(&lock).unwrap();
    symlink(&precious, &lock).unwrap();
    let ran = workspace.run(&["migrate"]);
    ran.is_for_people();
    assert_eq!(fs::read_to_string(precious).unwrap(), "do not overwrite");
}

#[test]
fn directories_that_others_may_write_into_get_no_backup() {
    use std::os::unix::fs::PermissionsExt as _;
    let workspace = migrated();
    let backups = workspace.path().join("var/backups/dev");
    fs::set_permissions(&backups, fs::Permissions::from_mode(0o777)).unwrap();
    workspace.migration("02_more", "CREATE TABLE more(x);\n", "DROP TABLE more;\n");
    let before = workspace.content();
    let ran = workspace.stops(&["migrate"], 3);
    assert!(ran.stderr.contains("others may write into it"), "{}", ran.stderr);
    assert_eq!(workspace.content(), before);
    fs::set_permissions(&backups, fs::Permissions::from_mode(0o700)).unwrap();
    workspace.migrate();
}
