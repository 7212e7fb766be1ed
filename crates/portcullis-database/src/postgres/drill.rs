//! A backup, put back on a throwaway server and compared.

use std::time::Duration;

use portcullis_model::redact;

use super::backup::trial;
use super::scratch::restored;
use crate::drill::Drilled;
use crate::{Error, ErrorKind, Result, VerifiedBackup};

/// How long a statement may take that reads a large backup.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) fn drill(backup: &VerifiedBackup) -> Result<Drilled> {
    let mut copy = restored(backup, PATIENCE)?;
    let compared = match copy.conn() {
        Ok(conn) => trial::compare(conn, backup),
        Err(refused) => Err(refused.message),
    };
    let rows = compared.map_err(|cause| {
        let next = "take a new one: cargo xtask backup; older ones: cargo xtask backup verify";
        let place = redact::path(backup.path());
        Error::new(ErrorKind::Refused, "try the backup out", place, cause, next)
    })?;
    Ok(Drilled { tables: rows.len(), rows: rows.values().sum() })
}
