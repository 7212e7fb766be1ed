//! A database whose own code wants more than the database: a trial restore runs it, and it
//! gets nothing of the machine.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use portcullis_cluster::Cache;
use tempfile::TempDir;

use super::place::Place;
use crate::VerifiedBackup;

/// A directory that whoever runs the server may write to.
fn open_directory() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
    directory
}

/// Lets a role that owns the database, and is nothing more, be the one that migrates.
fn as_an_owner(place: &mut Place) {
    place.server = place.helper("");
    let owner = &place.server.user;
    place
        .conn
        .run(&format!("ALTER DATABASE app OWNER TO {owner}; ALTER SCHEMA public OWNER TO {owner}"))
        .unwrap();
    place.conn = crate::postgres::test_server::application(&place.server);
}

/// A function that starts a program wherever it isn't at home; loud, or as if nothing were.
/// The one that an index takes only says that it changes nothing.
fn program(mark: &TempDir, quiet: bool) -> String {
    let touch = mark.path().join("mark");
    let handler = if quiet { "EXCEPTION WHEN OTHERS THEN NULL;" } else { "" };
    format!(
        "CREATE FUNCTION p() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
             IF pg_catalog.current_database() <> 'app' THEN
                 COPY (SELECT 1) TO PROGRAM 'touch {}';
             END IF;
         {handler} END $$;
         CREATE FUNCTION f(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
             PERFORM public.p(); RETURN n;
         END $$;
         CREATE TABLE t (n int); INSERT INTO t VALUES (1), (2);",
        touch.display()
    )
}

const WAYS: [&str; 4] = [
    "CREATE INDEX i ON t (f(n))",
    "CREATE MATERIALIZED VIEW m AS SELECT f(n) FROM t",
    "ALTER TABLE t ADD CHECK (f(n) > 0)",
    "ALTER TABLE t ADD g int GENERATED ALWAYS AS (f(n)) STORED",
];

fn names(directory: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(directory.path()).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn a_program_that_the_database_starts_at_a_restore_does_not_start() {
    let mark = open_directory();
    let mut place = Place::empty(Cache::Usual);
    as_an_owner(&mut place);
    place.conn.run(&program(&mark, true)).unwrap();
    for way in WAYS {
        place.conn.run(way).unwrap();
    }
    let backup = place.back_up("quiet.pgdump").unwrap();
    assert!(verified(&backup).contains("restored into a throwaway server"));
    assert_eq!(names(&mark), Vec::<String>::new());

    place.conn.run("DROP TABLE t CASCADE; DROP FUNCTION f, p").unwrap();
    place.conn.run(&program(&mark, false)).unwrap();
    place.conn.run(WAYS[0]).unwrap();
    let error = place.back_up("loud.pgdump").unwrap_err();
    assert!(error.cause.contains("COPY to or from an external program"), "{error}");
    assert_eq!(names(&mark), Vec::<String>::new());
}

#[test]
fn what_a_superuser_owns_has_no_superuser_behind_it() {
    let mark = open_directory();
    let mut place = Place::empty(Cache::Usual);
    // The role that the throwaway server would be made with, and another superuser.
    place.conn.run("CREATE ROLE boss SUPERUSER; CREATE ROLE clerk; CREATE SCHEMA clerk AUTHORIZATION clerk").unwrap();
    place.conn.run(&program(&mark, true)).unwrap();
    place
        .conn
        .run(
            "ALTER FUNCTION f(int) SECURITY DEFINER; ALTER FUNCTION p() SECURITY DEFINER;
             CREATE FUNCTION g(n int) RETURNS int LANGUAGE sql IMMUTABLE SECURITY DEFINER AS 'SELECT public.f(n)';
             ALTER FUNCTION g(int) OWNER TO boss;
             CREATE TABLE clerk.u (n int); INSERT INTO clerk.u VALUES (1); ALTER TABLE clerk.u OWNER TO clerk;
             CREATE MATERIALIZED VIEW m AS SELECT public.f(n), public.g(n) FROM clerk.u;
             CREATE MATERIALIZED VIEW b AS SELECT public.g(n) FROM clerk.u; ALTER MATERIALIZED VIEW b OWNER TO boss;
             CREATE INDEX i ON clerk.u (public.g(n))",
        )
        .unwrap();
    let backup = place.back_up("one.pgdump").unwrap();
    assert!(
        verified(&backup).contains("2 tables, 3 rows, schema as dumped"),
        "{}",
        verified(&backup)
    );
    assert_eq!(names(&mark), Vec::<String>::new());
}

fn verified(backup: &VerifiedBackup) -> String {
    backup.sidecar().verified.join("\n")
}
