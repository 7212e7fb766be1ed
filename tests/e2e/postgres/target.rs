//! A workspace whose target `pg` is a database of a server.

use std::process::Command;

use portcullis_cluster::certificates::Identity;
use portcullis_cluster::{Cluster, Options};

use crate::support::{Ran, Workspace};

/// What a target says; each part can be wrong.
#[derive(Clone)]
pub(crate) struct Says {
    pub(crate) host: &'static str,
    pub(crate) port: u16,
    pub(crate) user: String,
    pub(crate) database: &'static str,
    pub(crate) password: String,
    pub(crate) authority_pem: String,
    pub(crate) pins: Vec<String>,
    pub(crate) more: String,
}

impl Says {
    /// What is right for a server that shows this.
    pub(crate) fn of(port: u16, identity: &Identity) -> Self {
        Self {
            host: "localhost",
            port,
            user: "postgres".to_owned(),
            database: "postgres",
            password: "hunter2".to_owned(),
            authority_pem: identity.authority_pem.clone(),
            pins: vec![pin(identity)],
            more: String::new(),
        }
    }

    /// What is right for a cluster.
    pub(crate) fn right(cluster: &Cluster) -> Self {
        let says = Self::of(cluster.port(), cluster.identity().unwrap());
        Self { password: cluster.password().to_owned(), ..says }
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://{}@{}:{}/{}", self.user, self.host, self.port, self.database)
    }
}

/// The pin of a certificate as a whole.
pub(crate) fn pin(identity: &Identity) -> String {
    let der = native_tls::Certificate::from_pem(identity.certificate_pem.as_bytes()).unwrap();
    let digest = <sha2::Sha256 as sha2::Digest>::digest(der.to_der().unwrap());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("certificate-sha256/{hex}")
}

/// A workspace with this target, and one migration for it.
pub(crate) fn workspace(says: &Says) -> Workspace {
    let workspace = Workspace::new();
    workspace
        .write("migrations/postgres/01_one/up.sql", "CREATE TABLE one (id int PRIMARY KEY);\n");
    workspace.write("migrations/postgres/01_one/down.sql", "DROP TABLE one;\n");
    configure(&workspace, says);
    workspace
}

pub(crate) fn configure(workspace: &Workspace, says: &Says) {
    workspace.write("ca.pem", &says.authority_pem);
    workspace.configure(&format!(
        "default-target = \"pg\"\n[migrations]\npostgres = \"migrations/postgres\"\n\
         [targets.pg]\nengine = \"postgres\"\nurl = \"{}\"\nca = \"ca.pem\"\npins = {:?}\n{}",
        says.url(),
        says.pins,
        says.more
    ));
}

/// A command with the password where the target has it, and these variables.
pub(crate) fn run(
    workspace: &Workspace,
    says: &Says,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> Ran {
    let mut command = workspace.command(arguments);
    command.env("PORTCULLIS_PG_PASSWORD", &says.password);
    command.envs(variables.iter().copied());
    let ran = Ran::of(&command.output().unwrap());
    ran.is_for_people();
    for text in [&ran.stdout, &ran.stderr] {
        assert!(!text.contains(&says.password), "the password is printed:\n{text}");
    }
    ran
}

pub(crate) fn start(options: &Options) -> Cluster {
    Cluster::start(options).unwrap_or_else(|error| panic!("{error}"))
}

/// Runs SQL as the superuser, checked as well as psql can.
pub(crate) fn psql(cluster: &Cluster, database: &str, sql: &str) -> String {
    let connection = format!(
        "host=localhost hostaddr=127.0.0.1 port={} user={} dbname={database} sslmode=verify-full \
         sslrootcert='{}'",
        cluster.port(),
        cluster.user(),
        cluster.authority_file().display()
    );
    let output = Command::new(cluster.binaries().program("psql"))
        .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql, &connection])
        .env("PGPASSWORD", cluster.password())
        .output()
        .unwrap();
    assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
