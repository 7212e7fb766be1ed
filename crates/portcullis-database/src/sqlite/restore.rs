//! Putting a backup back, through the backup API: a transaction of SQLite's own, so that
//! a crash leaves the old state or the restored one, never a mixture.

use std::time::{Duration, Instant};

use portcullis_model::redact;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, Result as SqlResult};

use super::prepare::{prepare, set_journal_mode};
use super::smoke::needs_application;
use super::{Session, backup, catalog};
use crate::error::sqlite_words;
use crate::seam::{Means, Overlay, Progress, Undo};
use crate::{Error, ErrorKind, Result, VerifiedBackup};

const OPERATION: &str = "restore the backup";
const PAGES: i32 = 2048;

/// Restores only under a lock that shuts everybody out and with the proof, taken under
/// that lock, that nobody else committed since the backup.
pub(super) fn undo(session: &mut Session, backup: &VerifiedBackup, progress: Progress<'_>) -> Undo {
    if !session.conn.is_autocommit()
        && super::apply::rollback(session).is_err()
        && !session.conn.is_autocommit()
    {
        return Undo::Failed("the open transaction couldn't be rolled back".to_owned());
    }
    // What was verified minutes ago is verified again: it is about to be all there is.
    let backup = match VerifiedBackup::open(backup.path()) {
        Ok(backup) => backup,
        Err(error) => return Undo::Failed(error.to_string()),
    };
    let source = match backup::open_immutable(backup.path()) {
        Ok(source) => source,
        Err(error) => return Undo::Failed(sqlite_words(&error)),
    };
    match put_back(session, &source, &backup, progress) {
        Ok(()) => Undo::Restored { kept: None, of: Means::Backup },
        Err(Refusal::Locked(why)) => {
            Undo::NotProved(format!("the database couldn't be locked: {why}"))
        }
        Err(Refusal::Written) => Undo::NotProved(
            if session.version_is_blurred {
                "a step outside a transaction changed the file itself, so that another program's \
                 write couldn't be told from it"
            } else {
                "another program has written since the backup was taken"
            }
            .to_owned(),
        ),
        Err(Refusal::Failed(error)) => Undo::Failed(error.to_string()),
    }
}

/// Restores a backup over a database whose present state this session has just backed
/// up: nobody may have written since, or that write would be in neither.
pub(super) fn restore(
    session: &mut Session,
    backup: &VerifiedBackup,
    overlay: Overlay<'_>,
    progress: Progress<'_>,
) -> Result<()> {
    let place = redact::path(&session.path);
    let busy = |why: String| {
        let next = "stop the programs that use the database, then run it again";
        Error::new(ErrorKind::Busy, OPERATION, place.clone(), why, next)
    };
    let prepared = prepare(&session.path, backup, overlay, progress)?;
    let flags =
        rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(prepared.path(), flags)
        .map_err(|error| Error::sqlite(OPERATION, prepared.path(), &error).refused())?;
    match put_back(session, &source, backup, progress) {
        Ok(()) => Ok(()),
        Err(Refusal::Locked(why)) => Err(busy(why)),
        Err(Refusal::Written) => Err(busy(
            "another program has written since the present state was backed up".to_owned(),
        )),
        Err(Refusal::Failed(error)) => Err(error),
    }
}

/// Why a backup wasn't put back, or couldn't be.
enum Refusal {
    /// Nothing was touched: somebody else uses the database.
    Locked(String),
    /// Nothing was touched: somebody else has committed since the backup, or it can't be
    /// told.
    Written,
    /// It was tried.
    Failed(Error),
}

/// Puts a backup back with the proof that nobody else has committed since this session
/// took its own.
fn put_back(
    session: &mut Session,
    source: &Connection,
    backup: &VerifiedBackup,
    progress: Progress<'_>,
) -> Result<(), Refusal> {
    let look = |error: rusqlite::Error| Refusal::Locked(sqlite_words(&error));
    // In WAL mode the exclusive lock can't be had as long as anybody is connected; but
    // there a snapshot holds readers up by nothing.
    let wal = catalog::journal_mode(&session.conn).map_err(look)? == "wal"
        && backup.sidecar().journal_mode() == "wal"
        && page_size(source).map_err(look)? == page_size(&session.conn).map_err(look)?;
    if wal {
        return beside_readers(session, source, backup, progress);
    }
    let result = match shut_out(&session.conn) {
        Err(error) => Err(Refusal::Locked(sqlite_words(&error))),
        Ok(now) if Some(now) != session.version_at_backup => Err(Refusal::Written),
        Ok(_) => replace(session, source, backup, None, progress),
    };
    let opened = let_in(&session.conn);
    // Only what was put back takes the backup's journal mode: a refusal touches nothing.
    result?;
    opened
        .and_then(|()| adopt_journal_mode(session, backup))
        .map_err(|error| Refusal::Failed(session.error(OPERATION, &error)))
}

/// In WAL mode: the copy's own write lock keeps others out. Until that lock is held, a
/// witness looks out: its look begins before this session's ends, so that between them
/// they see every commit since the backup.
fn beside_readers(
    session: &mut Session,
    source: &Connection,
    backup: &VerifiedBackup,
    progress: Progress<'_>,
) -> Result<(), Refusal> {
    let witness = super::open_read_only(&session.path, session.target.lock_wait)
        .map_err(|error| Refusal::Locked(error.cause))?;
    let look = |error: rusqlite::Error| Refusal::Locked(sqlite_words(&error));
    let seen = fresh_version(&witness).map_err(look)?;
    if fresh_version(&session.conn).ok() != session.version_at_backup {
        return Err(Refusal::Written);
    }
    replace(session, source, backup, Some((&witness, seen)), progress)
}

/// `PRAGMA data_version` tells what the last read saw.
fn fresh_version(conn: &Connection) -> SqlResult<i64> {
    conn.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    conn.pragma_query_value(None, "data_version", |row| row.get(0))
}

/// Takes the exclusive lock, keeps it beyond the transaction, and reads what tells of
/// other writers.
fn shut_out(conn: &Connection) -> SqlResult<i64> {
    conn.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE")?;
    let version = conn.pragma_query_value(None, "data_version", |row| row.get(0));
    conn.execute_batch("COMMIT")?;
    version
}

fn let_in(conn: &Connection) -> SqlResult<()> {
    conn.execute_batch("PRAGMA locking_mode = NORMAL")?;
    // The lock goes with the next read.
    conn.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
}

fn page_size(conn: &Connection) -> SqlResult<i64> {
    conn.pragma_query_value(None, "page_size", |row| row.get(0))
}

/// Back to the journal mode of the backup, if a migration has changed it.
fn adopt_journal_mode(session: &Session, backup: &VerifiedBackup) -> SqlResult<()> {
    // Not earlier: entering WAL mode under an exclusive lock keeps everybody out for good.
    let mode = backup.sidecar().journal_mode();
    if catalog::journal_mode(&session.conn)? == mode {
        return Ok(());
    }
    set_journal_mode(&session.conn, mode)
}

/// A connection, and the `data_version` that it must still see once the lock is held.
type Witness<'a> = Option<(&'a Connection, i64)>;

/// Copies the pages, and looks at what came of it.
fn replace(
    session: &mut Session,
    source: &Connection,
    backup: &VerifiedBackup,
    witness: Witness<'_>,
    progress: Progress<'_>,
) -> Result<(), Refusal> {
    let path = session.path.clone();
    let failed = |error: rusqlite::Error| Refusal::Failed(Error::sqlite(OPERATION, &path, &error));
    // A database in WAL mode can't change its page size, nor take pages that say
    // otherwise.
    if witness.is_none() {
        set_journal_mode(&session.conn, "delete").map_err(failed)?;
    }
    match copy_pages(source, &mut session.conn, session.target.lock_wait, witness, progress) {
        Ok(Copied::All) => {}
        Ok(Copied::Nothing) => return Err(Refusal::Written),
        Err(error) => return Err(failed(error)),
    }
    session.counts = None;
    let now = catalog::catalog(&session.conn).map_err(failed)?.fingerprint();
    let quick: String = session
        .conn
        .query_row("PRAGMA main.quick_check(1)", [], |row| row.get(0))
        .or_else(|error| if needs_application(&error) { Ok("ok".to_owned()) } else { Err(error) })
        .map_err(failed)?;
    if now == backup.sidecar().schema && quick == "ok" {
        return Ok(());
    }
    let cause = format!("the restored database isn't what was backed up (quick_check: {quick})");
    let place = redact::path(&path);
    Err(Refusal::Failed(Error::new(ErrorKind::Failed, OPERATION, place, cause, "restore it again")))
}

/// What a copy came to.
#[derive(Debug, PartialEq)]
pub(super) enum Copied {
    All,
    /// Somebody else had committed before the write lock was taken.
    Nothing,
}

/// Copies a database page by page, in one transaction of SQLite's own.
pub(super) fn copy_pages(
    source: &Connection,
    destination: &mut Connection,
    wait: Duration,
    witness: Witness<'_>,
    progress: Progress<'_>,
) -> SqlResult<Copied> {
    let page = page_size(source)?;
    let bytes =
        |pages: i32| u64::try_from(i64::from(pages).saturating_mul(page)).unwrap_or_default();
    let copy = Backup::new(source, destination)?;
    let started = Instant::now();
    let mut locked = witness.is_none();
    loop {
        // The first step of a witnessed copy takes the write lock and copies nothing.
        let result = copy.step(if locked { PAGES } else { 0 })?;
        let now = copy.progress();
        progress(bytes(now.pagecount - now.remaining), bytes(now.pagecount));
        match (result, witness) {
            (StepResult::More, Some((witness, seen))) if !locked => {
                if fresh_version(witness)? != seen {
                    return Ok(Copied::Nothing);
                }
                locked = true;
            }
            (StepResult::Done, _) => return Ok(Copied::All),
            (StepResult::More, _) => {}
            _ if started.elapsed() < wait => std::thread::sleep(Duration::from_millis(20)),
            _ => {
                let busy = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
                return Err(rusqlite::Error::SqliteFailure(busy, None));
            }
        }
    }
}
