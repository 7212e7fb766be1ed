//! Reads what a database needs of a server that it is restored on.

use super::snapshot::{columns, names};
use crate::nature::{Extension, Nature, Policy, Role};
use crate::postgres::link::conn::{Conn, Failure, Row};

const SUPERUSER_ONLY: &str = include_str!("nature.sql");

/// The first role of a cluster is in no list of dependencies.
const ROLES: &str = "SELECT rolname, rolsuper FROM pg_catalog.pg_roles r
    WHERE rolname NOT LIKE 'pg\\_%' AND (r.oid = 10 OR EXISTS (
        SELECT FROM pg_catalog.pg_shdepend d
        WHERE d.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND d.refobjid = r.oid
          AND d.dbid IN (0, (SELECT oid FROM pg_catalog.pg_database
                             WHERE datname = pg_catalog.current_database()))))
    ORDER BY 1";

const EXTENSIONS: &str = "SELECT e.extname, n.nspname, n.oid FROM pg_catalog.pg_extension e
    JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
    WHERE e.extname <> 'plpgsql' ORDER BY e.oid";

/// Named as in the catalog.
const POLICIES: &str = "SELECT p.oid,
        CASE WHEN n.nspname = 'public' THEN '' ELSE pg_catalog.quote_ident(n.nspname) || '.' END
            || pg_catalog.quote_ident(c.relname) || '.' || pg_catalog.quote_ident(p.polname),
        r.rolname
    FROM pg_catalog.pg_policy p JOIN pg_catalog.pg_class c ON c.oid = p.polrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_roles r ON r.oid = ANY (p.polroles) ORDER BY 1, 3";

/// `pg_dump` writes such a grant for a superuser to run.
const PASSED_ON: &str = "SELECT EXISTS (
    SELECT FROM (
        SELECT relowner, relacl FROM pg_catalog.pg_class
        UNION ALL SELECT c.relowner, a.attacl FROM pg_catalog.pg_attribute a
                  JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
        UNION ALL SELECT proowner, proacl FROM pg_catalog.pg_proc
        UNION ALL SELECT nspowner, nspacl FROM pg_catalog.pg_namespace
        UNION ALL SELECT typowner, typacl FROM pg_catalog.pg_type
        UNION ALL SELECT srvowner, srvacl FROM pg_catalog.pg_foreign_server
        UNION ALL SELECT lomowner, lomacl FROM pg_catalog.pg_largeobject_metadata
    ) held (owner, acl), LATERAL pg_catalog.aclexplode(held.acl) a WHERE a.grantor <> held.owner)";

/// Reads it, of what the open transaction sees.
pub(crate) fn read(conn: &mut Conn) -> Result<Nature, Failure> {
    let row = conn.ask_one(
        "SELECT pg_catalog.pg_encoding_to_char(encoding), datcollate, datctype,
                EXISTS (SELECT FROM pg_catalog.pg_class WHERE relkind = 'm'),
                EXISTS (SELECT FROM pg_catalog.pg_class WHERE relrowsecurity AND relforcerowsecurity)
         FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()",
    )?;
    let [encoding, collate, ctype, materialized, forced] = columns(row)?;
    let of_extension =
        |[name, schema, schema_oid]: [String; 3]| Extension { name, schema, schema_oid };
    let of_role = |[name, superuser]: [String; 2]| Role { name, superuser: superuser == "t" };
    let of_policy = |[oid, name, role]: [String; 3]| Policy { oid, name, role };
    let superuser_only = rows(conn, SUPERUSER_ONLY, |[kind, name]| format!("{kind} {name}"))?;
    Ok(Nature {
        encoding,
        collate,
        ctype,
        extensions: rows(conn, EXTENSIONS, of_extension)?,
        roles: rows(conn, ROLES, of_role)?,
        policies: rows(conn, POLICIES, of_policy)?,
        materialized: materialized == "t",
        forced: forced == "t",
        passed_on: names(conn, PASSED_ON)? == ["t"],
        superuser_only: superuser_only.into_iter().next(),
    })
}

fn rows<T, const N: usize>(
    conn: &mut Conn,
    sql: &str,
    of: impl Fn([String; N]) -> T,
) -> Result<Vec<T>, Failure> {
    conn.ask(sql)?.into_iter().map(|row: Row| Ok(of(columns(row)?))).collect()
}
