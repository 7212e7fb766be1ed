//! Migrations that are wrong: refused with the file named, and nothing touched.

use std::fs;
use std::path::Path;

use crate::conformance::bench::{Bench, Engine};
use crate::support::Ran;

const ITEM: &str = "CREATE TABLE item (id integer PRIMARY KEY, name text);\n";

/// A database at version 01, and a second migration that is good.
fn bench() -> Bench {
    let bench = Bench::new(Engine::Postgres);
    bench.step("01_item", ITEM, "DROP TABLE item;\n");
    bench.gated(&["migrate"]).expect(0);
    bench.step("02_more", "CREATE TABLE more (id integer);\n", "DROP TABLE more;\n");
    bench
}

/// What is done to the second migration's directory.
type Break = fn(&Path);

/// Each is refused by `lint` and `migrate` with the rule and the file named, and the database
/// and the backups are as they were.
fn each_is_refused(cases: &[(&str, Break)]) {
    let bench = bench();
    let second = bench.path().join("migrations/postgres/02_more");
    let (seen, backups) = (bench.seen(), bench.backup_files());
    for (rule, break_it) in cases {
        let _ = fs::remove_dir_all(&second);
        bench.step("02_more", "CREATE TABLE more (id integer);\n", "DROP TABLE more;\n");
        break_it(&second);
        for command in ["lint", "migrate"] {
            let ran = bench.gated(&[command]).expect(1);
            let said = format!("{}{}", ran.stdout, ran.stderr);
            assert!(said.contains(&format!("[{rule}]")), "{command}: {rule}: {said}");
            assert!(said.contains("02_more"), "{command}: {rule}: {said}");
        }
    }
    assert_eq!(bench.seen(), seen);
    assert_eq!(bench.backup_files(), backups);
    // And the good one passes.
    let _ = fs::remove_dir_all(&second);
    bench.step("02_more", "CREATE TABLE more (id integer);\n", "DROP TABLE more;\n");
    bench.gated(&["migrate"]).expect(0);
}

/// The same for texts of up.sql.
fn each_text_is_refused(cases: &[(&str, &str)]) {
    let bench = bench();
    let (seen, backups) = (bench.seen(), bench.backup_files());
    for (rule, sql) in cases {
        bench.step("02_more", sql, "SELECT 1;\n");
        for command in ["lint", "migrate"] {
            let ran = bench.gated(&[command]).expect(1);
            let said = format!("{}{}", ran.stdout, ran.stderr);
            assert!(said.contains(&format!("[{rule}]")), "{command}: {sql}: {said}");
            assert!(said.contains("02_more/up.sql"), "{command}: {sql}: {said}");
        }
    }
    assert_eq!(bench.seen(), seen);
    assert_eq!(bench.backup_files(), backups);
}

/// A run that is refused with words, and has touched nothing.
fn is_refused(bench: &Bench, words: &[&str]) -> Ran {
    let (seen, backups) = (bench.seen(), bench.backup_files());
    let ran = bench.gated(&["migrate"]).expect(1);
    for word in words {
        assert!(format!("{}{}", ran.stdout, ran.stderr).contains(word), "{word}: {}", ran.stderr);
    }
    assert_eq!(bench.seen(), seen);
    assert_eq!(bench.backup_files(), backups);
    ran
}

#[test]
fn b20_a_file_that_holds_no_sql_is_refused() {
    each_is_refused(&[
        ("empty-up", |at| fs::write(at.join("up.sql"), "").unwrap()),
        ("empty-up", |at| fs::write(at.join("up.sql"), "-- nothing\n/* at all */").unwrap()),
        ("nul-byte", |at| fs::write(at.join("up.sql"), b"SELECT 1;\0").unwrap()),
        ("invalid-utf8", |at| fs::write(at.join("up.sql"), b"SELECT '\xff';").unwrap()),
        ("byte-order-mark", |at| fs::write(at.join("up.sql"), "\u{feff}SELECT 1;").unwrap()),
        ("file-too-large", |at| {
            fs::File::create(at.join("up.sql")).unwrap().set_len(200 << 20).unwrap();
        }),
    ]);
}

#[test]
fn b21_metadata_that_says_nothing_or_something_else_is_refused() {
    each_is_refused(&[
        ("metadata-key-missing", |at| fs::write(at.join("metadata.toml"), "").unwrap()),
        ("metadata-unknown-key", |at| {
            fs::write(at.join("metadata.toml"), "run_in_transacton = false\n").unwrap();
        }),
        ("metadata-malformed", |at| {
            fs::write(at.join("metadata.toml"), "run_in_transaction = maybe\n").unwrap();
        }),
        ("metadata-malformed", |at| {
            fs::write(at.join("metadata.toml"), "run_in_transaction = \"false\"\n").unwrap();
        }),
    ]);
}

#[test]
fn b22_two_migrations_of_one_version_are_refused() {
    let bench = bench();
    bench.step("02_twin", "SELECT 1;\n", "SELECT 1;\n");
    is_refused(&bench, &["[duplicate-version]", "02_twin"]);
}

#[test]
fn b23_a_version_that_is_older_than_the_newest_applied_is_refused() {
    let bench = bench();
    bench.step("00_late", "CREATE TABLE late (id integer);\n", "DROP TABLE late;\n");
    is_refused(&bench, &["00_late"]);
}

#[test]
fn b24_an_applied_migration_that_is_gone_is_named() {
    let bench = bench();
    fs::remove_dir_all(bench.path().join("migrations/postgres/01_item")).unwrap();
    is_refused(&bench, &["01"]);
}

#[test]
fn b25_an_applied_migration_that_was_edited_is_named() {
    let bench = bench();
    bench.step("01_item", "CREATE TABLE item (id bigint PRIMARY KEY);\n", "DROP TABLE item;\n");
    is_refused(&bench, &["01_item", "redo"]);
}

#[test]
fn b26_transaction_control_is_refused_and_only_the_real_one() {
    each_text_is_refused(&[
        ("transaction-control", "BEGIN;\nCREATE TABLE more (id integer);\nCOMMIT;\n"),
        ("transaction-control", "CREATE TABLE more (id integer);\nROLLBACK;\n"),
        ("transaction-control", "SAVEPOINT s;\nCREATE TABLE more (id integer);\n"),
        ("transaction-control", "CREATE TABLE more (id integer);\nEND;\n"),
        ("transaction-control", "START TRANSACTION;\nSELECT 1;\n"),
        ("transaction-control", "CREATE TABLE more (id integer);\nABORT;\n"),
    ]);
    let bench = bench();
    bench.step(
        "02_more",
        "-- BEGIN; COMMIT;\n/* ROLLBACK; /* SAVEPOINT s; */ */\n\
         CREATE TABLE more (id integer, \"COMMIT;\" text DEFAULT 'ROLLBACK;');\n\
         CREATE FUNCTION f() RETURNS integer LANGUAGE plpgsql AS $f$ BEGIN RETURN 1; END; $f$;\n\
         DO $$ BEGIN PERFORM f(); END $$;\n",
        "DROP FUNCTION f();\nDROP TABLE more;\n",
    );
    bench.gated(&["migrate"]).expect(0);
    assert_eq!(bench.versions(), ["01", "02"]);
}

#[test]
fn b27_what_throws_rows_away_or_stumbles_over_them_needs_a_reason() {
    let cases = [
        ("data-loss", "DROP TABLE item;"),
        ("data-loss", "TRUNCATE item;"),
        ("data-loss", "DELETE FROM item;"),
        ("data-loss", "ALTER TABLE item DROP COLUMN name;"),
        ("set-not-null", "ALTER TABLE item ALTER COLUMN name SET NOT NULL;"),
        ("set-not-null", "ALTER TABLE item ADD COLUMN more integer NOT NULL;"),
    ];
    each_text_is_refused(&cases);
    for (rule, sql) in [cases[1], cases[4]] {
        let bench = bench();
        let allowed = format!("-- portcullis: allow({rule}): nobody uses it any more\n{sql}\n");
        bench.step("02_more", &allowed, "SELECT 1;\n");
        bench.gated(&["migrate"]).expect(0);
        // Whoever reads the record reads the reason.
        let receipt = bench.receipt().to_string();
        assert!(receipt.contains("nobody uses it any more"), "{receipt}");
    }
}

#[test]
fn b28_an_index_that_is_made_beside_others_is_alone() {
    let index = "CREATE INDEX CONCURRENTLY item_name ON item (name);\n";
    each_text_is_refused(&[("not-in-transaction", index)]);
    let bench = bench();
    let two = format!("{index}CREATE INDEX CONCURRENTLY item_both ON item (name, id);\n");
    bench.step_alone("02_more", &two, "DROP INDEX CONCURRENTLY item_name;\n");
    is_refused(&bench, &["[several-statements-outside-transaction]", "02_more/up.sql"]);
}

#[test]
fn b29_what_leaves_the_database_is_refused() {
    each_text_is_refused(&[
        ("outside-database", "CREATE ROLE other;\n"),
        ("outside-database", "ALTER USER migrator SUPERUSER;\n"),
        ("outside-database", "CREATE DATABASE other;\n"),
        ("outside-database", "DROP DATABASE postgres;\n"),
        ("outside-database", "CREATE TABLESPACE other LOCATION '/x';\n"),
        ("outside-database", "ALTER SYSTEM SET fsync = off;\n"),
        ("outside-database", "LOAD 'x';\n"),
        ("outside-database", "COPY item TO PROGRAM 'x';\n"),
        ("outside-database", "COPY item FROM STDIN;\n"),
        ("outside-database", "COPY item FROM '/etc/passwd';\n"),
    ]);
}

/// What was read and linted at the beginning is what runs: the file isn't read again.
#[test]
fn b30_a_file_that_changes_meanwhile_changes_nothing() {
    let bench = bench();
    bench.step(
        "02_more",
        "SELECT pg_sleep(3);\nCREATE TABLE more (id integer);\n",
        "DROP TABLE more;\n",
    );
    bench.step("03_last", "CREATE TABLE good (id integer);\n", "DROP TABLE good;\n");
    let gate = bench.gate(&["migrate"]).spawn().unwrap();
    while bench.one("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(3)%' AND datname = current_database() AND pid <> pg_backend_pid()") == "0" {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    bench.step("03_last", "CREATE TABLE bad (id integer);\n", "DROP TABLE bad;\n");
    Ran::of(&gate.wait_with_output().unwrap()).expect(0);
    assert_eq!(bench.one("SELECT to_regclass('good'), to_regclass('bad')"), "good|");
    // The record has the fingerprint of what ran: the next run sees the edit.
    is_refused(&bench, &["03_last"]);
}

#[test]
fn b31_what_isnt_a_plain_file_or_directory_is_refused() {
    use std::os::unix::fs::symlink;
    each_is_refused(&[
        ("symlink", |at| {
            fs::remove_file(at.join("up.sql")).unwrap();
            fs::create_dir(at.join("up.sql")).unwrap();
        }),
        ("symlink", |at| {
            fs::rename(at.join("up.sql"), at.join("real.sql")).unwrap();
            symlink("real.sql", at.join("up.sql")).unwrap();
        }),
        ("symlink", |at| {
            let real = at.with_file_name("../../02_elsewhere");
            let _ = fs::remove_dir_all(&real);
            fs::rename(at, &real).unwrap();
            symlink(&real, at).unwrap();
        }),
    ]);
}
