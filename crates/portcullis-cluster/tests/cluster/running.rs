//! What a running cluster gives, and what it refuses.

use portcullis_cluster::certificates::{Authority, Request};
use portcullis_cluster::{Cluster, Options, Shutdown, Tls};

use crate::support::{options, psql, psql_with};

#[test]
fn a_cluster_answers_over_verified_tls_with_scram_and_is_gone_afterwards() {
    let cluster = Cluster::start(&options()).unwrap();
    let asked = "SELECT current_user, ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    assert_eq!(psql(&cluster, asked).unwrap(), "postgres|t|TLSv1.3");
    let shown = "SELECT setting FROM pg_settings WHERE name IN \
                 ('fsync', 'unix_socket_directories', 'listen_addresses', 'server_encoding') ORDER BY name";
    assert_eq!(psql(&cluster, shown).unwrap(), "off\n127.0.0.1\nUTF8");
    let stored = "SELECT left(rolpassword, 14) FROM pg_authid WHERE rolname = 'postgres'";
    assert_eq!(psql(&cluster, stored).unwrap(), "SCRAM-SHA-256$");
    let directory = cluster.directory().to_owned();
    let port = cluster.port();
    assert!(directory.join("data/PG_VERSION").exists());
    drop(cluster);
    assert!(!directory.exists());
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn whoever_comes_without_tls_or_without_the_password_is_refused() {
    let cluster = Cluster::start(&options()).unwrap();
    let refused = psql_with(&cluster, "sslmode=disable", "SELECT 1").unwrap_err();
    assert!(refused.contains("no pg_hba.conf entry"), "{refused}");
    let refused = psql_with(&cluster, "sslmode=require password=wrong", "SELECT 1").unwrap_err();
    assert!(refused.contains("password authentication failed"), "{refused}");
    let bound = psql_with(&cluster, "sslmode=require channel_binding=require", "SELECT 1");
    assert_eq!(bound.unwrap(), "1");
}

#[test]
fn a_file_of_the_cluster_is_read_by_its_user_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let cluster = Cluster::start(&options()).unwrap();
    let data = cluster.data_directory();
    for (path, mode) in [
        (cluster.directory().to_owned(), 0o700),
        (data.clone(), 0o700),
        (data.join("server.key"), 0o600),
        (data.join("pg_hba.conf"), 0o600),
        (data.join("portcullis.conf"), 0o600),
    ] {
        let found = path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode, "{}", path.display());
    }
    assert!(!cluster.directory().join("password").exists());
}

#[test]
fn what_was_committed_is_there_after_a_stop_of_either_kind() {
    let mut cluster = Cluster::start(&options()).unwrap();
    psql(&cluster, "CREATE TABLE kept (n int)").unwrap();
    for (how, expected) in [(Shutdown::Fast, "1"), (Shutdown::Immediate, "2")] {
        // Asynchronous commits may be lost by an immediate stop.
        psql(&cluster, "SET synchronous_commit = on; INSERT INTO kept VALUES (1)").unwrap();
        let port = cluster.port();
        cluster.stop(how).unwrap();
        assert!(psql(&cluster, "SELECT 1").is_err());
        cluster.start_again().unwrap();
        assert_eq!(cluster.port(), port);
        assert_eq!(psql(&cluster, "SELECT count(*) FROM kept").unwrap(), expected);
    }
}

#[test]
fn a_server_that_crashed_by_itself_starts_again() {
    let mut cluster = Cluster::start(&options()).unwrap();
    let pid = std::fs::read_to_string(cluster.data_directory().join("postmaster.pid")).unwrap();
    let pid = pid.lines().next().unwrap().to_owned();
    let killed = std::process::Command::new("kill").args(["-QUIT", &pid]).status().unwrap();
    assert!(killed.success());
    cluster.stop(Shutdown::Fast).unwrap();
    cluster.start_again().unwrap();
    assert_eq!(psql(&cluster, "SELECT 1").unwrap(), "1");
}

#[test]
fn a_paused_server_lets_clients_wait_and_goes_on() {
    let mut cluster = Cluster::start(&options()).unwrap();
    cluster.pause().unwrap();
    // The order is carried out by another process.
    let stuck = (0..50).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(20));
        let stat =
            std::fs::read_to_string(cluster.data_directory().join("postmaster.pid")).unwrap();
        let pid = stat.lines().next().unwrap().to_owned();
        let state =
            std::process::Command::new("ps").args(["-o", "state=", "-p", &pid]).output().unwrap();
        state.stdout.starts_with(b"T")
    });
    assert!(stuck);
    cluster.go_on().unwrap();
    assert_eq!(psql(&cluster, "SELECT 1").unwrap(), "1");
    cluster.pause().unwrap();
    let directory = cluster.directory().to_owned();
    drop(cluster);
    assert!(!directory.exists());
}

#[test]
fn another_certificate_and_other_lines_hold_from_the_next_connection_on() {
    let mut cluster = Cluster::start(&options()).unwrap();
    let other = Authority::new("another").unwrap().issue(&Request::local(2)).unwrap();
    let before = cluster.identity().unwrap().clone();
    assert_ne!(before.authority_pem, other.authority_pem);
    cluster.show(other.clone()).unwrap();
    assert_eq!(psql(&cluster, "SELECT 1").unwrap(), "1");
    std::fs::write(cluster.authority_file(), &before.authority_pem).unwrap();
    let refused = psql(&cluster, "SELECT 1").unwrap_err();
    assert!(refused.contains("certificate verify failed"), "{refused}");

    cluster.admit("hostssl all all 127.0.0.1/32 trust\n").unwrap();
    let without = psql_with(&cluster, "sslmode=require password=wrong", "SELECT 1");
    assert!(without.is_err(), "libpq checks a root certificate that is there");
    cluster.show(before).unwrap();
    let trusted = psql_with(&cluster, "sslmode=require password=wrong", "SELECT 1");
    assert_eq!(trusted.unwrap(), "1");

    let broken = portcullis_cluster::certificates::Identity {
        key_pem: other.key_pem,
        ..cluster.identity().unwrap().clone()
    };
    let error = cluster.show(broken).unwrap_err();
    assert!(error.cause.contains("it keeps what it had"), "{error}");
}

#[test]
fn bad_servers_can_be_had_for_tests() {
    let plain = Options {
        tls: Tls::Off,
        access: Some("hostnossl all all 127.0.0.1/32 trust\n".to_owned()),
        ..options()
    };
    let cluster = Cluster::start(&plain).unwrap();
    assert_eq!(psql_with(&cluster, "sslmode=disable", "SHOW ssl").unwrap(), "off");
    assert!(psql(&cluster, "SELECT 1").unwrap_err().contains("does not support SSL"));

    let old = options()
        .setting("ssl_min_protocol_version", "TLSv1.1")
        .setting("ssl_max_protocol_version", "TLSv1.1")
        .setting("ssl_ciphers", "ALL:@SECLEVEL=0");
    let cluster = Cluster::start(&old).unwrap();
    assert!(psql(&cluster, "SELECT 1").unwrap_err().contains("SSL error"));
}

#[test]
fn settings_of_the_caller_hold() {
    let cluster = Cluster::start(
        &options().setting("wal_level", "logical").setting("max_prepared_transactions", "5"),
    )
    .unwrap();
    assert_eq!(psql(&cluster, "SHOW wal_level").unwrap(), "logical");
    assert_eq!(psql(&cluster, "SHOW max_prepared_transactions").unwrap(), "5");
}
