//! Putting a backup back, through the backup API: a transaction of SQLite's own, so that
//! a crash leaves the old state or the restored one, never a mixture.

use std::fs;
use std::path::PathBuf;
use std::time::{Instant, SystemTime};

use portcullis_model::config::Target;
use portcullis_model::redact;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, Result as SqlResult};

use super::place::with_ending;
use super::{Session, backup, catalog};
use crate::seam::{Progress, Undo};
use crate::{Error, ErrorKind, Result, RunLock, VerifiedBackup};

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
    let Some(before) = session.version_at_backup else {
        return Undo::NotProved("this connection took no backup".to_owned());
    };
    // What was verified minutes ago is verified again: it is about to be all there is.
    let backup = match VerifiedBackup::open(backup.path()) {
        Ok(backup) => backup,
        Err(error) => return Undo::Failed(error.to_string()),
    };
    let now = match shut_out(&session.conn) {
        Ok(now) => now,
        Err(error) => {
            let _ = let_in(&session.conn);
            return Undo::NotProved(format!(
                "the database couldn't be locked: {}",
                crate::error::sqlite_words(&error)
            ));
        }
    };
    let undone = if now == before {
        match put_back(session, &backup, progress) {
            Ok(()) => Undo::Restored,
            Err(error) => Undo::Failed(error.to_string()),
        }
    } else {
        let why = if session.version_is_blurred {
            "a step outside a transaction changed the file itself, so that another program's \
             write couldn't be told from it"
        } else {
            "another program has written since the backup was taken"
        };
        Undo::NotProved(why.to_owned())
    };
    let _ = let_in(&session.conn);
    undone
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

pub(super) fn restore(
    session: &mut Session,
    backup: &VerifiedBackup,
    progress: Progress<'_>,
) -> Result<()> {
    shut_out(&session.conn).map_err(|error| session.error(OPERATION, &error))?;
    let restored = put_back(session, backup, progress);
    let opened = let_in(&session.conn).map_err(|error| session.error(OPERATION, &error));
    restored.and(opened)
}

fn put_back(session: &mut Session, backup: &VerifiedBackup, progress: Progress<'_>) -> Result<()> {
    let path = session.target.path.clone();
    let failed = |error: rusqlite::Error| Error::sqlite(OPERATION, &path, &error);
    let source = backup::open_immutable(backup.path()).map_err(failed)?;
    let page_size =
        |conn: &Connection| conn.pragma_query_value(None, "page_size", |row| row.get::<_, i64>(0));
    // A database in WAL mode can't change its page size.
    let (theirs, ours) =
        (page_size(&source).map_err(failed)?, page_size(&session.conn).map_err(failed)?);
    if theirs != ours {
        set_journal_mode(&session.conn, "delete").map_err(failed)?;
    }
    copy_pages(&source, session, theirs, progress).map_err(failed)?;
    session.counts = None;
    let mode = &backup.sidecar().journal_mode;
    if catalog::journal_mode(&session.conn).map_err(failed)? != *mode {
        set_journal_mode(&session.conn, mode).map_err(failed)?;
    }
    let now = catalog::catalog(&session.conn).map_err(failed)?.fingerprint();
    let quick: String = session
        .conn
        .query_row("PRAGMA main.quick_check(1)", [], |row| row.get(0))
        .map_err(failed)?;
    if now != backup.sidecar().schema || quick != "ok" {
        let cause =
            format!("the restored database isn't what was backed up (quick_check: {quick})");
        return Err(Error::new(
            ErrorKind::Failed,
            OPERATION,
            redact::path(&path),
            cause,
            "restore it again",
        ));
    }
    Ok(())
}

fn copy_pages(
    source: &Connection,
    session: &mut Session,
    page: i64,
    progress: Progress<'_>,
) -> SqlResult<()> {
    let bytes =
        |pages: i32| u64::try_from(i64::from(pages).saturating_mul(page)).unwrap_or_default();
    let copy = Backup::new(source, &mut session.conn)?;
    let started = Instant::now();
    loop {
        let result = copy.step(PAGES)?;
        let now = copy.progress();
        progress(bytes(now.pagecount - now.remaining), bytes(now.pagecount));
        match result {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            _ if started.elapsed() < session.target.lock_wait => {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            _ => {
                return Err(rusqlite::Error::SqliteFailure(
                    rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
                    None,
                ));
            }
        }
    }
}

fn set_journal_mode(conn: &Connection, mode: &str) -> SqlResult<()> {
    conn.query_row(&format!("PRAGMA main.journal_mode = {mode}"), [], |_| Ok(()))
}

/// Moves what is left of a database aside, with its journals: evidence, and perhaps the
/// only copy of something. Returns where the parts are now.
pub(crate) fn move_aside(target: &Target, _lock: &RunLock) -> Result<Vec<PathBuf>> {
    let stamp = humantime::format_rfc3339_seconds(SystemTime::now()).to_string().replace(':', "");
    let base = with_ending(&target.path, &format!(".damaged-{stamp}-{}", std::process::id()));
    let mut moved = Vec::new();
    // The journals first: without them SQLite can't play them into what comes next.
    for ending in ["-journal", "-wal", "-shm", ""] {
        let (from, to) = (with_ending(&target.path, ending), with_ending(&base, ending));
        match fs::rename(&from, &to) {
            Ok(()) => moved.push(to),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io("move the damaged database aside", &from, &error)),
        }
    }
    let directory = target.path.parent().unwrap_or(std::path::Path::new("/"));
    crate::files::sync_directory(directory)
        .map_err(|error| Error::io("move the damaged database aside", directory, &error))?;
    Ok(moved)
}
