//! What would keep a backup of this database from being restored beside it by this role, or
//! from taking its place: known beforehand, not on a bad night.

use portcullis_model::redact;
use portcullis_model::words::count;

use crate::postgres::link::conn::{Conn, Failure};
use crate::seam::Hindrance;

/// Objects that aren't an extension's, by owner, where this role can't act as the owner. The
/// schema `public` is made by the server.
const OWNERS: &str = "
    WITH owned AS (
        SELECT relowner AS owner, n.nspname || '.' || relname AS name, 'pg_class'::pg_catalog.regclass AS class, c.oid
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
        WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND relpersistence <> 't'
        UNION ALL
        SELECT proowner, n.nspname || '.' || proname, 'pg_proc'::pg_catalog.regclass, p.oid
        FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = pronamespace
        UNION ALL
        SELECT typowner, n.nspname || '.' || typname, 'pg_type'::pg_catalog.regclass, t.oid
        FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = typnamespace
        WHERE typtype IN ('d', 'e', 'r')
        UNION ALL
        SELECT nspowner, nspname || '.', 'pg_namespace'::pg_catalog.regclass, oid
        FROM pg_catalog.pg_namespace WHERE nspname <> 'public'
    )
    SELECT pg_catalog.pg_get_userbyid(owner), pg_catalog.min(name), pg_catalog.count(*)
    FROM owned o
    WHERE name NOT LIKE 'pg\\_%' AND name NOT LIKE 'information\\_schema.%'
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                      WHERE d.classid = o.class AND d.objid = o.oid AND d.deptype = 'e')
      AND NOT pg_catalog.pg_has_role(owner, 'MEMBER')
    GROUP BY owner ORDER BY 1";

/// What only a superuser makes.
const SUPERUSERS: &str = "
    SELECT 'the extension', extname FROM pg_catalog.pg_extension e
    JOIN pg_catalog.pg_available_extension_versions v
      ON v.name = extname AND v.version = extversion AND v.superuser
     AND (pg_catalog.to_jsonb(v) ->> 'trusted')::bool IS NOT TRUE  -- PostgreSQL 12 has no such column
    UNION ALL
    SELECT 'the event trigger', evtname FROM pg_catalog.pg_event_trigger
    UNION ALL
    SELECT 'the publication of all tables', pubname FROM pg_catalog.pg_publication WHERE puballtables
    UNION ALL
    SELECT 'the foreign-data wrapper', fdwname FROM pg_catalog.pg_foreign_data_wrapper w
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.deptype = 'e'
        AND d.classid = 'pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass AND d.objid = w.oid)
    UNION ALL
    SELECT 'the function', n.nspname || '.' || proname FROM pg_catalog.pg_proc p
    JOIN pg_catalog.pg_language l ON l.oid = prolang AND NOT lanpltrusted
    JOIN pg_catalog.pg_namespace n ON n.oid = pronamespace
     AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.deptype = 'e'
        AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid)
    ORDER BY 1, 2";

/// Whoever follows the database by a slot would go on following the one moved aside.
const SLOTS: &str = "
    SELECT slot_name FROM pg_catalog.pg_replication_slots
    WHERE database = pg_catalog.current_database() AND NOT temporary ORDER BY 1";

/// Looks for them.
pub(crate) fn hindrances(conn: &mut Conn) -> Result<Vec<Hindrance>, Failure> {
    let row =
        conn.ask_one("SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user")?;
    let is_superuser = row.first().cloned().flatten().as_deref() == Some("t");
    let mut found = Vec::new();
    if !is_superuser {
        found.extend(conn.ask(OWNERS)?.into_iter().filter_map(owned));
        let made = |row: Vec<Option<String>>| {
            let [what, name] = <[Option<String>; 2]>::try_from(row).ok()?;
            let (what, name) = (what?, name?);
            let name = redact::printable(&name);
            Some(Hindrance::Filling(format!("only a superuser makes {what} {name}")))
        };
        found.extend(conn.ask(SUPERUSERS)?.into_iter().filter_map(made));
    }
    let slot = |row: Vec<Option<String>>| {
        let slot = row.into_iter().next()??;
        let slot = redact::printable(&slot);
        Some(Hindrance::Swapping(format!(
            "the replication slot {slot} would go on following the database that is moved aside"
        )))
    };
    found.extend(conn.ask(SLOTS)?.into_iter().filter_map(slot));
    Ok(found)
}

fn owned(row: Vec<Option<String>>) -> Option<Hindrance> {
    let [owner, name, all] = <[Option<String>; 3]>::try_from(row).ok()?;
    let (owner, name, all): (_, _, usize) = (owner?, name?, all?.parse().ok()?);
    let (owner, name) = (redact::printable(&owner), redact::printable(&name));
    let name = name.trim_end_matches('.');
    let more =
        if all > 1 { format!(" and {}", count(all - 1, "more object")) } else { String::new() };
    Some(Hindrance::Filling(format!(
        "{name}{more} belong to {owner}, which this role isn't a member of"
    )))
}
