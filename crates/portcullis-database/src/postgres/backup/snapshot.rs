//! The state that a backup is of: what one transaction sees, shared with `pg_dump`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::nature;
use crate::nature::Nature;
use crate::postgres::identity::Identity;
use crate::postgres::link::conn::{Conn, Failure, Row, literal};
use crate::postgres::{catalog, survey};
use crate::seam::Survey;

/// A snapshot, as long as the transaction that took it goes on.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    /// Its name, for those who share it. A server refuses one that is another server's or
    /// another database's.
    pub(crate) id: String,
    /// What the database is and holds in it.
    pub(crate) survey: Survey,
    /// What another database must be like to hold the same.
    pub(crate) nature: Nature,
}

/// Opens the transaction and exports its snapshot.
pub(crate) fn take(conn: &mut Conn, identity: &Identity) -> Result<Snapshot, Failure> {
    conn.run("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")?;
    let id = first(conn.ask_one("SELECT pg_catalog.pg_export_snapshot()")?)?;
    Ok(Snapshot { id, survey: survey::survey(conn, identity)?, nature: nature::read(conn)? })
}

/// Ends the transaction. Nothing was written in it.
pub(crate) fn release(conn: &mut Conn) -> Result<(), Failure> {
    conn.run("ROLLBACK")
}

/// The rows of every table, as the open transaction sees them.
pub(crate) fn rows(conn: &mut Conn) -> Result<BTreeMap<String, u64>, Failure> {
    let mut rows = BTreeMap::new();
    for relation in catalog::relations(conn)?.into_iter().filter(catalog::Relation::is_table) {
        rows.insert(relation.shown(), catalog::count(conn, &relation)?);
    }
    Ok(rows)
}

/// Waits until so many sessions of this name see a snapshot, or until they are `over`:
/// from then on they hold it themselves.
pub(crate) fn wait_until_shared(
    conn: &mut Conn,
    application: &str,
    sessions: usize,
    over: &AtomicBool,
) -> Result<(), Failure> {
    // Within a transaction the server gives the same answer again until it is told not to.
    // A statement on its own, as those before the sharing are, begins with its transaction.
    let sql = format!(
        "SELECT pg_catalog.pg_stat_clear_snapshot();
         SELECT count(*) FROM pg_catalog.pg_stat_activity
         WHERE application_name = {} AND backend_xmin IS NOT NULL AND query_start > xact_start",
        literal(application)
    );
    while !over.load(Ordering::Relaxed) {
        let shared = first(conn.ask_one(&sql)?)?;
        if shared.parse::<usize>().is_ok_and(|shared| shared >= sessions) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Ends dumps of this database whose runner died: they would hold locks that the next
/// migration needs. Only the holder of the runner's lock may ask for it.
pub(crate) fn end_orphans(conn: &mut Conn) -> Result<(), Failure> {
    let sql = format!(
        "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity
         WHERE datname = pg_catalog.current_database() AND usename = current_user
           AND application_name LIKE {}",
        literal(&format!("{APPLICATION}%"))
    );
    conn.ask(&sql).map(drop)
}

/// What the names of a dump's sessions begin with; the run's own number follows.
pub(crate) const APPLICATION: &str = "portcullis backup ";

fn first(row: Row) -> Result<String, Failure> {
    let [text] = columns(row)?;
    Ok(text)
}

pub(crate) fn columns<const N: usize>(row: Row) -> Result<[String; N], Failure> {
    let texts: Vec<String> = row.into_iter().flatten().collect();
    texts
        .try_into()
        .map_err(|_| Failure::of("the server's answer has another shape than asked for"))
}

pub(crate) fn names(conn: &mut Conn, sql: &str) -> Result<Vec<String>, Failure> {
    Ok(conn.ask(sql)?.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect())
}
