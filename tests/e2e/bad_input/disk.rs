//! Disks that are full, and places where nobody may write. The first need a file system of
//! their own, so these tests are skipped, visibly, where none can be mounted.

use std::process::Command;

use crate::support::{GATE, Ran, Workspace, content};

/// A script in the workspace with mounts of its own; none if that isn't allowed here.
/// `$GATE` is the program. What is mounted goes with the script.
fn with_mounts(workspace: &Workspace, script: &str) -> Option<Ran> {
    let unshare = |arguments: &[&str]| {
        let mut command = Command::new("unshare");
        workspace.prepare(&mut command);
        command.args(arguments).env("GATE", GATE);
        command
    };
    let probe = "mount -t tmpfs -o size=1m none var";
    std::fs::create_dir_all(workspace.path().join("var")).unwrap();
    let works = |flags: &[&str]| {
        unshare(&[flags, &["sh", "-c", probe]].concat())
            .output()
            .is_ok_and(|output| output.status.success())
    };
    let flags = [&["-m"][..], &["-rm"]].into_iter().find(|flags| works(flags));
    let Some(flags) = flags else {
        eprintln!("SKIPPED: nothing can be mounted here");
        return None;
    };
    let output = unshare(&[flags, &["sh", "-ec", script]].concat()).output().unwrap();
    Some(Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// A database with a megabyte of data, and a pending migration.
fn with_data(pending: &str) -> Workspace {
    let workspace = Workspace::with_family();
    workspace.migrate();
    workspace.execute("INSERT INTO parent VALUES (50, zeroblob(1000000))");
    workspace.migration("02_more", pending, "DROP TABLE more;\n");
    workspace
}

/// A migration that writes 40 MB.
const HUGE: &str = "CREATE TABLE more(x);\n\
    INSERT INTO more WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 40)\n\
    SELECT randomblob(1000000) FROM c;\n";

fn partial_files(workspace: &Workspace, directory: &str) -> Vec<String> {
    std::fs::read_dir(workspace.path().join(directory)).map_or_else(
        |_| Vec::new(),
        |entries| {
            entries
                .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
                .filter(|name| name.ends_with(".partial") || name.starts_with(".writing"))
                .collect()
        },
    )
}

#[test]
fn a_disk_without_room_for_the_backup_is_noticed_before_anything_starts() {
    let workspace = with_data("CREATE TABLE more(x);\n");
    let before = workspace.content();
    let Some(ran) = with_mounts(
        &workspace,
        "mount -t tmpfs -o size=3m none var/backups; exec \"$GATE\" migrate",
    ) else {
        return;
    };
    let ran = ran.expect(1);
    ran.is_for_people();
    assert!(ran.stderr.contains("are needed and"), "{}", ran.stderr);
    assert!(ran.stderr.contains("var/backups/dev"), "{}", ran.stderr);
    assert_eq!(workspace.content(), before);
    assert_eq!(workspace.receipts().len(), 1);
}

#[test]
fn a_new_database_is_not_made_on_a_disk_without_room() {
    let workspace = Workspace::with_family();
    let Some(ran) = with_mounts(
        &workspace,
        "mount -t tmpfs -o size=1m none var; \"$GATE\" migrate || code=$?; ls -A var >left; exit $code",
    ) else {
        return;
    };
    ran.expect(1).is_for_people();
    let left = std::fs::read_to_string(workspace.path().join("left")).unwrap();
    assert!(!left.lines().any(|name| name == "dev.db"), "made and left: {left}");
}

/// Runs the pending migration where only 20 MB fit; what is left is in `after`.
fn on_a_small_disk(workspace: &Workspace) -> Option<Ran> {
    let script = "cp -a var seed; mount -t tmpfs -o size=20m none var; cp -a seed/. var; \
                  \"$GATE\" migrate --format json || code=$?; \
                  mkdir after; cp -a var/. after; exit $code";
    let ran = with_mounts(workspace, script)?.expect(3);
    ran.is_for_people();
    assert_eq!(ran.json()["code"], 3);
    Some(ran)
}

#[test]
fn a_disk_that_a_migration_fills_is_as_before() {
    for journal in ["delete", "wal"] {
        let workspace = with_data(HUGE);
        workspace.execute(&format!("PRAGMA journal_mode = {journal}"));
        let before = workspace.content();
        if on_a_small_disk(&workspace).is_none() {
            return;
        }
        assert_eq!(content(&workspace.path().join("after/dev.db")), before, "{journal}");
        assert!(partial_files(&workspace, "after/backups/dev").is_empty());
        // There is room again: the same run goes through.
        std::fs::rename(workspace.path().join("var"), workspace.path().join("old")).unwrap();
        std::fs::rename(workspace.path().join("after"), workspace.path().join("var")).unwrap();
        assert_eq!(workspace.last_receipt()["outcome"]["code"], 3, "{journal}");
        workspace.migrate();
        assert_eq!(workspace.value("SELECT count(*) FROM more"), "40");
    }
}

#[test]
fn a_disk_that_a_migration_fills_is_named_as_the_cause() {
    let workspace = with_data(HUGE);
    let Some(ran) = on_a_small_disk(&workspace) else { return };
    let document = ran.json();
    assert!(document["cause"].as_str().unwrap().contains("full"), "{document}");
}

#[test]
fn a_backup_that_cannot_be_written_to_its_end_leaves_nothing_of_it() {
    let workspace = with_data("CREATE TABLE more(x);\n");
    let before = workspace.content();
    for arguments in ["migrate", "backup"] {
        // Like a full disk that nobody saw coming: no file may grow beyond 512 blocks.
        let mut command = Command::new("sh");
        workspace.prepare(&mut command);
        let script = format!("trap '' XFSZ; ulimit -f 512; exec \"$GATE\" {arguments}");
        let output = command.args(["-c", &script]).env("GATE", GATE).output().unwrap();
        let ran = Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        let ran = ran.expect(if arguments == "migrate" { 3 } else { 1 });
        ran.is_for_people();
        assert!(ran.stderr.contains("couldn't back up the database"), "{}", ran.stderr);
        assert_eq!(workspace.content(), before);
        assert_eq!(partial_files(&workspace, "var/backups/dev"), Vec::<String>::new());
        assert_eq!(workspace.backups().len(), 1, "what failed is taken for a backup");
    }
    workspace.migrate();
}

#[test]
fn where_nobody_may_write_a_run_is_refused_and_a_look_works() {
    let workspace = with_data("CREATE TABLE more(x);\n");
    let before = workspace.content();
    let read_only = "mount --bind var var; mount -o remount,bind,ro var; ";
    for (arguments, code) in
        [("migrate", 1), ("backup", 1), ("migrate --plan", 0), ("receipt list", 0)]
    {
        let script = format!("{read_only} exec \"$GATE\" {arguments}");
        let Some(ran) = with_mounts(&workspace, &script) else { return };
        let ran = ran.expect(code);
        ran.is_for_people();
        assert!(code == 0 || ran.stderr.contains("check who may write"), "{}", ran.stderr);
    }
    assert_eq!(workspace.content(), before);
}

#[test]
fn where_nobody_may_write_no_database_is_made() {
    let workspace = Workspace::with_family();
    let Some(ran) = with_mounts(
        &workspace,
        "mount -t tmpfs -o ro none var; exec \"$GATE\" migrate --format json",
    ) else {
        return;
    };
    let ran = ran.expect(1);
    assert_eq!(ran.json()["code"], 1);
    assert!(!workspace.database().exists());
}
