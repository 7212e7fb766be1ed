//! What a real server refuses at the login, and what is said of it.

use std::time::{Duration, Instant};

use super::*;
use crate::postgres::test_server::{APP, as_superuser, server};

fn refusal(server: &Server) -> Error {
    match connect(server, Purpose::Look) {
        Ok(_) => panic!("{} let us in", server.shown()),
        Err(error) => {
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
            error
        }
    }
}

#[test]
fn what_the_server_says_at_the_login_is_said_with_what_to_do() {
    for sql in [
        "CREATE ROLE nologin PASSWORD 'hunter2'",
        "CREATE ROLE full LOGIN CONNECTION LIMIT 0 PASSWORD E'hunter2 p@ss:w/ör?d#%\\\\'''",
        "CREATE DATABASE closed",
        "REVOKE CONNECT ON DATABASE closed FROM PUBLIC",
        "CREATE DATABASE fenced OWNER app ALLOW_CONNECTIONS false",
    ] {
        as_superuser(sql);
    }
    let of = |user: &str, database: &str| Server { database: database.to_owned(), ..server(user) };
    for (target, busy, cause, next) in [
        (of(APP, "none"), false, "there is no database none", "create it"),
        (of("nobody", APP), false, "refuses the password of the role nobody", "password"),
        (of("nologin", APP), false, "role nologin", "password"),
        (of("full", APP), true, "no connection left", "try again"),
        (of(APP, "closed"), false, "may not connect to closed", "GRANT CONNECT"),
        (of(APP, "fenced"), false, "takes no connections", "ALLOW_CONNECTIONS true"),
        (Server { port: 1, ..server(APP) }, false, "nothing listens", "start the server"),
    ] {
        let error = refusal(&target);
        assert_eq!(error.kind == ErrorKind::Busy, busy, "{error:?}");
        assert!(error.cause.contains(cause), "{cause}: {error}");
        assert!(error.next_step.contains(next), "{next}: {}", error.next_step);
        assert_eq!(error.place, target.shown());
    }
}

#[test]
fn another_database_of_the_server_is_reached_the_same_way() {
    let mut conn = connect_to(&server(APP), "postgres", Purpose::Look).unwrap();
    let row = conn.ask_one("SELECT current_database(), current_user").unwrap();
    assert_eq!(row, ["postgres", "app"].map(|text| Some(text.to_owned())));
}

#[test]
fn a_connection_that_is_let_go_of_ends_its_session() {
    let mut conn = connect(&server(APP), Purpose::Change).unwrap();
    conn.run("BEGIN; SELECT pg_advisory_lock(42)").unwrap();
    let pid = conn.backend_pid();
    drop(conn);
    let mut other = connect(&server(APP), Purpose::Look).unwrap();
    let started = Instant::now();
    while !other.ask(&format!("SELECT FROM pg_stat_activity WHERE pid = {pid}")).unwrap().is_empty()
    {
        assert!(started.elapsed() < Duration::from_secs(5), "the session goes on");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_handshake_shows_the_certificate_and_needs_no_login() {
    let right = server(APP);
    let stranger = Server {
        pins: vec![],
        user: "nobody".to_owned(),
        password: portcullis_model::config::Password::Environment("NOT_SET_AT_ALL".to_owned()),
        ..right.clone()
    };
    assert_eq!(examine(&stranger).unwrap().matched(&right.pins), Some(right.pins[0]));
}
