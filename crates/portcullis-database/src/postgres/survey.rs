//! What a database is and holds, in one snapshot.

use super::catalog;
use super::home::Home;
use super::identity::{self, Identity};
use super::ledger::{self, Where};
use super::link::conn::{Conn, Failure};
use super::link::transaction::aside;
use super::undo::hindrances;
use crate::seam::Survey;

/// Reads it, whether or not a transaction is open.
pub(super) fn survey(conn: &mut Conn, identity: &Identity) -> Result<Survey, Failure> {
    aside(conn, |conn| {
        let home = Home::find(conn)?;
        let ledger = ledger::read(conn, &home)?;
        let here = Where { cluster: identity.cluster, oid: identity.oid };
        let row =
            conn.ask_one("SELECT pg_catalog.pg_database_size(pg_catalog.current_database())")?;
        let bytes = row.first().cloned().flatten().and_then(|text| text.parse().ok());
        Ok(Survey {
            engine_version: identity.version.clone(),
            connection: Some(identity::connection(conn, identity)?),
            bytes: bytes.unwrap_or_default(),
            is_copy: ledger.identity.as_ref().is_some_and(|(_, at)| *at != here),
            identity: ledger.identity.map(|(uuid, _)| uuid),
            applied: ledger.applied,
            catalog: catalog::catalog(conn)?,
            open_runs: ledger.open_runs,
            last_receipt: ledger.last_receipt,
            head: ledger.head,
            hindrances: hindrances::hindrances(conn)?,
        })
    })
}
