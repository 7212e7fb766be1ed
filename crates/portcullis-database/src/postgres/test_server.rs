//! A real server for this crate's tests: one for all of them, gone when they end.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use portcullis_cluster::{Cluster, Options};
use portcullis_model::config::{AutoRestore, BackupKind, ChannelBinding, Password, Pin, Server};

use super::link::certificate::Certificate;
use super::link::conn::Conn;
use super::link::connect::{self, Purpose};

/// A role that owns the database of its name.
pub(super) const APP: &str = "app";

const PASSWORD: &str = "hunter2 p@ss:w/ör?d#%\\'";

struct Running {
    cluster: Cluster,
    pin: Pin,
    password: PathBuf,
}

fn running() -> &'static Running {
    static RUNNING: OnceLock<Running> = OnceLock::new();
    RUNNING.get_or_init(|| {
        let cluster = Cluster::start(&Options::default().setting("wal_level", "logical")).unwrap();
        let literal = super::link::conn::literal(PASSWORD);
        psql(&cluster, &format!("CREATE ROLE app LOGIN PASSWORD{literal}"));
        psql(&cluster, "CREATE DATABASE app OWNER app");
        let password = cluster.directory().join("password");
        fs::write(&password, PASSWORD).unwrap();
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(&password, private).unwrap();
        let pem = cluster.identity().unwrap().certificate_pem.clone();
        let der = native_tls::Certificate::from_pem(pem.as_bytes()).unwrap().to_der().unwrap();
        let pin = Certificate::of(&der).unwrap().key;
        Running { cluster, pin, password }
    })
}

fn psql(cluster: &Cluster, sql: &str) {
    let mut psql = client(cluster, "psql", "postgres");
    let output = psql.args(["-X", "-q", "-c", sql]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// One of the server's own clients, as the superuser.
fn client(cluster: &Cluster, program: &str, database: &str) -> Command {
    let connection = format!(
        "host=localhost hostaddr=127.0.0.1 port={} user={} dbname={database} sslmode=verify-full \
         sslrootcert='{}'",
        cluster.port(),
        cluster.user(),
        cluster.authority_file().display()
    );
    let mut command = Command::new(cluster.binaries().program(program));
    command.args(["-d", &connection]).env("PGPASSWORD", cluster.password());
    command
}

/// Puts what one database holds into another, through a dump.
pub(super) fn copy(from: &str, into: &str) {
    let cluster = &running().cluster;
    let file = cluster.directory().join(format!("{from}.sql"));
    let dumped = client(cluster, "pg_dump", from).arg("-f").arg(&file).status().unwrap();
    let mut psql = client(cluster, "psql", into);
    psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null", "-f"]).arg(&file);
    assert!(dumped.success() && psql.status().unwrap().success(), "{from}");
}

/// Runs SQL as the server's superuser.
pub(super) fn as_superuser(sql: &str) {
    psql(&running().cluster, sql);
}

/// The database `app` of the server, as the configuration would have it.
pub(super) fn server(user: &str) -> Server {
    let running = running();
    Server {
        host: running.cluster.host().to_owned(),
        port: running.cluster.port(),
        user: user.to_owned(),
        database: APP.to_owned(),
        password: Password::File(running.password.clone()),
        ca: running.cluster.authority_file(),
        pins: vec![running.pin],
        channel_binding: ChannelBinding::Require,
        cluster: None,
        lock_timeout: Duration::from_secs(3),
        statement_timeout: Duration::from_secs(60),
        restore_max: 1,
        scratch: None,
        auto_restore: AutoRestore::Off,
        backup: BackupKind::Dump,
    }
}

/// A connection that finds names as the application does.
pub(super) fn application(server: &Server) -> Conn {
    let mut conn = connect::connect(server, Purpose::Change).unwrap();
    conn.as_application().unwrap();
    conn
}

/// A connection of the server's superuser, to any database.
pub(super) fn superuser(database: &str) -> Conn {
    let cluster = &running().cluster;
    let password = cluster.directory().join("superuser");
    crate::files::write_private(&password, cluster.password().as_bytes()).unwrap();
    application(&Server {
        database: database.to_owned(),
        password: Password::File(password),
        ..server(cluster.user())
    })
}
