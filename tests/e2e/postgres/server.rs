//! A PostgreSQL server for all tests of this process, and a database of it for each.

use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use portcullis_cluster::{Cluster, Options};

/// The role that the gate logs in as: no superuser, so that no test passes by its rights.
pub(crate) const MIGRATOR: &str = "migrator";
/// Its password. It must be in nothing that is printed or written.
pub(crate) const PASSWORD: &str = "hunter2 @:/?#%'\\";

/// The server. It is gone when this process is.
pub(crate) fn shared() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let options = Options::default()
            .setting("wal_level", "logical")
            .setting("max_connections", "300")
            // Its own transactions would be taken for somebody else's writes.
            .setting("autovacuum", "off");
        let cluster = Cluster::start(&options).unwrap_or_else(|error| panic!("{error:?}"));
        make_migrator(&cluster);
        cluster
    })
}

/// The role, which may make databases and copies of what is written.
pub(crate) fn make_migrator(cluster: &Cluster) {
    let password = PASSWORD.replace('\'', "''").replace('\\', "\\\\");
    ask(
        cluster,
        "postgres",
        &format!("CREATE ROLE {MIGRATOR} LOGIN CREATEDB REPLICATION PASSWORD E'{password}'"),
    );
}

/// A database of its own, which the migrator owns.
pub(crate) fn new_database(cluster: &Cluster) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let name = format!("app_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    ask(cluster, "postgres", &format!("CREATE DATABASE {name} OWNER {MIGRATOR}"));
    name
}

/// psql as the superuser, over TLS as everybody else.
pub(crate) fn psql(cluster: &Cluster, database: &str) -> Command {
    psql_as(cluster, (cluster.user(), cluster.password()), database)
}

/// psql as somebody else.
pub(crate) fn psql_as(
    cluster: &Cluster,
    (user, password): (&str, &str),
    database: &str,
) -> Command {
    let mut command = Command::new(cluster.binaries().program("psql"));
    command
        .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d"])
        .arg(format!(
            "host=localhost port={} user={user} dbname='{database}' sslmode=verify-full sslrootcert='{}'",
            cluster.port(),
            cluster.authority_file().display()
        ))
        .env_clear()
        .env("PGPASSWORD", password)
        .stdin(Stdio::null());
    command
}

/// What a query answers, as text.
#[track_caller]
pub(crate) fn ask(cluster: &Cluster, database: &str, sql: &str) -> String {
    let output = psql(cluster, database).args(["-c", sql]).output().unwrap();
    assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// The target's keys that say where the server is and how it is known.
pub(crate) fn keys(cluster: &Cluster, database: &str) -> String {
    format!(
        "engine = \"postgres\"\nurl = \"postgres://{MIGRATOR}@localhost:{}/{database}\"\nca = \"{}\"\npins = [\"{}\"]\n",
        cluster.port(),
        cluster.authority_file().display(),
        pin(&cluster.identity().unwrap().certificate_pem)
    )
}

/// The pin of a certificate as a whole.
pub(crate) fn pin(pem: &str) -> String {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    use sha2::{Digest as _, Sha256};
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = BASE64_STANDARD.decode(body).unwrap();
    let hex: String = Sha256::digest(der).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("certificate-sha256/{hex}")
}
