//! Backups through the program: rows C32–C40 of the fault matrix as somebody at a terminal
//! meets them. The other faults are injected in the database crate, which has a test named
//! for each row (`postgres/backup/tests/faults.rs`).

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::server::{self, MIGRATOR};
use crate::conformance::bench::{Bench, Engine};

fn bench() -> Bench {
    let bench = Bench::new(Engine::Postgres);
    bench.step("01_one", "CREATE TABLE one (id int PRIMARY KEY, note text);", "DROP TABLE one;");
    bench.gated(&["migrate"]).expect(0);
    bench.beside("INSERT INTO one SELECT i, 'n' || i FROM generate_series(1, 500) i");
    bench
}

/// Everything in the directory for backups.
fn names(bench: &Bench) -> Vec<String> {
    let entries = fs::read_dir(bench.path().join("var/backups/dev")).into_iter().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_backup_says_how_it_was_proved_and_where_it_will_be() {
    let bench = bench();
    bench.gated(&["backup"]).expect(0);
    let list = bench.gated(&["backup", "list", "--format", "json"]).expect(0).json();
    let newest = list["backups"].as_array().unwrap().last().unwrap()["sidecar"].clone();
    assert_eq!(newest["engine"], "postgres");
    assert_eq!(newest["dump"]["rows"]["one"], 500);
    let verified = newest["verified"].to_string();
    assert!(verified.contains("restored into a throwaway server"), "{verified}");
    assert!(verified.contains("snapshot"), "{verified}");
    bench.gated(&["backup", "list"]).expect(0);

    bench.step("02_two", "CREATE TABLE two (id int);", "DROP TABLE two;");
    let plan = bench.gated(&["migrate", "--plan"]).expect(0).stdout;
    assert!(plan.contains("proof: restored into a throwaway server of this machine"), "{plan}");
    bench.configure_with("restore-max = \"1B\"\n");
    let plan = bench.gated(&["migrate", "--plan"]).expect(0).stdout;
    assert!(
        plan.contains("proof: read whole, not restored: it is larger than restore-max"),
        "{plan}"
    );
}

#[test]
fn c35_a_pg_dump_that_is_older_than_the_server_stops_a_run_before_anything() {
    let bench = bench();
    bench.step("02_two", "CREATE TABLE two (id int);", "DROP TABLE two;");
    let fake = bench.path().join("bin");
    fs::create_dir(&fake).unwrap();
    for program in ["postgres", "initdb", "pg_ctl", "pg_restore", "psql"] {
        symlink(server::shared().binaries().program(program), fake.join(program)).unwrap();
    }
    let before = (bench.seen(), names(&bench));
    let with_fake = || {
        let output = bench.gate(&["migrate"]).env("PORTCULLIS_PG_BIN", &fake).output().unwrap();
        crate::support::Ran::of(&output)
    };
    let ran = with_fake();
    assert!(ran.stderr.contains("it holds no pg_dump"), "{}", ran.stderr);
    fs::write(fake.join("pg_dump"), "#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.24'\n").unwrap();
    fs::set_permissions(fake.join("pg_dump"), fs::Permissions::from_mode(0o755)).unwrap();
    let ran = with_fake();
    for word in ["version 9.6.24", "the server is ", "install PostgreSQL", "PORTCULLIS_PG_BIN"] {
        assert!(ran.stderr.contains(word), "{word:?} isn't in:\n{}", ran.stderr);
    }
    assert_eq!(ran.code, 3);
    assert_eq!((bench.seen(), names(&bench)), before);
}

#[test]
fn c39_a_table_that_the_role_cannot_read_stops_a_run_before_anything() {
    let bench = bench();
    bench.step("02_two", "CREATE TABLE two (id int);", "DROP TABLE two;");
    let theirs = "CREATE TABLE theirs (secret text)";
    server::ask(server::shared(), &bench.database, theirs);
    // It isn't drift that is at stake here.
    bench.gated(&["migrate", "--enrol", "--plan"]);
    let before = names(&bench);
    let ran = bench.gated(&["backup"]).expect(1);
    let expected = format!("the role {MIGRATOR} may not read public.theirs");
    assert!(ran.stderr.contains(&expected), "{}", ran.stderr);
    assert!(ran.stderr.contains("GRANT pg_read_all_data"), "{}", ran.stderr);
    assert_eq!(names(&bench), before);
}

#[test]
fn c36_a_backup_that_has_changed_is_not_restored() {
    let bench = bench();
    bench.gated(&["backup"]).expect(0);
    let backup = bench.backup_files().pop().unwrap();
    let seen = bench.seen();
    let file = std::path::Path::new(&backup).join("toc.dat");
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).unwrap();
    let ran = bench.gated(&["restore", &backup]).expect(1);
    assert!(ran.stderr.contains("SHA-256 differs"), "{}", ran.stderr);
    assert_eq!(bench.seen(), seen);
}

#[test]
fn a_backup_that_a_command_took_is_not_restored_here() {
    let bench = bench();
    let kind = "backup = { kind = \"command\", command = [\"sh\", \"-c\", \"echo taken of $PORTCULLIS_TARGET\"], verify = [\"echo\", \"well\"] }\n";
    bench.configure_with(kind);
    bench.step("02_two", "CREATE TABLE two (id int);", "DROP TABLE two;");
    let plan = bench.gated(&["migrate", "--plan"]).expect(0).stdout;
    assert!(plan.contains("proof: verified by your command"), "{plan}");
    bench.gated(&["migrate"]).expect(0);
    let backup = bench.backup_files().pop().unwrap();
    let said = fs::read_to_string(&backup).unwrap();
    assert!(said.contains("taken of dev") && said.contains("well"), "{said}");
    let ran = bench.gated(&["restore", &backup]).expect(1);
    assert!(ran.stderr.contains("it was taken by a command of yours"), "{}", ran.stderr);
    // One that fails halts the run.
    bench.configure_with(
        "backup = { kind = \"command\", command = [\"true\"], verify = [\"false\"] }\n",
    );
    bench.step("03_three", "CREATE TABLE three (id int);", "DROP TABLE three;");
    let before = (bench.seen(), names(&bench));
    let ran = bench.gated(&["migrate"]);
    assert!(ran.code != 0 && ran.stderr.contains("exit code 1"), "{}", ran.stderr);
    assert_eq!((bench.seen(), names(&bench)), before);
}
