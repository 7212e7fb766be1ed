//! An empty database to restore into: on a throwaway server of this machine, or on a
//! server that the configuration names. Gone when it is dropped.

use std::path::PathBuf;
use std::time::Duration;

use native_tls::Certificate as Pem;
use portcullis_cluster::{Cluster, Options};
use portcullis_model::config::{AutoRestore, BackupKind, ChannelBinding, Password, Server};
use tempfile::TempDir;
use uuid::Uuid;

use super::backup::short;
use super::certificate::Certificate;
use super::conn::{Conn, Failure, literal, name};
use super::connect::{self, Purpose};
use super::snapshot::{self, Nature};
use super::tools::Tools;
use crate::files::write_private;
use crate::{Error, ErrorKind, Result};

const OPERATION: &str = "prepare a trial restore";

/// A server to restore on, and the connection that makes and drops databases there.
pub(super) struct Scratch {
    pub(super) server: Server,
    pub(super) kind: Kind,
    pub(super) admin: Conn,
    made: Option<String>,
    /// After the connection: it ends before its server does.
    _throwaway: Option<(Cluster, TempDir)>,
}

/// Whose server it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Ours alone.
    Throwaway,
    /// Another target's: others work there.
    Named,
}

/// Settings that make a restore fast where everything is thrown away.
const FAST: [(&str, &str); 6] = [
    ("autovacuum", "off"),
    ("maintenance_work_mem", "128MB"),
    ("max_wal_senders", "0"),
    ("max_wal_size", "8GB"),
    ("shared_buffers", "128MB"),
    ("wal_level", "minimal"),
];

/// Starts a server of this machine, of the version of the tools, and connects to it as to
/// any other: through TLS, with a pin.
pub(super) fn throwaway(tools: &Tools) -> Result<Scratch> {
    let mut options = Options { binaries: Some(tools.binaries.clone()), ..Options::default() };
    for (setting, value) in FAST {
        options = options.setting(setting, value);
    }
    let cluster = Cluster::start(&options).map_err(|error| {
        let next = format!("{}, or name a server for it: scratch", error.next_step);
        Error::new(ErrorKind::Failed, OPERATION, error.place, error.cause, next)
    })?;
    let io = |error: std::io::Error| Error::io(OPERATION, &std::env::temp_dir(), &error);
    let directory = tempfile::Builder::new().prefix("portcullis-trial-").tempdir().map_err(io)?;
    let password = directory.path().join("password");
    write_private(&password, cluster.password().as_bytes())?;
    let server = server_of(&cluster, password);
    let admin = connect::connect(&server, Purpose::Change)?;
    let _throwaway = Some((cluster, directory));
    Ok(Scratch { server, kind: Kind::Throwaway, admin, made: None, _throwaway })
}

/// A server of our own, as the configuration would have it.
pub(super) fn server_of(cluster: &Cluster, password: PathBuf) -> Server {
    let certificate = cluster.identity().and_then(|identity| {
        let pem = Pem::from_pem(identity.certificate_pem.as_bytes()).ok()?;
        Certificate::of(&pem.to_der().ok()?)
    });
    Server {
        host: cluster.host().to_owned(),
        port: cluster.port(),
        user: cluster.user().to_owned(),
        database: "postgres".to_owned(),
        password: Password::File(password),
        ca: cluster.authority_file(),
        pins: certificate.map(|certificate| certificate.whole).into_iter().collect(),
        channel_binding: ChannelBinding::Require,
        cluster: None,
        lock_timeout: Duration::from_secs(60),
        statement_timeout: Duration::from_secs(24 * 60 * 60),
        restore_max: 0,
        scratch: None,
        auto_restore: AutoRestore::Off,
        backup: BackupKind::Dump,
    }
}

/// Connects to a server that the configuration names. The source's own is refused,
/// whatever name it goes by.
pub(super) fn named(server: &Server, source: u64) -> Result<Scratch> {
    let mut admin = connect::connect(server, Purpose::Change)?;
    let cluster =
        snapshot::names(&mut admin, "SELECT system_identifier FROM pg_catalog.pg_control_system()")
            .map_err(|failure| super::error(server, OPERATION, &failure))?;
    if cluster.first().and_then(|text| text.parse().ok()) == Some(source) {
        let cause = "it is the server that the backup is of, or a copy of it";
        let next = "name a target on another server as scratch, or remove it";
        return Err(Error::new(ErrorKind::Refused, OPERATION, server.shown(), cause, next));
    }
    Ok(Scratch { server: server.clone(), kind: Kind::Named, admin, made: None, _throwaway: None })
}

impl Scratch {
    /// The first extension that can't be had there.
    pub(super) fn lacks(&mut self, nature: &Nature) -> Result<Option<String>> {
        let there =
            snapshot::names(&mut self.admin, "SELECT name FROM pg_catalog.pg_available_extensions")
                .map_err(|failure| self.error(&failure))?;
        Ok(nature.extensions.iter().find(|extension| !there.contains(extension)).cloned())
    }

    /// Makes the database, and on our own server the roles that the dump names.
    pub(super) fn make(&mut self, nature: &Nature, run: Uuid) -> Result<String> {
        let made = self.try_make(nature, run).map_err(|failure| self.error(&failure))?;
        self.made = Some(made.clone());
        Ok(made)
    }

    fn try_make(&mut self, nature: &Nature, run: Uuid) -> Result<String, Failure> {
        if self.kind == Kind::Throwaway {
            let there =
                snapshot::names(&mut self.admin, "SELECT rolname FROM pg_catalog.pg_roles")?;
            for role in nature.roles.iter().filter(|role| !there.contains(role)) {
                self.admin.run(&format!("CREATE ROLE {} NOLOGIN", name(role)))?;
            }
        }
        let mut failure = Failure::default();
        // Somebody else's database of this name is never touched: another one is taken.
        for number in [run, Uuid::new_v4()] {
            let database = format!("portcullis_trial_{}", short(number));
            for (collate, ctype) in locales(nature) {
                let sql = format!(
                    "CREATE DATABASE {} TEMPLATE template0 ENCODING {} LC_COLLATE {} LC_CTYPE {}",
                    name(&database),
                    literal(&nature.encoding),
                    literal(collate),
                    literal(ctype)
                );
                match self.admin.run(&sql) {
                    Ok(()) => return Ok(database),
                    Err(refused) => failure = refused,
                }
            }
        }
        Err(failure)
    }

    fn error(&self, failure: &Failure) -> Error {
        super::error(&self.server, OPERATION, failure)
    }
}

/// The source's locale, and what to make do with where this server doesn't know it.
fn locales(nature: &Nature) -> [(&str, &str); 3] {
    [(&nature.collate, &nature.ctype), ("C", "C.UTF-8"), ("C", "C")]
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Our own server goes as a whole.
        if let (Kind::Named, Some(database)) = (self.kind, &self.made) {
            let database = name(database);
            let forced = self.admin.run(&format!("DROP DATABASE {database} WITH (FORCE)"));
            // Before version 13 there is no FORCE.
            if forced.is_err() {
                let _ = self.admin.run(&format!("DROP DATABASE {database}"));
            }
        }
    }
}
