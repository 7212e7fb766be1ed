//! What a trial restore does without, as no superuser does it: it is told.

use portcullis_cluster::Cache;

use super::place::Place;
use crate::{ErrorKind, VerifiedBackup};

fn verified(backup: &VerifiedBackup) -> String {
    backup.sidecar().verified.join("\n")
}

#[test]
fn what_only_a_superuser_makes_is_made_beforehand_or_left_out_and_told() {
    let mut place = Place::empty(Cache::Usual);
    place.conn.run("
        CREATE ROLE clerk; CREATE ROLE \"cl erk\"; CREATE SCHEMA \"my ext\"; CREATE SCHEMA \"my\" AUTHORIZATION clerk;
        CREATE EXTENSION citext SCHEMA \"my ext\"; CREATE EXTENSION pg_stat_statements; CREATE EXTENSION postgres_fdw;
        CREATE EXTENSION pgcrypto SCHEMA \"my\"; COMMENT ON EXTENSION citext IS 'ours';
        GRANT SELECT ON pg_stat_statements TO clerk; GRANT EXECUTE ON FUNCTION pg_read_file(text) TO clerk;
        COMMENT ON SCHEMA public IS 'ours'; GRANT USAGE ON SCHEMA \"my\" TO \"cl erk\";
        CREATE TABLE \"my\".t (n \"my ext\".citext PRIMARY KEY); INSERT INTO \"my\".t VALUES ('a');
        ALTER TABLE \"my\".t OWNER TO \"cl erk\"; ALTER TABLE \"my\".t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
        CREATE POLICY \"only\" ON \"my\".t TO clerk USING (n = 'b'); CREATE TYPE span AS RANGE (subtype = int);
        CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'db.example.com'); ALTER SERVER far OWNER TO clerk;
        CREATE USER MAPPING FOR clerk SERVER far OPTIONS (user 'u', password 'p');
        CREATE FOREIGN TABLE there (n int) SERVER far; ALTER FOREIGN TABLE there OWNER TO clerk;
        CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;
        CREATE EVENT TRIGGER mine ON ddl_command_start EXECUTE FUNCTION e(); COMMENT ON EVENT TRIGGER mine IS 'x';
        CREATE PUBLICATION everything FOR ALL TABLES; CREATE PUBLICATION one FOR TABLE \"my\".t;
        SELECT lo_create(7); ALTER LARGE OBJECT 7 OWNER TO clerk").unwrap();
    let said = verified(&place.back_up("one.pgdump").unwrap());
    let expected = "1 table, 1 row, schema as dumped, without 1 event trigger, 2 publications, \
                    1 grant on what is the server's own";
    assert!(said.contains(expected), "{said}");

    // A right that was passed on is one that only its giver, or a superuser, gives again.
    place.conn.run("CREATE TABLE u (n int); GRANT SELECT ON u TO clerk WITH GRANT OPTION; SET ROLE clerk; GRANT SELECT ON u TO \"cl erk\"; RESET ROLE").unwrap();
    let said = verified(&place.back_up("two.pgdump").unwrap());
    assert!(said.contains("2 publications, grants, as some were passed on"), "{said}");
}

#[test]
fn what_others_depend_on_and_only_a_superuser_makes_leaves_the_dump_to_be_read() {
    let mut place = Place::empty(Cache::Usual);
    place.conn.run("CREATE TABLE t (n int)").unwrap();
    for (number, (sql, why)) in [
        (
            "CREATE FUNCTION c() RETURNS int LANGUAGE internal AS 'pg_backend_pid'",
            "only a superuser may make the function c, and a trial restore has none",
        ),
        (
            "CREATE FUNCTION s() RETURNS int LANGUAGE sql SET log_statement = 'all' AS 'SELECT 1'; DROP FUNCTION c",
            "only a superuser may make the function s",
        ),
        (
            "CREATE OPERATOR FAMILY o USING btree; DROP FUNCTION s",
            "only a superuser may make the operator family o",
        ),
        (
            "CREATE EXTENSION dblink; DROP OPERATOR FAMILY o USING btree",
            "the extension dblink could give",
        ),
        ("CREATE EXTENSION file_fdw; DROP EXTENSION dblink", "the extension file_fdw could give"),
    ]
    .into_iter()
    .enumerate()
    {
        place.conn.run(sql).unwrap();
        let said = verified(&place.back_up(&format!("{number}.pgdump")).unwrap());
        assert!(said.contains(&format!("read whole, not restored: {why}")), "{said}");
    }
}

#[test]
fn a_role_that_reaches_beyond_the_databases_of_a_named_server_is_refused() {
    let mut place = Place::empty(Cache::Usual);
    place.conn.run("CREATE TABLE t (n int)").unwrap();
    let mut elsewhere = Place::empty(Cache::Off);
    for (rights, is) in [
        ("SUPERUSER", "is a superuser there"),
        ("CREATEDB IN ROLE pg_read_server_files", "is a member of pg_read_server_files there"),
        ("CREATEDB CREATEROLE", "may create roles there"),
        ("CREATEDB IN ROLE postgres", "is a superuser there"),
    ] {
        place.server.scratch = Some(Box::new(elsewhere.helper(rights)));
        let error = place.back_up("one.pgdump").unwrap_err();
        assert_eq!(error.kind, ErrorKind::Refused);
        assert!(error.cause.contains(is), "{error}");
        assert_eq!(place.names(), Vec::<String>::new());
    }
}

#[test]
fn policies_for_roles_that_a_named_server_lacks_are_left_out_and_told() {
    let mut place = Place::empty(Cache::Usual);
    let mut elsewhere = Place::empty(Cache::Off);
    place
        .conn
        .run(
            "CREATE ROLE clerk; CREATE TABLE t (n int); INSERT INTO t VALUES (1); CREATE EXTENSION citext;
             ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY \"for all\" ON t USING (true);
             CREATE POLICY few ON t TO clerk USING (n > 1); COMMENT ON POLICY few ON t IS 'x';
             COMMENT ON SCHEMA public IS 'ours'",
        )
        .unwrap();
    place.server.scratch = Some(Box::new(elsewhere.helper("CREATEDB")));
    let said = verified(&place.back_up("one.pgdump").unwrap());
    assert!(said.contains("as dumped, without 1 policy for roles that aren't there"), "{said}");
    let roles = elsewhere.conn.ask("SELECT FROM pg_roles WHERE rolname = 'clerk'").unwrap();
    assert!(roles.is_empty());

    place.conn.run("ALTER TABLE t FORCE ROW LEVEL SECURITY").unwrap();
    let said = verified(&place.back_up("two.pgdump").unwrap());
    assert!(
        said.contains("read whole, not restored: a table's policies hold for its owner"),
        "{said}"
    );
    place.server.scratch = Some(Box::new(elsewhere.helper("CREATEDB BYPASSRLS")));
    let said = verified(&place.back_up("three.pgdump").unwrap());
    assert!(said.contains("restored into a database of its own"), "{said}");
    place.conn.run("CREATE EXTENSION pg_stat_statements").unwrap();
    let said = verified(&place.back_up("four.pgdump").unwrap());
    assert!(
        said.contains("only a superuser may make the extension pg_stat_statements on"),
        "{said}"
    );
}

#[test]
fn what_a_killed_run_left_on_a_named_server_goes_at_the_next_trial() {
    let mut place = Place::empty(Cache::Usual);
    place.conn.run("CREATE TABLE t (n int)").unwrap();
    let mut elsewhere = Place::empty(Cache::Off);
    let helper = elsewhere.helper("CREATEDB");
    let mut live = crate::postgres::test_server::application(&helper);
    let ours = "COMMENT ON DATABASE portcullis_trial_";
    let says = "IS 'portcullis: a trial restore, gone when its run is'";
    // The first of these is alive; the third is somebody's who only calls it so.
    for digits in ["9a5e0001", "9a5e0002", "9a5e0003"] {
        live.run(&format!("CREATE DATABASE portcullis_trial_{digits}")).unwrap();
    }
    live.run(&format!("{ours}9a5e0001 {says}; {ours}9a5e0002 {says}")).unwrap();
    live.run("SELECT pg_advisory_lock(1886351988, x'9a5e0001'::int)").unwrap();
    place.server.scratch = Some(Box::new(helper));
    let mut left = |name: &str| {
        place.back_up(name).unwrap();
        let sql = "SELECT string_agg(datname, ' ' ORDER BY 1) FROM pg_database WHERE datname LIKE 'portcullis%'";
        elsewhere.conn.ask_one(sql).unwrap().remove(0).unwrap()
    };
    assert_eq!(left("one.pgdump"), "portcullis_trial_9a5e0001 portcullis_trial_9a5e0003");
    drop(live);
    let until = std::time::Instant::now() + std::time::Duration::from_secs(5);
    let mut number = 0;
    while left(&format!("{number}.pgdump")) != "portcullis_trial_9a5e0003" {
        assert!(std::time::Instant::now() < until, "the lock outlives its session");
        number += 1;
    }
}
