//! Backups and putting them back.

mod crash;
mod damaged;
mod elsewhere;
mod forms;
mod large;
mod others;
mod person;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{GATE, Ran, Workspace, sha256};

/// A family that was migrated, and a backup of it.
fn backed_up() -> (Workspace, PathBuf) {
    let workspace = Workspace::with_family();
    workspace.migrate();
    let backup = take(&workspace);
    (workspace, backup)
}

/// `backup`, and the file that came of it.
fn take(workspace: &Workspace) -> PathBuf {
    let before: BTreeSet<PathBuf> = workspace.backups().into_iter().collect();
    workspace.run(&["backup"]).expect(0);
    workspace.backups().into_iter().find(|backup| !before.contains(backup)).unwrap()
}

fn restore(workspace: &Workspace, backup: &Path) -> Ran {
    workspace.run(&["restore", backup.to_str().unwrap()])
}

/// A backup in a copy of the workspace that it was taken in.
fn same_file(copy: &Workspace, backup: &Path) -> PathBuf {
    copy.backup_directory().join(backup.file_name().unwrap())
}

fn sidecar(backup: &Path) -> PathBuf {
    PathBuf::from(format!("{}.json", backup.display()))
}

/// Everything in a directory, with the digests of the files.
fn files(directory: &Path) -> BTreeSet<(String, String)> {
    fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), sha256(&path)))
        .collect()
}

#[test]
fn what_was_backed_up_comes_back_and_what_was_there_is_kept() {
    let (workspace, backup) = backed_up();
    let then = workspace.content();
    assert_eq!(workspace.backup_content(&backup), then);
    workspace.execute("DELETE FROM child; INSERT INTO parent VALUES (77, 'later')");
    let now = workspace.content();

    let name = backup.file_name().unwrap().to_str().unwrap();
    workspace.run(&["restore", name, "--reason", "too much was deleted"]).expect(0);
    assert_eq!(workspace.content(), then);

    let receipt = workspace.last_receipt();
    assert_eq!(receipt["action"], "restore", "{receipt:#}");
    assert_eq!(receipt["reason"], "too much was deleted");
    assert_eq!(receipt["outcome"]["code"], 0);
    let kept = PathBuf::from(receipt["backup"]["file"].as_str().unwrap());
    assert!(workspace.backups().contains(&kept), "what was there isn't a backup: {kept:?}");
    assert_eq!(workspace.backup_content(&kept), now);

    // And back again: what is kept is as good as any backup.
    restore(&workspace, &kept).expect(0);
    assert_eq!(workspace.content(), now);
    assert_eq!(workspace.receipts().len(), 3);
    assert!(workspace.migrate().stdout.contains("up to date"));
}

#[test]
fn a_backup_that_isnt_what_was_written_is_refused() {
    type Spoil = fn(&Path);
    let cases: &[(&str, Spoil)] = &[
        ("a bit in the header", |backup| flip(backup, 30)),
        ("a bit in the middle", |backup| flip(backup, 9000)),
        ("a bit in the last byte", |backup| flip(backup, fs::read(backup).unwrap().len() - 1)),
        ("cut", |backup| fs::write(backup, &fs::read(backup).unwrap()[..8192]).unwrap()),
        ("empty", |backup| fs::write(backup, "").unwrap()),
        ("longer", |backup| {
            fs::write(backup, [fs::read(backup).unwrap(), vec![0; 4096]].concat()).unwrap();
        }),
        ("gone", |backup| fs::remove_file(backup).unwrap()),
        ("sidecar gone", |backup| fs::remove_file(sidecar(backup)).unwrap()),
        ("sidecar empty", |backup| fs::write(sidecar(backup), "").unwrap()),
        ("sidecar garbage", |backup| fs::write(sidecar(backup), "{\"format\": 1").unwrap()),
        ("sidecar of another format", |backup| edit(backup, "format", 2.into())),
        ("sidecar of another digest", |backup| {
            edit(backup, "sha256", format!("sha256:{}", "0".repeat(64)).into());
        }),
        ("sidecar of another database", |backup| {
            edit(backup, "identity", "00000000-0000-4000-8000-000000000000".into());
        }),
        ("sidecar of another engine", |backup| edit(backup, "engine", "postgres".into())),
    ];
    let (template, taken) = backed_up();
    template.execute("INSERT INTO parent VALUES (77, 'later')");
    let mut failures = Vec::new();
    for (name, spoil) in cases {
        let workspace = template.copy();
        let backup = same_file(&workspace, &taken);
        spoil(&backup);
        let (content, backups) = (workspace.content(), files(&workspace.backup_directory()));
        let ran = restore(&workspace, &backup);
        if ran.code != 1 {
            failures.push(format!("{name}: exit {}\n{}", ran.code, ran.stderr));
        }
        if workspace.content() != content || files(&workspace.backup_directory()) != backups {
            failures.push(format!("{name}: something was touched"));
        }
        if workspace.receipts().len() != 1 {
            failures.push(format!("{name}: a receipt"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn flip(file: &Path, at: usize) {
    let mut bytes = fs::read(file).unwrap();
    bytes[at] ^= 4;
    fs::write(file, bytes).unwrap();
}

fn edit(backup: &Path, key: &str, value: serde_json::Value) {
    let path = sidecar(backup);
    let mut json: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    json[key] = value;
    fs::write(path, json.to_string()).unwrap();
}

#[test]
fn another_databases_backup_is_refused() {
    let (workspace, _) = backed_up();
    let (_other, theirs) = backed_up();
    let before = workspace.content();
    let ran = restore(&workspace, &theirs).expect(1);
    assert!(ran.stderr.contains("identify the backup"), "{}", ran.stderr);
    // Not even under the name of one of ours.
    let ours = workspace.backups().pop().unwrap();
    fs::copy(&theirs, &ours).unwrap();
    restore(&workspace, &ours).expect(1);
    fs::copy(sidecar(&theirs), sidecar(&ours)).unwrap();
    restore(&workspace, &ours).expect(1);
    assert_eq!(workspace.content(), before);
}

#[test]
fn a_name_that_is_no_backup_is_refused() {
    let (workspace, _) = backed_up();
    for name in ["nothing.db", "../../../portcullis.toml", "var", "", "--"] {
        let ran = workspace.run(&["restore", name]);
        assert!([1, 2].contains(&ran.code), "{name:?}: {}\n{}", ran.code, ran.stderr);
    }
}

#[test]
fn a_backup_is_never_written_again() {
    let (workspace, _) = backed_up();
    let before = files(&workspace.backup_directory());
    for number in 2..5 {
        workspace.migration(
            &format!("0{number}_t"),
            &format!("CREATE TABLE t{number}(x);\n"),
            "SELECT 1;\n",
        );
        workspace.migrate();
        take(&workspace);
    }
    let after = files(&workspace.backup_directory());
    assert!(after.is_superset(&before), "a backup changed");
    assert_eq!(workspace.backups().len(), 2 + 3 * 2);
}

#[test]
fn only_the_newest_stay_if_the_configuration_says_so() {
    let workspace = Workspace::with_family();
    workspace.configure_target("[targets.dev.retention]\nkeep-last = 2\nkeep-for = \"0s\"\n");
    workspace.migrate();
    for number in 2..6 {
        // Backups carry the time in seconds.
        std::thread::sleep(std::time::Duration::from_millis(1100));
        workspace.migration(
            &format!("0{number}_t"),
            &format!("CREATE TABLE t{number}(x);\n"),
            "SELECT 1;\n",
        );
        workspace.migrate();
    }
    let named: Vec<String> = workspace
        .receipts()
        .iter()
        .map(|receipt| receipt["predicate"]["backup"]["file"].as_str().unwrap().to_owned())
        .collect();
    let there: Vec<String> =
        workspace.backups().iter().map(|backup| backup.display().to_string()).collect();
    assert_eq!(there, named[named.len() - 2..]);
    assert_eq!(files(&workspace.backup_directory()).len(), 4, "rubbish stays");
}

/// "Oldest first", also among those of one second.
#[test]
fn backups_are_listed_in_the_order_in_which_they_were_taken() {
    let (workspace, first) = backed_up();
    let mut taken =
        vec![workspace.backups().into_iter().find(|backup| *backup != first).unwrap(), first];
    taken.extend((0..8).map(|_| take(&workspace)));
    assert_eq!(workspace.backups(), taken);
}

/// However fast runs follow each other, a run doesn't remove the backup that it took.
#[test]
fn the_backup_of_the_last_run_is_never_removed() {
    let workspace = Workspace::with_family();
    workspace.configure_target("[targets.dev.retention]\nkeep-last = 1\nkeep-for = \"0s\"\n");
    workspace.migrate();
    for number in 10..26 {
        workspace.migration(
            &format!("{number}_t"),
            &format!("CREATE TABLE t{number}(x);\n"),
            "SELECT 1;\n",
        );
        workspace.migrate();
        let file = workspace.last_receipt()["backup"]["file"].as_str().unwrap().to_owned();
        assert!(Path::new(&file).exists(), "run {number} has removed its own backup");
    }
}

#[test]
fn only_the_owner_can_read_backups_and_receipts() {
    for umask in ["000", "022", "077"] {
        let workspace = Workspace::with_family();
        let run = |arguments: &[&str]| {
            let mut command = Command::new("sh");
            workspace.prepare(&mut command);
            command.arg("-c").arg(format!("umask {umask}; exec \"$0\" \"$@\"")).arg(GATE);
            Ran::of(&command.args(arguments).output().unwrap()).expect(0)
        };
        run(&["migrate"]);
        run(&["backup"]);
        let backup = workspace.backups().pop().unwrap();
        run(&["restore", backup.to_str().unwrap()]);
        let mut seen = 0;
        for directory in ["var/backups", "var/receipts"] {
            seen += private(&workspace.path().join(directory));
        }
        assert!(seen >= 3 * 2 + 2, "{seen} files");
    }
}

/// Everything below is 0600 or 0700; returns how many files.
fn private(directory: &Path) -> usize {
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(directory), 0o700, "{directory:?}");
    fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            if path.is_dir() {
                return private(&path);
            }
            assert_eq!(mode(&path), 0o600, "{path:?}");
            1
        })
        .sum()
}

#[test]
fn receipts_that_are_newer_than_the_backup_stay_in_the_record() {
    let (workspace, backup) = backed_up();
    let then = workspace.content();
    for number in 2..4 {
        workspace.migration(
            &format!("0{number}_t"),
            &format!("CREATE TABLE t{number}(x);\n"),
            "SELECT 1;\n",
        );
        workspace.migrate();
    }
    let before = workspace.receipts();
    restore(&workspace, &backup).expect(0);
    assert_eq!(workspace.content(), then);
    let after = workspace.receipts();
    assert!(after.starts_with(&before), "the record has changed");
    assert_eq!(after.len(), before.len() + 1);
    // The next run applies what the restore took back.
    workspace.migrate();
    assert_eq!(workspace.applied(), ["01", "02", "03"]);
}
