//! Which cluster and which database answers, and as whom the gate is there.

use std::time::{Duration, SystemTime};

use portcullis_model::config::Server;
use portcullis_model::redact;

use super::link::certificate::Certificate;
use super::link::conn::{Conn, Failure};
use super::link::not_connected::day;
use crate::connection::{Connection, Tls};
use crate::{Error, ErrorKind, Result};

const OPERATION: &str = "identify the database";

/// The oldest server whose views this tool reads.
const OLDEST: u32 = 120_000;

/// A certificate that ends sooner is worth a word.
const SOON: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    /// The system identifier that `initdb` gave the cluster; standbys and physical copies
    /// have the same.
    pub(super) cluster: u64,
    /// The database's number in it.
    pub(super) oid: u32,
    /// The database's name.
    pub(super) database: String,
    /// The server's version, in its own words.
    pub(super) version: String,
    /// Whether writes can be followed (`wal_level = logical`).
    pub(super) logical: bool,
    /// As whom the gate is there.
    pub(super) role: Role,
}

/// A role, with what it may do everywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Role {
    pub(super) name: String,
    pub(super) superuser: bool,
    pub(super) createdb: bool,
    pub(super) replication: bool,
    /// Row level security doesn't hide rows from it.
    pub(super) bypassrls: bool,
}

/// The cluster's system identifier.
#[cfg(test)]
pub(super) fn cluster(conn: &mut Conn) -> Result<u64, Failure> {
    let row = conn.ask_one("SELECT system_identifier FROM pg_catalog.pg_control_system()")?;
    parsed(&row, 0)
}

/// Reads what answers, and refuses what must not be changed: a standby, another cluster than
/// the target names, a server that is too old.
pub(super) fn examine(conn: &mut Conn, server: &Server) -> Result<Identity> {
    let refused = |cause: String, next: &str| {
        Error::new(ErrorKind::Refused, OPERATION, server.shown(), cause, next)
    };
    let failed = |failure: Failure| refused(failure.to_string(), "see the server's log");
    let version = conn.ask_one(VERSION).map_err(failed)?;
    let number: u32 = parsed(&version, 0).map_err(failed)?;
    if number < OLDEST {
        let cause =
            format!("it is PostgreSQL {}; 12 is the oldest that the gate knows", number / 10_000);
        return Err(refused(cause, "upgrade the server"));
    }
    let standby = flag(&version, 2).map_err(failed)?;
    let identity = read(conn, &version).map_err(failed)?;
    // Before the standby: a standby has its primary's identifier.
    if let Some(expected) = server.cluster.filter(|expected| *expected != identity.cluster) {
        return Err(refused(
            format!("its cluster is {}, and the target's is {expected}", identity.cluster),
            "this is another server, or one that was made anew: find out which; if it is right, \
             correct the target's cluster",
        ));
    }
    if standby {
        return Err(refused(
            "it is a standby: it follows another server, and takes no change of its own".to_owned(),
            "name the primary in the target's url",
        ));
    }
    Ok(identity)
}

const VERSION: &str = "SELECT pg_catalog.current_setting('server_version_num'),
    pg_catalog.current_setting('server_version'), pg_catalog.pg_is_in_recovery()";

const IDENTITY: &str = "SELECT (SELECT system_identifier FROM pg_catalog.pg_control_system()),
        d.oid, d.datname, pg_catalog.current_setting('wal_level') = 'logical',
        r.rolname, r.rolsuper, r.rolcreatedb, r.rolreplication, r.rolbypassrls
    FROM pg_catalog.pg_database d, pg_catalog.pg_roles r
    WHERE d.datname = pg_catalog.current_database() AND r.rolname = current_user";

fn read(conn: &mut Conn, version: &[Option<String>]) -> Result<Identity, Failure> {
    let row = conn.ask_one(IDENTITY)?;
    Ok(Identity {
        cluster: parsed(&row, 0)?,
        oid: parsed(&row, 1)?,
        database: parsed(&row, 2)?,
        version: parsed(version, 1)?,
        logical: flag(&row, 3)?,
        role: Role {
            name: parsed(&row, 4)?,
            superuser: flag(&row, 5)?,
            createdb: flag(&row, 6)?,
            replication: flag(&row, 7)?,
            bypassrls: flag(&row, 8)?,
        },
    })
}

fn parsed<T: std::str::FromStr>(row: &[Option<String>], at: usize) -> Result<T, Failure> {
    let cell = row.get(at).and_then(Option::as_ref).and_then(|text| text.parse().ok());
    cell.ok_or_else(|| Failure::of("the server doesn't say what it is"))
}

fn flag(row: &[Option<String>], at: usize) -> Result<bool, Failure> {
    Ok(parsed::<String>(row, at)? == "t")
}

/// How the gate is connected, for the record.
pub(super) fn connection(conn: &mut Conn, identity: &Identity) -> Result<Connection, Failure> {
    let rows = conn.ask(
        "SELECT version, cipher FROM pg_catalog.pg_stat_ssl
         WHERE pid = pg_catalog.pg_backend_pid() AND ssl",
    )?;
    // None where a proxy, and not the server, is the end of TLS.
    let tls = rows.into_iter().next().and_then(|row| {
        let [version, cipher] = <[Option<String>; 2]>::try_from(row).ok()?;
        Some(Tls { version: version?, cipher: cipher? })
    });
    let facts = conn.facts();
    Ok(Connection {
        tls,
        pin: facts.pin.map(|pin| pin.to_string()).unwrap_or_default(),
        subject: facts.certificate.subject.clone(),
        not_after: day(facts.certificate.not_after),
        channel_binding: facts.channel_binding,
        cluster: identity.cluster,
        database_oid: identity.oid,
        user: redact::printable(&identity.role.name).into_owned(),
        warning: warning(&facts.certificate, SystemTime::now()),
    })
}

/// A word on a certificate that will soon be a refusal.
fn warning(certificate: &Certificate, now: SystemTime) -> Option<String> {
    let left = certificate.not_after.duration_since(now).unwrap_or_default();
    (left < SOON).then(|| {
        format!(
            "the server's certificate is valid only until {}; add the next one's pin before it changes",
            day(certificate.not_after)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::link::connect::{Purpose, connect};
    use crate::postgres::test_server::{APP, server};

    #[test]
    fn what_answers_is_read_and_compared() {
        let mut conn = connect(&server(APP), Purpose::Look).unwrap();
        let identity = examine(&mut conn, &server(APP)).unwrap();
        assert_eq!((identity.database.as_str(), identity.role.name.as_str()), ("app", "app"));
        assert!(identity.cluster > 0 && identity.oid > 0 && !identity.role.superuser);
        assert_eq!(cluster(&mut conn).unwrap(), identity.cluster);
        let right = Server { cluster: Some(identity.cluster), ..server(APP) };
        assert_eq!(examine(&mut conn, &right).unwrap(), identity);
        let other = Server { cluster: Some(identity.cluster + 1), ..server(APP) };
        let error = examine(&mut conn, &other).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Refused);
        assert!(error.cause.contains(&identity.cluster.to_string()), "{error}");
    }

    #[test]
    fn the_connection_is_told_for_the_record() {
        let mut conn = connect(&server(APP), Purpose::Look).unwrap();
        let identity = examine(&mut conn, &server(APP)).unwrap();
        let connection = connection(&mut conn, &identity).unwrap();
        let tls = connection.tls.unwrap();
        assert!(["TLSv1.2", "TLSv1.3"].contains(&tls.version.as_str()), "{}", tls.version);
        assert!(!tls.cipher.is_empty() && connection.channel_binding);
        assert_eq!(connection.pin, server(APP).pins[0].to_string());
    }

    #[test]
    fn a_certificate_that_ends_soon_is_told() {
        let conn = connect(&server(APP), Purpose::Look).unwrap();
        let certificate = conn.facts().certificate.clone();
        for (days_left, told) in [(0, true), (29, true), (31, false)] {
            let now = certificate.not_after - Duration::from_secs(days_left * 86_400);
            assert_eq!(warning(&certificate, now).is_some(), told, "{days_left}");
        }
    }
}
