//! Restoring where the database is damaged or gone: what is there is evidence, and its
//! journals must not be played into what comes next.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::{restore, same_file, take};
use crate::support::Workspace;

/// What has happened to the live file.
type Damage = fn(&Path);

const DAMAGES: &[(&str, Damage)] = &[
    ("cut in half", |file| cut(file, fs::metadata(file).unwrap().len() / 2)),
    ("cut in the first page", |file| cut(file, 1000)),
    ("cut in the header", |file| cut(file, 60)),
    ("empty", |file| cut(file, 0)),
    ("text", |file| fs::write(file, "this is no database\n".repeat(1000)).unwrap()),
    ("zeroes", |file| fs::write(file, vec![0; 40960]).unwrap()),
    ("garbage in the middle", |file| {
        let mut bytes = fs::read(file).unwrap();
        // Not the first page: it opens, and only a check finds it.
        bytes[4096..].fill(0xA5);
        fs::write(file, bytes).unwrap();
    }),
    ("gone", |file| fs::remove_file(file).unwrap()),
];

fn cut(file: &Path, length: u64) {
    fs::File::options().write(true).open(file).unwrap().set_len(length).unwrap();
}

/// Migrated twice, a backup, and changes after it.
fn family(mode: &str) -> (Workspace, PathBuf, String) {
    let workspace = Workspace::with_family();
    workspace.configure_target("lock-wait = \"1s\"\n");
    workspace.migrate();
    workspace.execute(&format!("PRAGMA journal_mode = {mode}"));
    workspace.migration("02_b", "CREATE TABLE b(x);\n", "DROP TABLE b;\n");
    workspace.migrate();
    let backup = take(&workspace);
    let then = workspace.content();
    // Receipts that the backup doesn't have.
    for number in 3..5 {
        workspace.migration(
            &format!("0{number}_t"),
            &format!("CREATE TABLE t{number}(x);\n"),
            "SELECT 1;\n",
        );
        workspace.migrate();
    }
    (workspace, backup, then)
}

fn beside(workspace: &Workspace, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}{ending}", workspace.database().display()))
}

/// What was moved aside, by what comes after `.damaged-…`.
fn evidence(workspace: &Workspace) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(workspace.path().join("var"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_str().unwrap().contains(".damaged-"))
        .collect();
    found.sort();
    found
}

#[test]
fn a_damaged_database_is_moved_aside_and_the_record_goes_on() {
    let mut failures = Vec::new();
    for mode in ["delete", "wal"] {
        let (template, taken, then) = family(mode);
        let before = template.receipts();
        for (name, damage) in DAMAGES {
            let workspace = template.copy();
            let backup = same_file(&workspace, &taken);
            damage(&workspace.database());
            let evidence_then = fs::read(workspace.database()).ok();
            let ran = restore(&workspace, &backup);
            let mut hold = |held: bool, what: &str| {
                if !held {
                    failures.push(format!("{mode}, {name}: {what}\n{}{}", ran.stdout, ran.stderr));
                }
            };
            hold(ran.code == 0, &format!("exit {}", ran.code));
            if ran.code != 0 {
                continue;
            }
            hold(workspace.content() == then, "other content");
            hold(workspace.value("PRAGMA integrity_check") == "ok", "damaged");
            hold(workspace.value("PRAGMA journal_mode") == mode, "journal mode");
            let kept = evidence(&workspace)
                .into_iter()
                .find(|path| Some(fs::read(path).unwrap()) == evidence_then);
            hold(kept.is_some() || evidence_then.is_none(), "what was there isn't kept as it was");
            let receipts = workspace.run(&["receipt", "list", "--format", "json"]);
            hold(receipts.code == 0, "the chain is broken");
            let receipts = receipts.json()["receipts"].as_array().unwrap().clone();
            hold(receipts.starts_with(&before), "earlier receipts are not carried over");
            hold(receipts.len() == before.len() + 1, &format!("{} receipts", receipts.len()));
            let migrated = workspace.run(&["migrate"]);
            hold(migrated.code == 0, &format!("the next run: {}", migrated.stderr));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Journals that SQLite would play into a database of this name, made by SQLite itself.
fn journals(workspace: &Workspace) -> Vec<(&'static str, Vec<u8>)> {
    let scratch = workspace.copy();
    let conn = scratch.connect();
    conn.execute_batch(
        "PRAGMA journal_mode = delete; PRAGMA cache_size = 2; PRAGMA cache_spill = 1; BEGIN IMMEDIATE;
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
         INSERT INTO parent SELECT i + 10, 'from the journal ' || i FROM n; DELETE FROM child",
    )
    .unwrap();
    let hot = fs::read(beside(&scratch, "-journal")).unwrap();
    assert!(hot.len() > 1024 && hot[..8] != [0; 8], "the journal isn't hot");
    conn.execute_batch(
        "ROLLBACK; PRAGMA journal_mode = wal; PRAGMA wal_autocheckpoint = 0;
         INSERT INTO parent VALUES (55, 'from the log'); DELETE FROM child",
    )
    .unwrap();
    let log = fs::read(beside(&scratch, "-wal")).unwrap();
    assert!(log.len() > 4096);
    vec![("-journal", hot), ("-wal", log)]
}

#[test]
fn the_journals_of_a_dead_database_are_not_played_into_the_restored_one() {
    for mode in ["delete", "wal"] {
        let (template, taken, then) = family(mode);
        let journals = journals(&template);
        for (name, damage) in
            DAMAGES.iter().filter(|(name, _)| ["empty", "text", "gone"].contains(name))
        {
            for (ending, bytes) in &journals {
                let told = format!("{mode}, {name}, {ending}");
                let workspace = template.copy();
                let backup = same_file(&workspace, &taken);
                damage(&workspace.database());
                fs::write(beside(&workspace, ending), bytes).unwrap();
                restore(&workspace, &backup).expect(0);
                assert_eq!(workspace.content(), then, "{told}");
                assert_eq!(workspace.value("PRAGMA integrity_check"), "ok", "{told}");
                assert_eq!(workspace.value("SELECT count(*) FROM child"), "3", "{told}");
                // What can't be opened at all is for SQLite to try first; see below.
                let kept = evidence(&workspace).into_iter().any(|path| {
                    path.to_str().unwrap().ends_with(ending) && fs::read(&path).unwrap() == *bytes
                });
                assert!(kept || *name == "text", "{told}: {:?}", evidence(&workspace));
            }
        }
    }
}

/// A file that was never a database is not to be repaired with a journal that happens to
/// lie beside it: it may be the only copy of something.
#[test]
fn what_is_no_database_is_kept_as_it_was() {
    let (template, taken, then) = family("delete");
    for (ending, bytes) in journals(&template) {
        let workspace = template.copy();
        let backup = same_file(&workspace, &taken);
        let text = "this is no database\n".repeat(1000);
        fs::write(workspace.database(), &text).unwrap();
        fs::write(beside(&workspace, ending), &bytes).unwrap();
        restore(&workspace, &backup).expect(0);
        assert_eq!(workspace.content(), then);
        let kept: Vec<Vec<u8>> =
            evidence(&workspace).iter().map(|path| fs::read(path).unwrap()).collect();
        assert!(kept.contains(&text.clone().into_bytes()), "{ending}: the file was changed");
        assert!(kept.contains(&bytes), "the {ending} is gone");
    }
}

/// A database that only has to be rolled back isn't damaged.
#[test]
fn a_program_that_died_while_writing_has_not_damaged_anything() {
    let (workspace, backup, then) = family("delete");
    let now = workspace.content();
    let hot = journals(&workspace).remove(0).1;
    fs::write(beside(&workspace, "-journal"), hot).unwrap();
    restore(&workspace, &backup).expect(0);
    assert_eq!(workspace.content(), then);
    assert_eq!(evidence(&workspace), Vec::<PathBuf>::new());
    let kept = workspace.last_receipt()["backup"]["file"].as_str().unwrap().to_owned();
    assert_eq!(workspace.backup_content(kept.as_ref()), now);
}

/// Who could not read the database before can't read it afterwards.
#[test]
fn a_restored_database_is_as_private_as_it_was() {
    let (template, taken, _) = family("delete");
    for (name, damage) in DAMAGES.iter().filter(|(name, _)| *name != "gone") {
        let workspace = template.copy();
        let backup = same_file(&workspace, &taken);
        fs::set_permissions(workspace.database(), fs::Permissions::from_mode(0o600)).unwrap();
        damage(&workspace.database());
        restore(&workspace, &backup).expect(0);
        let mode = fs::metadata(workspace.database()).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{name}: {mode:o}");
    }
}

/// The files of the receipts are a copy: what doesn't fit the chain isn't taken.
#[test]
fn only_receipts_that_fit_are_taken_from_the_files() {
    let (workspace, backup, then) = family("delete");
    let before = workspace.receipts();
    let directory = workspace.path().join("var/receipts/dev");
    let mut files: Vec<PathBuf> =
        fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    fs::write(&files[3], fs::read_to_string(&files[3]).unwrap().replace("2", "3")).unwrap();
    fs::write(directory.join("000003-garbage.json"), "{}").unwrap();
    fs::remove_file(workspace.database()).unwrap();
    restore(&workspace, &backup).expect(0);
    assert_eq!(workspace.content(), then);
    let receipts = workspace.receipts();
    assert_eq!(receipts[..3], before[..3]);
    assert_eq!(receipts.len(), 4);
}
