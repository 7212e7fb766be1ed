//! What is known after something went wrong, on a real server.

use std::time::Duration;

use portcullis_model::config::Server;

use super::super::connect::{Purpose, connect};
use super::*;
use crate::postgres::test_server::{APP, server};

fn app() -> Conn {
    crate::postgres::test_server::application(&server(APP))
}

fn cell(conn: &mut Conn, sql: &str) -> String {
    conn.ask_one(sql).unwrap()[0].clone().unwrap()
}

#[test]
fn each_failure_says_what_the_server_said() {
    let mut conn = app();
    conn.run("CREATE TEMP TABLE t (id int PRIMARY KEY, note text)").unwrap();
    conn.run("INSERT INTO t VALUES (1, 'hunter2')").unwrap();
    for (sql, code) in [
        ("INSERT INTO t VALUES (2, 'x'); INSERT INTO t VALUES (1, 'hunter2')", "23505"),
        ("SELECT 1; SELECT nothing; SELECT 2", "42703"),
        ("SET LOCAL statement_timeout = 20; SELECT pg_sleep(5)", "57014"),
        ("SELEC", "42601"),
        ("SELECT 'hunter2'::date", "22007"),
        ("SELECT '2024-99-99'::date -- hunter2", "22008"),
        ("SELECT '{hunter2 \"x\" }, '::int[]", "22P02"),
        ("SELECT 'hunter2'::int", "22P02"),
        ("SELECT 1/0 FROM generate_series(1, 3)", "22012"),
    ] {
        let failure = conn.run(sql).unwrap_err();
        assert_eq!(failure.code.as_deref(), Some(code), "{sql}: {failure}");
        assert!(!failure.lost && !conn.is_lost());
        assert!(!failure.to_string().contains("hunter2"), "{failure}");
        assert_eq!(conn.status(), Status::Idle);
        assert_eq!(cell(&mut conn, "SELECT count(*) FROM t"), "1", "after {sql}");
    }
    assert!(conn.run("SELECT pg_sleep(0)").is_ok());
    assert_eq!(conn.last_failure(), None);
}

#[test]
fn the_status_is_the_servers() {
    let mut conn = app();
    assert_eq!(conn.status(), Status::Idle);
    conn.run("BEGIN").unwrap();
    assert_eq!(conn.status(), Status::InTransaction);
    for _ in 0..50 {
        conn.run("SAVEPOINT a").unwrap();
        conn.run("SELECT nothing").unwrap_err();
        assert_eq!(conn.status(), Status::Failed);
        conn.run("ROLLBACK TO SAVEPOINT a").unwrap();
        assert_eq!(conn.status(), Status::InTransaction);
    }
    conn.run("ROLLBACK").unwrap();
    assert_eq!(conn.status(), Status::Idle);
}

#[test]
fn rows_come_as_text_and_the_last_result_counts() {
    let mut conn = app();
    let rows = conn.ask("SELECT 9; SELECT i, NULL, '', 'ü' FROM generate_series(1, 2) i").unwrap();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(rows, [1, 2].map(|i| vec![text(&i.to_string()), None, text(""), text("ü")]));
    assert_eq!(conn.ask("SELECT 1 WHERE false").unwrap(), Vec::<Row>::new());
    assert_eq!(conn.ask("").unwrap(), Vec::<Row>::new());
    assert!(conn.ask_one("SELECT 1 WHERE false").unwrap_err().message.contains("no row"));
    assert!(conn.ask_one("VALUES (1), (2)").unwrap_err().message.contains("2 rows"));
    let large = cell(&mut conn, "SELECT repeat('x', 3000000)");
    assert_eq!(large.len(), 3_000_000);
    for text in ["it's", "a\\b", "\"", "$$", "ü\n"] {
        assert_eq!(cell(&mut conn, &format!("SELECT{}", literal(text))), text);
        let sql = format!("SELECT x.{0} FROM (SELECT 'found' AS {0}) x", name(text));
        assert_eq!(cell(&mut conn, &sql), "found");
    }
}

#[test]
fn a_lock_is_waited_for_as_long_as_the_target_says() {
    let mut first = app();
    first.run("DROP TABLE IF EXISTS held; CREATE TABLE held (id int)").unwrap();
    first.run("BEGIN; LOCK TABLE held").unwrap();
    let target = Server { lock_timeout: Duration::from_millis(50), ..server(APP) };
    let mut second = connect(&target, Purpose::Change).unwrap();
    let failure = second.run("SELECT * FROM public.held").unwrap_err();
    assert!(failure.is_lock_timeout(), "{failure}");
    // RESET ALL goes back to what the target says, not to what the role has.
    second.run("SET lock_timeout = 0; RESET ALL").unwrap();
    assert_eq!(cell(&mut second, "SHOW lock_timeout"), "50ms");
    assert_eq!(cell(&mut second, "SHOW TimeZone"), "UTC");
    second.settle().unwrap();
    assert_eq!(cell(&mut second, "SHOW search_path"), "pg_catalog");
    assert_eq!(cell(&mut second, "SHOW client_connection_check_interval"), "1s");
}

#[test]
fn a_deadlock_is_told_from_other_errors() {
    let mut first = app();
    first
        .run("DROP TABLE IF EXISTS a, b; CREATE TABLE a (id int); CREATE TABLE b (id int)")
        .unwrap();
    let mut second =
        connect(&Server { lock_timeout: Duration::from_secs(20), ..server(APP) }, Purpose::Change)
            .unwrap();
    first.run("SET lock_timeout = '20s'; BEGIN; LOCK TABLE a").unwrap();
    second.run("BEGIN; LOCK TABLE public.b").unwrap();
    let other = std::thread::spawn(move || first.run("LOCK TABLE b").err());
    let mine = second.run("LOCK TABLE public.a").err();
    let theirs = other.join().unwrap();
    let failures: Vec<Failure> = [mine, theirs].into_iter().flatten().collect();
    assert!(failures.iter().any(Failure::is_deadlock), "{failures:?}");
}

#[test]
fn a_killed_backend_is_a_lost_connection() {
    for idle in [true, false] {
        let mut conn = app();
        let mut other = app();
        let kill = format!("SELECT pg_terminate_backend({})", conn.backend_pid());
        let failure = if idle {
            other.run(&kill).unwrap();
            std::thread::sleep(Duration::from_millis(200));
            conn.run("SELECT 1").unwrap_err()
        } else {
            let killer = std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(200));
                other.run(&kill)
            });
            let failure = conn.run("SELECT pg_sleep(20)").unwrap_err();
            killer.join().unwrap().unwrap();
            failure
        };
        assert_eq!(failure.code.as_deref(), Some("57P01"), "{failure}");
        assert!(failure.is_connection() && conn.is_lost());
        let again = conn.ask("SELECT 1").unwrap_err();
        assert!(again.is_connection(), "{again}");
    }
}

#[test]
fn what_diesel_runs_is_heard_too() {
    let mut conn = app();
    let result = conn.diesel().batch_execute("SELECT nothing");
    assert!(result.is_err());
    assert_eq!(conn.last_failure().unwrap().code.as_deref(), Some("42703"));
    conn.diesel().begin_test_transaction().unwrap();
    assert_eq!(conn.status(), Status::InTransaction);
    conn.run("ROLLBACK").unwrap();
    conn.forget_transactions();
    conn.diesel().transaction(|_| Ok::<_, diesel::result::Error>(())).unwrap();
    assert_eq!(conn.status(), Status::Idle);
}

#[test]
fn who_only_looks_writes_nothing() {
    let mut conn = connect(&server(APP), Purpose::Look).unwrap();
    let failure = conn.run("CREATE TABLE no (id int)").unwrap_err();
    assert_eq!(failure.code.as_deref(), Some("25006"), "{failure}");
}
