//! Backups on another disk, every byte of them read, and one tried out: on both engines.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::conformance::bench::{Bench, Engine};

const BOTH: [Engine; 2] = [Engine::Sqlite, Engine::Postgres];

/// A database with rows, and another disk.
fn bench(engine: Engine) -> (Bench, PathBuf) {
    let bench = Bench::new(engine);
    bench.step(
        "01_item",
        "CREATE TABLE item (id integer PRIMARY KEY, name text);\n\
         INSERT INTO item VALUES (1, 'a'), (2, 'b'), (3, NULL);\n",
        "DROP TABLE item;\n",
    );
    bench.gated(&["migrate"]).expect(0);
    let disk = bench.path().join("disk");
    fs::create_dir(&disk).unwrap();
    fs::set_permissions(&disk, fs::Permissions::from_mode(0o700)).unwrap();
    (bench, disk)
}

/// The one backup there.
fn only(bench: &Bench, disk: &Path) -> PathBuf {
    let list = ["backup", "list", "--in", disk.to_str().unwrap(), "--format", "json"];
    let listed = bench.gated(&list).expect(0).json();
    let backups = listed["backups"].as_array().unwrap();
    assert_eq!(backups.len(), 1, "{listed:#}");
    PathBuf::from(backups[0]["file"].as_str().unwrap())
}

/// Changes a byte in the middle of a backup's largest file.
fn spoil(backup: &Path) {
    let file = if backup.is_dir() {
        let files = fs::read_dir(backup).unwrap().map(|entry| entry.unwrap().path());
        files.max_by_key(|file| fs::metadata(file).unwrap().len()).unwrap()
    } else {
        backup.to_owned()
    };
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    fs::write(file, bytes).unwrap();
}

#[test]
fn a_backup_goes_to_another_disk_and_comes_back_from_there() {
    for engine in BOTH {
        let (bench, disk) = bench(engine);
        let before = bench.backup_files();
        bench.gated(&["backup", "--to", disk.to_str().unwrap()]).expect(0);
        assert_eq!(bench.backup_files(), before, "none of it is where the others are");
        let backup = only(&bench, &disk);
        assert!(backup.starts_with(&disk), "{}", backup.display());
        let seen = bench.seen();
        let tried = ["backup", "drill", "--in", disk.to_str().unwrap(), "--format", "json"];
        let drilled = bench.gated(&tried).expect(0).json();
        assert_eq!((&drilled["tables"], &drilled["rows"]), (&1.into(), &3.into()), "{drilled:#}");
        assert_eq!(bench.seen(), seen, "a drill touches nothing");
        bench.beside("DELETE FROM item");
        bench.gated(&["restore", backup.to_str().unwrap()]).expect(0);
        assert_eq!(bench.one("SELECT count(*) FROM item"), "3");
    }
}

#[test]
fn every_byte_of_every_backup_is_read() {
    for engine in BOTH {
        let (bench, disk) = bench(engine);
        let there = disk.to_str().unwrap();
        for _ in 0..2 {
            bench.gated(&["backup", "--to", there]).expect(0);
        }
        let verify = ["backup", "verify", "--in", there];
        assert!(bench.gated(&verify).expect(0).stdout.contains("2 backups of dev"));
        let list = bench.gated(&["backup", "list", "--in", there, "--format", "json"]).json();
        spoil(Path::new(list["backups"][1]["file"].as_str().unwrap()));
        let ran = bench.gated(&verify).expect(1);
        assert_eq!(ran.stdout.matches(": BAD: ").count(), 1, "{}", ran.stdout);
        assert_eq!(ran.stdout.matches(": good").count(), 1, "{}", ran.stdout);
        // The newest is the bad one.
        let ran = bench.gated(&["backup", "drill", "--in", there]).expect(1);
        assert!(
            ran.stderr.contains("its bytes are not those that were backed up"),
            "{}",
            ran.stderr
        );
        let good = list["backups"][0]["file"].as_str().unwrap();
        bench.gated(&["backup", "drill", good]).expect(0);
    }
}

#[test]
fn what_comes_back_is_compared_with_what_was_backed_up() {
    for engine in BOTH {
        let (bench, disk) = bench(engine);
        bench.gated(&["backup", "--to", disk.to_str().unwrap()]).expect(0);
        let backup = only(&bench, &disk);
        let sidecar = PathBuf::from(format!("{}.json", backup.display()));
        let text = fs::read_to_string(&sidecar).unwrap();
        let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
        match engine {
            Engine::Sqlite => json["applied"] = serde_json::json!(["01", "02"]),
            Engine::Postgres => json["dump"]["rows"]["item"] = 4.into(),
        }
        fs::write(&sidecar, json.to_string()).unwrap();
        let ran = bench.gated(&["backup", "drill", "--in", disk.to_str().unwrap()]).expect(1);
        let said = match engine {
            Engine::Sqlite => "its applied versions aren't those",
            Engine::Postgres => "item has 3 rows and had 4",
        };
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
    }
}

#[test]
fn a_disk_that_is_not_mounted_is_not_made() {
    let (bench, disk) = bench(Engine::Sqlite);
    fs::remove_dir(&disk).unwrap();
    let ran = bench.gated(&["backup", "--to", disk.to_str().unwrap()]).expect(1);
    assert!(ran.stderr.contains("there is no such directory"), "{}", ran.stderr);
    assert!(!disk.exists());
    let drill = ["backup", "drill", "--in", disk.to_str().unwrap()];
    assert!(bench.gated(&drill).expect(1).stderr.contains("take one"));
}
