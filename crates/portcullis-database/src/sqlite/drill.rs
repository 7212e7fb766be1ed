//! A backup, put back beside everything and read whole.

use portcullis_model::catalog::ObjectKind;
use portcullis_model::redact;
use rusqlite::{Connection, OpenFlags, Result as SqlResult};

use super::{catalog, ledger};
use crate::drill::Drilled;
use crate::{Error, ErrorKind, Result, VerifiedBackup};

const OPERATION: &str = "try the backup out";

pub(crate) fn drill(backup: &VerifiedBackup) -> Result<Drilled> {
    let directory = tempfile::Builder::new().prefix("portcullis-drill-").tempdir();
    let directory =
        directory.map_err(|error| Error::io(OPERATION, &std::env::temp_dir(), &error))?;
    let path = directory.path().join("restored.db");
    std::fs::copy(backup.path(), &path).map_err(|error| Error::io(OPERATION, &path, &error))?;
    let looked = look(&path, backup).map_err(|error| Error::sqlite(OPERATION, &path, &error))?;
    looked.map_err(|cause| {
        let next = "take a new one: cargo xtask backup; older ones: cargo xtask backup verify";
        let place = redact::path(backup.path());
        Error::new(ErrorKind::Refused, OPERATION, place, cause, next)
    })
}

/// What it holds, or what isn't as it was backed up.
fn look(path: &std::path::Path, backup: &VerifiedBackup) -> SqlResult<Result<Drilled, String>> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    let sidecar = backup.sidecar();
    let checked: String = conn.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if checked != "ok" {
        return Ok(Err(checked));
    }
    let schema = catalog::catalog(&conn)?;
    if schema.fingerprint() != sidecar.schema {
        return Ok(Err("its schema isn't the one that was backed up".to_owned()));
    }
    let applied = ledger::applied(&conn)?;
    if !applied.iter().map(|applied| &applied.version).eq(&sidecar.applied) {
        return Ok(Err("its applied versions aren't those that were backed up".to_owned()));
    }
    let mut drilled = Drilled { tables: 0, rows: 0 };
    for table in schema.names(ObjectKind::Table) {
        let sql = format!("SELECT count(*) FROM main.{}", catalog::quoted(table));
        drilled.rows += conn.query_row(&sql, [], |row| row.get::<_, i64>(0))?.unsigned_abs();
        drilled.tables += 1;
    }
    Ok(Ok(drilled))
}
