//! Whether the role can read everything: a backup of a part is none.

use portcullis_model::config::Server;
use portcullis_model::redact;

use crate::postgres::link::conn::Conn;
use crate::{Error, ErrorKind, Result};

const OPERATION: &str = "back up the database";

/// Finds what `pg_dump` would stumble over, before it is started: relations and sequences
/// that the role may not read, and rows that are hidden from it.
const HIDDEN: &str = "
    SELECT n.nspname, c.relname,
           CASE WHEN pg_catalog.has_schema_privilege(n.oid, 'USAGE')
                 AND pg_catalog.has_table_privilege(c.oid, 'SELECT') THEN 'rows' ELSE 'right' END
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'S') AND c.relpersistence <> 't'
      AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                      WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                        AND d.objid = c.oid AND d.deptype = 'e')
      AND (NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE')
           OR NOT pg_catalog.has_table_privilege(c.oid, 'SELECT')
           OR (c.relrowsecurity AND pg_catalog.row_security_active(c.oid)))
    ORDER BY 1, 2";

/// Refuses a backup that would lack something.
pub(crate) fn check(conn: &mut Conn, server: &Server) -> Result<()> {
    let rows =
        conn.ask(HIDDEN).map_err(|failure| crate::postgres::error(server, OPERATION, &failure))?;
    let found: Vec<Hidden> = rows.into_iter().filter_map(hidden).collect();
    match found.first() {
        Some(first) => Err(refused(server, first, found.len() - 1)),
        None => Ok(()),
    }
}

/// Something that the role can't see, or not all of.
struct Hidden {
    name: String,
    rows_only: bool,
}

fn hidden(row: Vec<Option<String>>) -> Option<Hidden> {
    let [schema, name, what] = <[Option<String>; 3]>::try_from(row).ok()?;
    Some(Hidden { name: format!("{}.{}", schema?, name?), rows_only: what? == "rows" })
}

fn refused(server: &Server, first: &Hidden, others: usize) -> Error {
    let (role, name) = (redact::printable(&server.user), redact::printable(&first.name));
    let more = if others == 0 { String::new() } else { format!(", nor {others} more") };
    let (cause, next) = if first.rows_only {
        (
            format!("row level security hides rows of {name} from the role {role}"),
            format!("ALTER ROLE \"{role}\" BYPASSRLS, or let it own the table"),
        )
    } else {
        (
            format!("the role {role} may not read {name}{more}: the backup would lack it"),
            format!(
                "GRANT pg_read_all_data TO \"{role}\" (from version 14 on), or let it own what it migrates"
            ),
        )
    };
    Error::new(ErrorKind::Refused, OPERATION, server.shown(), cause, next)
}
