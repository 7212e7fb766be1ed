//! An empty database to restore into: on a throwaway server of this machine, or on a
//! server that the configuration names. Gone when it is dropped.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use native_tls::Certificate as Pem;
use portcullis_cluster::{Cluster, Options};
use portcullis_model::config::{AutoRestore, BackupKind, ChannelBinding, Password, Server};
use portcullis_model::redact;
use tempfile::TempDir;
use uuid::Uuid;

use super::powerless::{self, Hands};
use super::tools::Tools;
use super::{claim, short, snapshot};
use crate::files::write_private;
use crate::nature::{Extension, Nature};
use crate::postgres::link::certificate::Certificate;
use crate::postgres::link::conn::{Conn, Failure, literal, name};
use crate::postgres::link::connect::{self, Purpose};
use crate::{Error, ErrorKind, Result};

const OPERATION: &str = "prepare a trial restore";

/// A server to restore on, and the connection that makes and drops databases there.
pub(crate) struct Scratch {
    /// With the role that restores, which is no superuser.
    pub(crate) server: Server,
    pub(crate) kind: Kind,
    pub(crate) admin: Conn,
    made: Option<String>,
    /// After the connection: it ends before its server does.
    throwaway: Option<Throwaway>,
}

/// What our own server has beside.
struct Throwaway {
    /// With the role that has made it.
    keepers: Server,
    _cluster: Cluster,
    _passwords: TempDir,
}

/// Whose server it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
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
pub(crate) fn throwaway(tools: &Tools) -> Result<Scratch> {
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
    let Hands { keeper, keepers, restorers } = powerless::take_over(&server, directory.path())?;
    let throwaway = Some(Throwaway { keepers, _cluster: cluster, _passwords: directory });
    let kind = Kind::Throwaway;
    Ok(Scratch { server: restorers, kind, admin: keeper, made: None, throwaway })
}

/// A server of our own, as the configuration would have it.
pub(crate) fn server_of(cluster: &Cluster, password: PathBuf) -> Server {
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
/// whatever name it goes by; and a role that reaches beyond the databases there.
pub(crate) fn named(server: &Server, source: u64) -> Result<Scratch> {
    let mut admin = connect::connect(server, Purpose::Change)?;
    let failed = |failure| crate::postgres::error(server, OPERATION, &failure);
    let cluster =
        snapshot::names(&mut admin, "SELECT system_identifier FROM pg_catalog.pg_control_system()")
            .map_err(failed)?;
    if cluster.first().and_then(|text| text.parse().ok()) == Some(source) {
        let cause = "it is the server that the backup is of, or a copy of it";
        let next = "name a target on another server as scratch, or remove it";
        return Err(Error::new(ErrorKind::Refused, OPERATION, server.shown(), cause, next));
    }
    if let Some(right) = snapshot::names(&mut admin, BEYOND).map_err(failed)?.first() {
        let cause = format!(
            "the role {} {right} there: a restore runs functions of the database that is \
             backed up, and they could start programs or read files on that machine",
            redact::printable(&server.user)
        );
        let next = "give that target a role that may create databases and nothing more: CREATE ROLE … LOGIN CREATEDB";
        return Err(Error::new(ErrorKind::Refused, OPERATION, server.shown(), cause, next));
    }
    claim::remove_dead(&mut admin).map_err(failed)?;
    Ok(Scratch { server: server.clone(), kind: Kind::Named, admin, made: None, throwaway: None })
}

/// What the role has, directly or by others, that reaches beyond the databases. Before
/// version 16 whoever may create roles may join those three, too.
const BEYOND: &str = "SELECT CASE WHEN rolsuper THEN 'is a superuser' WHEN rolcreaterole THEN 'may create roles'
               ELSE 'is a member of ' || rolname END
    FROM pg_catalog.pg_roles r
    WHERE (rolsuper OR rolcreaterole
           OR rolname IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files'))
      AND pg_catalog.pg_has_role(r.oid, 'MEMBER')
    ORDER BY NOT rolsuper";

impl Scratch {
    /// Why a dump of such a database can't be restored there.
    pub(crate) fn lacks(&mut self, nature: &Nature) -> Result<Option<String>> {
        if let Some(object) = &nature.superuser_only {
            return Ok(Some(format!(
                "only a superuser may make the {}, and a trial restore has none",
                redact::printable(object)
            )));
        }
        let look = |admin: &mut Conn, sql| snapshot::names(admin, sql);
        let there = look(&mut self.admin, "SELECT name FROM pg_catalog.pg_available_extensions")
            .map_err(|failure| self.error(&failure))?;
        let free = look(&mut self.admin, FREE).map_err(|failure| self.error(&failure))?;
        let old = look(&mut self.admin, OLD_POSTGIS).map_err(|failure| self.error(&failure))?;
        let why = |Extension { name, .. }: &Extension| {
            let shown = redact::printable(name);
            match self.kind {
                kind if !there.contains(name) => {
                    Some(format!("the extension {shown} can't be had {}", self.place(kind)))
                }
                _ if free.contains(name) => None,
                Kind::Throwaway if powerless::is_harmless(name) && !old.contains(name) => None,
                Kind::Throwaway => Some(format!(
                    "the extension {shown} could give the database's functions files or \
                     programs of this machine"
                )),
                kind => Some(format!(
                    "only a superuser may make the extension {shown} {}",
                    self.place(kind)
                )),
            }
        };
        if let Some(why) = nature.extensions.iter().find_map(why) {
            return Ok(Some(why));
        }
        if nature.forced && self.kind == Kind::Named && !self.bypasses()? {
            let user = redact::printable(&self.server.user);
            return Ok(Some(format!(
                "a table's policies hold for its owner, too, and {user} has no BYPASSRLS {}",
                self.place(self.kind)
            )));
        }
        Ok(None)
    }

    fn place(&self, kind: Kind) -> String {
        match kind {
            Kind::Throwaway => "on this machine".to_owned(),
            Kind::Named => format!("on {}:{}", self.server.host, self.server.port),
        }
    }

    fn bypasses(&mut self) -> Result<bool> {
        let sql = "SELECT rolbypassrls FROM pg_catalog.pg_roles WHERE rolname = current_user";
        let said = snapshot::names(&mut self.admin, sql).map_err(|failure| self.error(&failure))?;
        Ok(said == ["t"])
    }

    /// Makes the database, and on our own server the roles and extensions that the dump names.
    pub(crate) fn make(&mut self, nature: &Nature, run: Uuid) -> Result<String> {
        let made = self.try_make(nature, run).map_err(|failure| self.error(&failure))?;
        self.made = Some(made.clone());
        if let Some(throwaway) = &self.throwaway {
            let mut keeper = connect::connect_to(&throwaway.keepers, &made, Purpose::Change)?;
            powerless::ready(&mut keeper, nature, &self.server.user)
                .map_err(|failure| self.error(&failure))?;
        } else {
            claim::mark(&mut self.admin, &made).map_err(|failure| self.error(&failure))?;
        }
        Ok(made)
    }

    /// The policies, by number and name, that name a role which isn't there.
    pub(crate) fn without_roles(&mut self, nature: &Nature) -> Result<BTreeMap<String, String>> {
        let there = snapshot::names(&mut self.admin, "SELECT rolname FROM pg_catalog.pg_roles")
            .map_err(|failure| self.error(&failure))?;
        let missing = nature.policies.iter().filter(|policy| !there.contains(&policy.role));
        Ok(missing.map(|policy| (policy.oid.clone(), policy.name.clone())).collect())
    }

    fn try_make(&mut self, nature: &Nature, run: Uuid) -> Result<String, Failure> {
        if self.kind == Kind::Throwaway {
            powerless::make_roles(&mut self.admin, nature, &self.server.user)?;
        }
        let mut failure = Failure::default();
        // Somebody else's database of this name is never touched: another one is taken.
        for number in [run, Uuid::new_v4()] {
            let digits = short(number);
            claim::take(&mut self.admin, &digits)?;
            let database = format!("{}{digits}", claim::BEGINNING);
            for (collate, ctype) in locales(nature) {
                let sql = format!(
                    "CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING {} LC_COLLATE {} LC_CTYPE {}",
                    name(&database),
                    name(&self.server.user),
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

    /// Our own server, for whoever goes on with it: the role that makes databases there, and
    /// what the server lives by.
    pub(crate) fn into_server(mut self) -> Option<(Server, Box<dyn Send + Sync>)> {
        let throwaway = self.throwaway.take()?;
        Some((throwaway.keepers.clone(), Box::new(throwaway)))
    }

    fn error(&self, failure: &Failure) -> Error {
        crate::postgres::error(&self.server, OPERATION, failure)
    }
}

/// The source's locale, and what to make do with where this server doesn't know it.
fn locales(nature: &Nature) -> [(&str, &str); 3] {
    [(&nature.collate, &nature.ctype), ("C", "C.UTF-8"), ("C", "C")]
}

/// Extensions that whoever owns the database may make. Versions before 13 trust none.
const FREE: &str = "SELECT v.name FROM pg_catalog.pg_available_extension_versions v
    JOIN pg_catalog.pg_available_extensions a ON a.name = v.name AND a.default_version = v.version
    WHERE NOT v.superuser OR (pg_catalog.to_jsonb(v) ->> 'trusted')::bool";

/// Before version 3 it has rasters in it, which read files.
const OLD_POSTGIS: &str = "SELECT name FROM pg_catalog.pg_available_extensions
    WHERE name = 'postgis' AND default_version LIKE '2.%'";

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
