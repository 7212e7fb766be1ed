//! Who else may change the schema.

use super::link::conn::{Conn, Failure};

/// Roles that can log in and change the schema without the gate, each with the reason: the
/// gate is the only way only where there are none.
pub(super) fn others(conn: &mut Conn) -> Result<Vec<String>, Failure> {
    let rows = conn.ask(
        "WITH place AS (
             SELECT n.oid, n.nspname FROM pg_catalog.pg_namespace n
             WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
         ), held AS (
             SELECT DISTINCT c.relowner FROM pg_catalog.pg_class c JOIN place p ON p.oid = c.relnamespace
             WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
         )
         SELECT r.rolname, CASE
             WHEN r.rolsuper THEN 'superuser'
             WHEN pg_catalog.pg_has_role(r.oid, d.datdba, 'MEMBER') THEN 'owns the database'
             WHEN EXISTS (SELECT FROM held WHERE pg_catalog.pg_has_role(r.oid, held.relowner, 'MEMBER'))
                 THEN 'owns tables'
             ELSE (SELECT 'may create in schema ' || min(p.nspname) FROM place p
                   WHERE pg_catalog.has_schema_privilege(r.oid, p.oid, 'CREATE')) END
         FROM pg_catalog.pg_roles r, pg_catalog.pg_database d
         WHERE d.datname = pg_catalog.current_database() AND r.rolcanlogin
           AND r.rolname <> session_user AND pg_catalog.has_database_privilege(r.oid, d.oid, 'CONNECT')
         ORDER BY NOT r.rolsuper, r.rolname",
    )?;
    let told = |row: Vec<Option<String>>| {
        let [role, reason] = <[Option<String>; 2]>::try_from(row).ok()?;
        Some(format!("{} ({})", role?, reason?))
    };
    Ok(rows.into_iter().filter_map(told).collect())
}
