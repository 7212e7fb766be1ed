//! A server before it is trusted, and a database that is met for the first time.

use portcullis_model::catalog::DIESEL_TABLE;
use portcullis_model::config::Server;

use super::link::conn::{Conn, Failure, Row, literal, name};
use super::link::connect::{Purpose, connect, examine};
use super::link::not_connected::day;
use super::{catalog, identity, migrator, survey};
use crate::introduction::{Met, Shown};
use crate::{Error, ErrorKind, Result};

pub(crate) fn shake_hands(server: &Server) -> Result<Shown> {
    let seen = examine(server)?;
    Ok(Shown {
        subject: seen.subject,
        issuer: seen.issuer,
        hosts: seen.hosts,
        not_before: day(seen.not_before),
        not_after: day(seen.not_after),
        key: seen.key,
        whole: seen.whole,
    })
}

pub(crate) fn meet(server: &Server) -> Result<Met> {
    let mut conn = connect(server, Purpose::Look)?;
    let identity = identity::examine(&mut conn, server)?;
    let failed = |failure: Failure| {
        let next = "see the server's log";
        Error::new(
            ErrorKind::Refused,
            "look at the database",
            server.shown(),
            failure.to_string(),
            next,
        )
    };
    let diesel = catalog::oid_of(&mut conn, &literal(&name(DIESEL_TABLE))).map_err(failed)?;
    let migrated_by = match &diesel {
        Some(oid) => texts(&mut conn, &owner_of(oid)).map_err(failed)?.pop(),
        None => None,
    };
    let schemas = texts(&mut conn, SCHEMAS).map_err(failed)?;
    let survey = survey::survey(&mut conn, &identity).map_err(failed)?;
    let is_new = survey.is_new();
    let applied = match diesel {
        Some(_) => survey.applied.into_iter().map(|applied| applied.version).collect(),
        None => Vec::new(),
    };
    let role = &identity.role;
    let rights = [
        (role.superuser, "SUPERUSER"),
        (role.createdb, "CREATEDB"),
        (role.replication, "REPLICATION"),
        (role.bypassrls, "BYPASSRLS"),
    ];
    Ok(Met {
        cluster: identity.cluster,
        database_oid: identity.oid,
        server_version: identity.version,
        role: identity.role.name,
        excess: rights.into_iter().filter(|(has, _)| *has).map(|(_, right)| right).collect(),
        is_new,
        diesel: migrated_by.is_some(),
        applied,
        migrated_by,
        proposal: migrator::proposal(&server.database, &schemas),
    })
}

fn owner_of(table: &str) -> String {
    format!(
        "SELECT pg_catalog.pg_get_userbyid(relowner) FROM pg_catalog.pg_class WHERE oid = {table}"
    )
}

const SCHEMAS: &str = "SELECT DISTINCT n.nspname FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') AND n.nspname <> 'information_schema'
      AND n.nspname NOT LIKE 'pg\\_%' ORDER BY 1";

/// The first cell of each row.
fn texts(conn: &mut Conn, sql: &str) -> Result<Vec<String>, Failure> {
    let first = |row: Row| row.into_iter().next().flatten();
    Ok(conn.ask(sql)?.into_iter().filter_map(first).collect())
}
