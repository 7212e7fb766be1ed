//! What isn't tried, and why: as a restore says it.

use std::fs;

use super::{bench, newest, try_it};
use crate::conformance::bench::{Bench, Engine};

#[test]
fn what_a_restore_refuses_is_not_tried() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let bench = bench(engine);
        let (backup, _) = newest(&bench);
        let sidecar = format!("{backup}.json");
        let said = fs::read_to_string(&sidecar).unwrap();
        let identity =
            serde_json::from_str::<serde_json::Value>(&said).unwrap()["identity"].clone();
        let other = said.replace(identity.as_str().unwrap(), &uuid('0'));
        let unknown = said.replace("\"target\": \"dev\"", "\"target\": \"other\"");
        let unknown = unknown.replace("\"target\":\"dev\"", "\"target\":\"other\"");
        for (text, told) in [
            (&other, "it was taken from the database 00000000-"),
            (&unknown, "portcullis.toml has none of this name"),
            (&"{}".to_owned(), "it can't be read"),
        ] {
            fs::write(&sidecar, text).unwrap();
            let ran = both(&bench, &["test-migration", "--from", &backup], 1);
            assert!(ran.contains(told), "{told}: {ran}");
        }
        fs::write(&sidecar, &said).unwrap();
        let inner = match engine {
            Engine::Sqlite => backup.clone(),
            Engine::Postgres => format!("{backup}/toc.dat"),
        };
        let whole = fs::read(&inner).unwrap();
        let mut bytes = whole.clone();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&inner, &bytes).unwrap();
        let ran = both(&bench, &["test-migration", "--from", &backup], 1);
        assert!(ran.contains("SHA-256 differs"), "{ran}");
        fs::write(&inner, whole).unwrap();
        fs::remove_file(&sidecar).unwrap();
        let ran = both(&bench, &["test-migration", "--from", &backup], 1);
        assert!(ran.contains("nothing says what the backup should be"), "{ran}");
    }
}

/// Stops in both formats, for the same reason as a restore where there is one.
#[track_caller]
fn both(bench: &Bench, arguments: &[&str], code: i32) -> String {
    let json = [arguments, &["--format", "json"]].concat();
    assert_eq!(bench.gated(&json).expect(code).json()["code"], code);
    let ran = bench.gated(arguments).expect(code);
    assert!(ran.stderr.contains("error: couldn't "), "{}", ran.stderr);
    ran.stderr
}

fn uuid(digit: char) -> String {
    [8, 4, 4, 4, 12].map(|length| digit.to_string().repeat(length)).join("-")
}

#[test]
fn a_name_that_nothing_has_and_flags_that_do_not_go_with_it() {
    let bench = bench(Engine::Sqlite);
    let ran = both(&Bench::new(Engine::Sqlite), &["test-migration", "--from", "dev"], 1);
    assert!(ran.contains("cargo xtask backup --target dev"), "{ran}");
    let ran = both(&bench, &["test-migration", "--from", "nowhere.db"], 1);
    assert!(ran.contains("there is no such file, here or in "), "{ran}");
    let (backup, _) = newest(&bench);
    for more in [
        &["add_nickname"][..],
        &["--all"],
        &["--new"],
        &["--messy"],
        &["--override"],
        &["--engine", "sqlite"],
        &["--rows", "7"],
    ] {
        let arguments = [&["test-migration", "--from", &backup][..], more].concat();
        let ran = bench.gated(&arguments).expect(2);
        assert!(ran.stderr.contains("cannot be used with"), "{}", ran.stderr);
    }
}

#[test]
fn a_history_that_migrate_refuses_is_refused() {
    let bench = bench(Engine::Sqlite);
    bench.step("02_last", "CREATE TABLE more (id integer);\n", "DROP TABLE more;\n");
    let name = newest(&bench).0;
    let name = std::path::Path::new(&name).file_name().unwrap().to_str().unwrap();
    bench.gated(&["test-migration", "--from", name]).expect(0);
    let up = bench.path().join("migrations/sqlite/01_before/up.sql");
    let whole = fs::read_to_string(&up).unwrap();
    fs::write(&up, format!("{whole}\nCREATE TABLE late (id integer);\n")).unwrap();
    let ran = both(&bench, &["test-migration", "--from", name], 1);
    assert!(ran.contains("couldn't plan"), "{ran}");
    fs::write(&up, whole).unwrap();
    bench.step("00_early", "CREATE TABLE early (id integer);\n", "DROP TABLE early;\n");
    let ran = both(&bench, &["test-migration", "--from", name], 1);
    assert!(ran.contains("couldn't plan"), "{ran}");
    fs::remove_dir_all(bench.path().join("migrations/sqlite/00_early")).unwrap();
    try_it(&bench, 0);
}

#[test]
fn a_backup_that_a_command_took_is_not_tried() {
    let bench = bench(Engine::Postgres);
    bench.configure_with(
        "backup = { kind = \"command\", command = [\"echo\", \"taken\"], verify = [\"true\"] }\n",
    );
    bench.gated(&["backup"]).expect(0);
    let ran = both(&bench, &["test-migration", "--from", "dev"], 1);
    assert!(ran.contains("a command of yours took it"), "{ran}");
}
