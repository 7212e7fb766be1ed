//! What is found in PostgreSQL's language.

use super::*;

fn up(sql: &str) -> Vec<&'static str> {
    let files =
        [("migrations/1_a/up.sql", sql.as_bytes()), ("migrations/1_a/down.sql", b"SELECT 1;")];
    fired_in(&files, Dialect::Postgres).into_iter().map(|(rule, _)| rule).collect()
}

#[test]
fn what_loses_rows_blocks_or_leaves_the_database_is_found() {
    let cases: &[(&str, &[&str])] = &[
        ("DROP TABLE a;", &["data-loss"]),
        ("drop schema a cascade;", &["data-loss"]),
        ("ALTER TABLE a ADD b int, DROP COLUMN c;", &["data-loss"]),
        ("TRUNCATE a;", &["data-loss"]),
        ("DELETE FROM a;", &["data-loss"]),
        ("DELETE FROM a WHERE b = 1;", &[]),
        ("DROP INDEX a;", &[]),
        ("ALTER TABLE a ALTER b SET NOT NULL;", &["set-not-null"]),
        (
            "ALTER TABLE IF EXISTS ONLY s.a ALTER COLUMN b SET NOT NULL, ADD c int;",
            &["set-not-null"],
        ),
        ("ALTER TABLE a ALTER b SET DEFAULT 1, ADD CHECK (b IS NOT NULL) NOT VALID;", &[]),
        ("ALTER TABLE a ADD b int NOT NULL;", &["set-not-null"]),
        (
            "ALTER TABLE a ADD COLUMN b numeric(4, 2) NOT NULL, ADD c int DEFAULT 1;",
            &["set-not-null"],
        ),
        ("ALTER TABLE a ADD COLUMN b int NOT NULL DEFAULT 1;", &[]),
        ("ALTER TABLE a ADD COLUMN b int NOT NULL GENERATED ALWAYS AS IDENTITY;", &[]),
        ("ALTER TABLE a ADD COLUMN b bigserial NOT NULL;", &[]),
        ("ALTER TABLE a ADD CONSTRAINT b CHECK (c IS NOT NULL);", &[]),
        ("CREATE TABLE a (b int);\nALTER TABLE a ALTER b SET NOT NULL;", &[]),
        ("CREATE ROLE a;", &["outside-database"]),
        ("ALTER USER a PASSWORD 'b';", &["outside-database"]),
        ("CREATE USER MAPPING FOR a SERVER b;", &[]),
        ("CREATE DATABASE a;", &["outside-database", "not-in-transaction"]),
        ("DROP TABLESPACE a;", &["outside-database", "not-in-transaction"]),
        ("ALTER SYSTEM SET work_mem = '1GB';", &["outside-database", "not-in-transaction"]),
        ("CREATE SUBSCRIPTION a CONNECTION 'b' PUBLICATION c;", &["outside-database"]),
        ("LOAD 'a';", &["outside-database"]),
        ("COPY a TO PROGRAM 'b';", &["outside-database"]),
        ("COPY a FROM STDIN;", &["outside-database"]),
        ("COPY a FROM '/b';", &["outside-database"]),
        ("SELECT 'COPY a FROM STDIN';", &[]),
    ];
    for (sql, expected) in cases {
        assert_eq!(up(sql), *expected, "{sql}");
    }
}

/// Only what the server would run as one: not in a comment, a text, or the body of a function,
/// where `BEGIN` and `END` mean something else.
#[test]
fn only_real_transaction_control_is_found() {
    for word in [
        "BEGIN",
        "START TRANSACTION",
        "COMMIT",
        "END",
        "ROLLBACK",
        "SAVEPOINT a",
        "ABORT",
        "RELEASE a",
    ] {
        assert_eq!(up(&format!("SELECT 1;\n{word};")), ["transaction-control"], "{word}");
        for hidden in [
            format!("-- {word};\nSELECT 1;"),
            format!("/* /* {word}; */ {word}; */ SELECT 1;"),
            format!("SELECT '{word};';"),
            format!("SELECT E'\\'{word};';"),
            format!("SELECT $a$; {word}; $$ $a$;"),
            format!("SELECT \"{word};\" FROM a;"),
            "CREATE FUNCTION a() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END; $$;"
                .to_owned(),
            "CREATE FUNCTION a() RETURNS int BEGIN ATOMIC SELECT 1; END;".to_owned(),
            "DO $$ BEGIN NULL; END $$;".to_owned(),
        ] {
            assert_eq!(up(&hidden), [""; 0], "{hidden}");
        }
    }
}
