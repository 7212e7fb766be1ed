//! SQLite: the verbs of the seam, over one connection that Diesel and rusqlite share.

mod apply;
mod backup;
mod catalog;
mod drill;
mod handle;
mod ledger;
mod patience;
mod place;
mod prepare;
mod restore;
mod rows;
mod scratch;
mod shape;
mod smoke;
mod step;
mod value;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use diesel::SqliteConnection;
use portcullis_model::config::Target;
use portcullis_model::plan::{SegmentKind, Step};
use portcullis_model::smoke::Check;
use rusqlite::{Connection, OpenFlags};
use uuid::Uuid;

use crate::seam::{
    BackupRequest, Baseline, Faults, Head, Keys, Overlay, Progress, Reader, Smoke, StepReport,
    StoredReceipt, Survey, Table, Undo, Writer,
};
use crate::{Error, ErrorKind, Result, RunLock, VerifiedBackup};

/// A read-only look at a database.
struct Look {
    path: PathBuf,
    conn: Connection,
    /// Above this size not every row is read.
    hold_writes_max: u64,
}

pub(crate) fn open_reader(target: &Target, path: &Path) -> Result<Option<Box<dyn Reader>>> {
    if place::examine(target, path)? == place::Found::Nothing {
        return Ok(None);
    }
    // A read-only connection in WAL mode makes a log and can't remove it again: where
    // there is none, one that may write, and doesn't, removes it when it closes.
    let access = if place::has_no_log_yet(path) {
        OpenFlags::SQLITE_OPEN_READ_WRITE
    } else {
        OpenFlags::SQLITE_OPEN_READ_ONLY
    };
    let conn = open_to_read(path, target.lock_wait, access)?;
    let hold_writes_max = target.hold_writes_max;
    Ok(Some(Box::new(Look { path: path.to_owned(), conn, hold_writes_max })))
}

/// Opens an existing database without the right to change it or to make it.
fn open_read_only(path: &Path, wait: Duration) -> Result<Connection> {
    open_to_read(path, wait, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

fn open_to_read(path: &Path, wait: Duration, access: OpenFlags) -> Result<Connection> {
    const OPERATION: &str = "open the database for reading";
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || -> rusqlite::Result<Connection> {
        let conn = Connection::open_with_flags(path, flags)?;
        conn.pragma_update(None, "query_only", true)?;
        patience::wait(&conn, wait)?;
        // Nothing is read at opening: the first query finds out what the file is.
        conn.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(conn)
    };
    open().map_err(|error| {
        let hot = error
            .sqlite_error()
            .is_some_and(|code| code.extended_code == rusqlite::ffi::SQLITE_READONLY_ROLLBACK);
        if hot {
            let cause = "a program died while writing, and its journal waits to be rolled back";
            return Error::new(
                ErrorKind::Refused,
                OPERATION,
                portcullis_model::redact::path(path),
                cause,
                "cargo xtask recover rolls it back; commands that only read don't",
            );
        }
        Error::sqlite(OPERATION, path, &error).refused()
    })
}

impl Reader for Look {
    fn survey(&mut self) -> Result<Survey> {
        catalog::survey(&self.conn, &self.path)
    }

    fn receipts(&mut self) -> Result<Vec<StoredReceipt>> {
        ledger::receipts(&self.conn)
            .map_err(|error| Error::sqlite("read the receipts", &self.path, &error))
    }

    fn columns(&mut self) -> Result<Vec<Table>> {
        catalog::columns(&self.conn)
            .map_err(|error| Error::sqlite("read the columns", &self.path, &error))
    }

    fn faults(&mut self) -> Result<Option<Faults>> {
        let read = || -> rusqlite::Result<Option<Faults>> {
            if catalog::bytes(&self.conn)? > self.hold_writes_max {
                return Ok(None);
            }
            smoke::faults(&self.conn).map(Some)
        };
        read().map_err(|error| Error::sqlite("check the database", &self.path, &error))
    }
}

/// The connection that a run changes the database over.
struct Session {
    /// Borrows Diesel's handle, so it must be dropped before it: fields drop in order.
    conn: Connection,
    diesel: SqliteConnection,
    /// SQLite writes into it, so it must be dropped after the connection.
    tally: Arc<handle::Tally>,
    path: PathBuf,
    target: Target,
    /// `PRAGMA data_version` when the backup was taken: it changes when anybody else
    /// commits.
    version_at_backup: Option<i64>,
    /// Whether a step of ours changed it too (a journal mode, a page size): then it no
    /// longer tells others' commits.
    version_is_blurred: bool,
    /// `PRAGMA data_version` after the last commit of ours.
    version_at_commit: Option<i64>,
    counts: Option<rows::Counts>,
    /// The tables that this run renamed, in order; folded.
    renames: Vec<(String, String)>,
    _lock: RunLock,
}

pub(crate) fn open_writer(lock: RunLock, path: &Path) -> Result<Box<dyn Writer>> {
    if place::examine(lock.target(), path)? == place::Found::File {
        place::refuse_other_files(path)?;
    }
    connect_writer(lock, path)
}

pub(crate) fn connect_writer(lock: RunLock, path: &Path) -> Result<Box<dyn Writer>> {
    const OPERATION: &str = "open the database";
    let target = lock.target().clone();
    let handle::Connected { conn, diesel, tally } = handle::connect(path)?;
    let prepare = || -> rusqlite::Result<()> {
        patience::wait(&conn, target.lock_wait)?;
        conn.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        // EXTRA also syncs the directory when the rollback journal goes: a commit stays
        // committed after a power cut.
        conn.pragma_update(None, "synchronous", "EXTRA")?;
        conn.pragma_update(None, "foreign_keys", true)
    };
    prepare().map_err(|error| Error::sqlite(OPERATION, path, &error).refused())?;
    Ok(Box::new(Session {
        conn,
        diesel,
        tally,
        path: path.to_owned(),
        target,
        version_at_backup: None,
        renames: Vec::new(),
        version_is_blurred: false,
        version_at_commit: None,
        counts: None,
        _lock: lock,
    }))
}

pub(crate) use drill::drill;
pub(crate) use place::check_way;
pub(crate) use prepare::restore_anew;
pub(crate) use scratch::{open_copy, open_lab};

impl Session {
    /// Whether all rows are too many to read while writers wait.
    fn is_large(&self) -> bool {
        catalog::bytes(&self.conn).is_ok_and(|bytes| bytes > self.target.hold_writes_max)
    }

    fn error(&self, operation: &str, error: &rusqlite::Error) -> Error {
        Error::sqlite(operation, &self.path, error)
    }
}

impl Reader for Session {
    fn survey(&mut self) -> Result<Survey> {
        catalog::survey(&self.conn, &self.path)
    }

    fn receipts(&mut self) -> Result<Vec<StoredReceipt>> {
        ledger::receipts(&self.conn).map_err(|error| self.error("read the receipts", &error))
    }

    fn columns(&mut self) -> Result<Vec<Table>> {
        catalog::columns(&self.conn).map_err(|error| self.error("read the columns", &error))
    }

    fn faults(&mut self) -> Result<Option<Faults>> {
        let found = smoke::faults(&self.conn);
        found.map(Some).map_err(|error| self.error("check the database", &error))
    }
}

impl Writer for Session {
    fn begin_run(&mut self, run: Uuid, identity: Uuid, intent: &str) -> Result<()> {
        ledger::begin_run(&mut self.conn, run, identity, intent)
            .map_err(|error| self.error("write down what this run will do", &error))
    }

    fn baseline(&mut self, keys: Keys<'_>) -> Result<Baseline> {
        smoke::baseline(&self.conn, keys)
            .map_err(|error| self.error("look at the state before the run", &error))
    }

    /// The pages are replaced: what was there is gone but for its backup.
    fn keeps_what_was_there(&self) -> bool {
        false
    }

    fn is_large(&self) -> bool {
        Session::is_large(self)
    }

    fn begin(&mut self, kind: SegmentKind) -> Result<()> {
        apply::begin(self, kind)
    }

    fn back_up(
        &mut self,
        request: BackupRequest<'_>,
        progress: Progress<'_>,
    ) -> Result<VerifiedBackup> {
        backup::back_up(self, request, progress)
    }

    fn apply(&mut self, step: &Step, kind: SegmentKind, run: Uuid) -> Result<StepReport> {
        apply::apply(self, step, kind, run)
    }

    fn check(&mut self, smoke: Smoke<'_>) -> Vec<Check> {
        smoke::check(self, smoke)
    }

    fn commit(&mut self, head: &Head) -> Result<()> {
        apply::commit(self, head)
    }

    fn rollback(&mut self) -> Result<()> {
        apply::rollback(self)
    }

    fn undo(&mut self, backup: &VerifiedBackup, progress: Progress<'_>) -> Undo {
        restore::undo(self, backup, progress)
    }

    fn restore(
        &mut self,
        backup: &VerifiedBackup,
        overlay: Overlay<'_>,
        progress: Progress<'_>,
    ) -> Result<Option<String>> {
        restore::restore(self, backup, overlay, progress).map(|()| None)
    }

    fn resolve(&mut self, finished: Option<&Step>, run: Uuid) -> Result<()> {
        ledger::resolve(&mut self.conn, finished, run)
            .map_err(|error| self.error("close a run that died", &error))
    }

    fn record(&mut self, receipt: &StoredReceipt) -> Result<()> {
        ledger::record(&mut self.conn, receipt)
            .map_err(|error| self.error("file the receipt", &error))
    }
}
