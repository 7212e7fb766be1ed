//! PostgreSQL: the verbs of the seam, over one pinned connection that Diesel shares.

mod apply;
mod backup;
mod catalog;
mod drill;
mod home;
mod identity;
mod introduce;
mod ledger;
mod link;
mod lock;
mod look;
mod migrator;
mod roles;
mod scratch;
mod session;
mod shape;
mod smoke;
mod survey;
#[cfg(test)]
mod test_server;
mod undo;

use apply::alone;
pub(crate) use drill::drill;
pub(crate) use introduce::{meet, shake_hands};
use link::conn::Failure;
pub(crate) use link::conn::{Conn, Diesel, Status};
use link::connect::{self, Purpose};
pub(crate) use look::open_reader;
use portcullis_model::config::{AutoRestore, Server};
use portcullis_model::plan::{SegmentKind, Step};
use portcullis_model::smoke::{Check, When};
pub(crate) use scratch::{open_copy, open_lab};
use session::Session;
pub(crate) use session::open_writer;
pub(crate) use undo::restore::restore_anew;
use undo::{clone, foreign, restore};
use uuid::Uuid;

use crate::seam::{
    Afterwards, BackupRequest, Baseline, Faults, Head, Keys, Overlay, Progress, Reader, Smoke,
    StepReport, StoredReceipt, Survey, Table, Undo, Writer,
};
use crate::{Error, ErrorKind, Result, VerifiedBackup};

/// A failure as an error of this database.
fn error(server: &Server, operation: &str, failure: &Failure) -> Error {
    let (kind, next_step) = if failure.is_lock_timeout() || failure.is_deadlock() {
        (ErrorKind::Busy, "something else holds a lock on it; run it again")
    } else if failure.is_connection() {
        (ErrorKind::Failed, "look at the server and the network, then run it again")
    } else if failure.is_forbidden() {
        (
            ErrorKind::Failed,
            "the role lacks a right: cargo xtask target add proposes one that has it",
        )
    } else {
        (ErrorKind::Failed, "see the cause")
    };
    Error::new(kind, operation, server.shown(), failure.to_string(), next_step)
}

impl Reader for Session {
    fn survey(&mut self) -> Result<Survey> {
        survey::survey(&mut self.conn, &self.identity)
            .map_err(|failure| self.error("read the database", &failure))
    }

    fn receipts(&mut self) -> Result<Vec<StoredReceipt>> {
        ledger::receipts(&mut self.conn, &self.home)
            .map_err(|failure| self.error("read the receipts", &failure))
    }

    fn columns(&mut self) -> Result<Vec<Table>> {
        catalog::columns(&mut self.conn).map_err(|failure| self.error("read the columns", &failure))
    }

    fn faults(&mut self) -> Result<Option<Faults>> {
        let found = smoke::all_faults(&mut self.conn).map(Some);
        found.map_err(|failure| self.error("check the database", &failure))
    }
}

impl Writer for Session {
    fn begin_run(&mut self, run: Uuid, identity: Uuid, intent: &str) -> Result<()> {
        let here = self.here();
        self.run = Some(run);
        ledger::begin_run(&mut self.conn, &self.home, run, (identity, &here), intent)
            .map_err(|failure| self.error("write down what this run will do", &failure))
    }

    fn baseline(&mut self, _: Keys<'_>) -> Result<Baseline> {
        smoke::baseline(&mut self.conn)
            .map_err(|failure| self.error("look at the state before the run", &failure))
    }

    fn keeps_what_was_there(&self) -> bool {
        true
    }

    /// Always: a dump is taken of a snapshot, and nobody waits for it.
    fn is_large(&self) -> bool {
        true
    }

    fn begin(&mut self, _: SegmentKind) -> Result<()> {
        apply::begin(self)
    }

    fn back_up(
        &mut self,
        request: BackupRequest<'_>,
        progress: Progress<'_>,
    ) -> Result<VerifiedBackup> {
        // Before the snapshot of the backup: what is seen twice is only doubted once more.
        let slot = self.slot(request.run);
        self.watch = foreign::begin(&mut self.conn, slot).ok();
        let source = backup::Source {
            conn: &mut self.conn,
            target: &self.target,
            server: &self.server,
            identity: &self.identity,
        };
        backup::back_up(source, request, progress)
    }

    fn prepare_undo(&mut self, run: Uuid) -> Result<()> {
        if self.server.auto_restore == AutoRestore::Clone {
            self.clone = Some(clone::make(self, run)?);
        }
        Ok(())
    }

    fn apply(&mut self, step: &Step, kind: SegmentKind, run: Uuid) -> Result<StepReport> {
        apply::apply(self, step, kind, run)
    }

    fn check(&mut self, smoke: Smoke<'_>) -> Vec<Check> {
        match smoke.when {
            When::BeforeCommit => {
                // One of the checks writes, in a savepoint.
                self.savepoints += 1;
                smoke::checks(&mut self.conn, &self.home, smoke)
            }
            // A fresh connection sees what everybody sees.
            When::AfterCommit => match connect::connect(&self.server, Purpose::Change) {
                Ok(mut conn) => {
                    if let Some(watch) = &mut self.watch {
                        watch.saw_a_number();
                    }
                    smoke::checks(&mut conn, &self.home, smoke)
                }
                Err(error) => vec![Check::run("alive", || Err(error.to_string()))],
            },
        }
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
        restore::restore(self, backup, overlay, progress).map(Some)
    }

    fn afterwards(&mut self, sql: &str) -> Result<Afterwards> {
        alone::afterwards(&mut self.conn, sql)
            .map_err(|failure| self.error("see what a run that died has done", &failure))
    }

    fn resolve(&mut self, finished: Option<&Step>, run: Uuid) -> Result<()> {
        ledger::resolve(&mut self.conn, &self.home, finished, run)
            .map_err(|failure| self.error("close a run that died", &failure))
    }

    fn record(&mut self, receipt: &StoredReceipt) -> Result<()> {
        ledger::record(&mut self.conn, &self.home, receipt)
            .map_err(|failure| self.error("file the receipt", &failure))
    }
}
