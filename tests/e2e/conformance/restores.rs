//! Putting a backup back.

use std::fs;
use std::path::{Path, PathBuf};

use super::bench::Bench;

fn migrated(bench: &Bench) {
    bench.step(
        "01_item",
        "CREATE TABLE item (id integer PRIMARY KEY, name text);\nINSERT INTO item VALUES (1, 'a');\n",
        "DROP TABLE item;\n",
    );
    bench.gated(&["migrate"]).expect(0);
}

pub(super) fn a_backup_is_put_back_and_the_record_goes_on(bench: &Bench) {
    migrated(bench);
    bench.gated(&["backup"]).expect(0);
    let (seen, backup) = (bench.seen(), bench.backup_files().pop().unwrap());
    bench.step("02_more", "CREATE TABLE more (id integer PRIMARY KEY);\n", "DROP TABLE more;\n");
    bench.gated(&["migrate"]).expect(0);
    bench.beside("INSERT INTO item VALUES (2, 'b')");
    let ran = bench.gated(&["restore", &backup, "--reason", "it was wrong"]).expect(0);
    assert_eq!(bench.seen(), seen, "{}", ran.stdout);
    let receipt = bench.receipt();
    assert_eq!(receipt["action"], "restore");
    assert_eq!(receipt["sequence"], 3);
    assert_eq!(receipt["outcome"]["code"], 0);
    bench.gated(&["migrate"]).expect(0);
    assert_eq!(bench.versions(), ["01", "02"]);
}

pub(super) fn a_changed_backup_is_refused(bench: &Bench) {
    migrated(bench);
    bench.gated(&["backup"]).expect(0);
    let backup = bench.backup_files().pop().unwrap();
    flip_a_bit(Path::new(&backup));
    let seen = bench.seen();
    let ran = bench.gated(&["restore", &backup]).expect(1);
    assert!(ran.stderr.contains("SHA-256"), "{}", ran.stderr);
    assert_eq!(bench.seen(), seen);
}

/// In the middle of the largest file.
fn flip_a_bit(backup: &Path) {
    let file = if backup.is_dir() {
        let mut files: Vec<PathBuf> =
            fs::read_dir(backup).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort_by_key(|file| file.metadata().unwrap().len());
        files.pop().unwrap()
    } else {
        backup.to_owned()
    };
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(file, bytes).unwrap();
}

pub(super) fn another_databases_backup_is_refused(bench: &Bench) {
    migrated(bench);
    let other = Bench::new(bench.engine);
    migrated(&other);
    other.gated(&["backup"]).expect(0);
    let backup = other.backup_files().pop().unwrap();
    let seen = bench.seen();
    let ran = bench.gated(&["restore", &backup]).expect(1);
    assert!(ran.stderr.contains("it was taken from the database"), "{}", ran.stderr);
    assert_eq!(bench.seen(), seen);
}
