//! PostgreSQL: the verbs of the seam, over one pinned connection that Diesel shares.

mod alone;
mod apply;
mod backup;
mod catalog;
mod certificate;
mod child;
mod claim;
mod clone;
mod compare;
mod conn;
mod connect;
mod contents;
mod dump;
mod environment;
mod external;
mod fence;
mod foreign;
mod fresh;
mod hindrances;
mod home;
mod identity;
mod introduce;
mod ledger;
mod lock;
mod login;
mod migrator;
mod names;
mod nature;
mod not_connected;
mod password;
mod powerless;
mod quote;
mod readable;
mod restore;
mod roles;
mod rows;
mod scratch;
mod sequences;
mod settings;
mod smoke;
mod snapshot;
mod step;
mod survey;
#[cfg(test)]
mod test_server;
mod tls;
mod tools;
mod transaction;
mod trial;
mod wire;

use std::time::{Duration, Instant};

use portcullis_model::config::{AutoRestore, Server, Target};
use portcullis_model::plan::{SegmentKind, Step};
use portcullis_model::smoke::{Check, When};
use uuid::Uuid;

use crate::seam::{
    Afterwards, BackupRequest, Baseline, Head, Keys, Overlay, Progress, Reader, Smoke, StepReport,
    StoredReceipt, Survey, Table, Undo, Writer,
};
use crate::{Error, ErrorKind, Result, RunLock, VerifiedBackup};
use conn::{Conn, Failure};
use connect::Purpose;
use home::Home;
use identity::Identity;
use ledger::Where;

/// A read-only look at a database.
struct Look {
    server: Server,
    conn: Conn,
    identity: Identity,
}

pub(crate) fn open_reader(_: &Target, server: &Server) -> Result<Option<Box<dyn Reader>>> {
    let mut conn = connect::connect(server, Purpose::Look)?;
    let identity = identity::examine(&mut conn, server)?;
    Ok(Some(Box::new(Look { server: server.clone(), conn, identity })))
}

impl Reader for Look {
    fn survey(&mut self) -> Result<Survey> {
        survey::survey(&mut self.conn, &self.identity)
            .map_err(|failure| error(&self.server, "read the database", &failure))
    }

    fn receipts(&mut self) -> Result<Vec<StoredReceipt>> {
        receipts(&mut self.conn)
            .map_err(|failure| error(&self.server, "read the receipts", &failure))
    }

    fn columns(&mut self) -> Result<Vec<Table>> {
        catalog::columns(&mut self.conn)
            .map_err(|failure| error(&self.server, "read the columns", &failure))
    }

    fn others_who_may_change(&mut self) -> Result<Vec<String>> {
        roles::others(&mut self.conn)
            .map_err(|failure| error(&self.server, "look for other roles", &failure))
    }
}

fn receipts(conn: &mut Conn) -> Result<Vec<StoredReceipt>, Failure> {
    let home = Home::find(conn)?;
    ledger::receipts(conn, &home)
}

/// The connection that a run changes the database over.
struct Session {
    conn: Conn,
    server: Server,
    target: Target,
    identity: Identity,
    /// Where the tool's own tables are.
    home: Home,
    /// The number of the open transaction: the server knows by it what became of a commit.
    xact: Option<String>,
    /// Whether there may be constraints that are deferred at first.
    may_defer: bool,
    /// Whether its commit was asked for.
    committing: bool,
    /// The run that this session is at work on.
    run: Option<Uuid>,
    /// How many savepoints in it have certainly written.
    savepoints: u64,
    /// What is known of others' writes since the backup.
    watch: Option<foreign::Watch>,
    /// The copy that was made before the run, if it was to be.
    clone: Option<fresh::Fresh>,
}

pub(crate) fn open_writer(lock: RunLock, server: &Server) -> Result<Box<dyn Writer>> {
    let target = lock.target().clone();
    let mut conn = match connect::connect(server, Purpose::Change) {
        Err(error) if error.kind == ErrorKind::Fenced && fence::lift_left_over(server)? => {
            connect::connect(server, Purpose::Change)?
        }
        conn => conn?,
    };
    let identity = identity::examine(&mut conn, server)?;
    lock::take(&mut conn, server)?;
    fresh::remove_left_over(&mut conn, server, identity.oid)
        .map_err(|failure| error(server, "look for what dead runs have left", &failure))?;
    let home = find_home(&mut conn, server)?;
    Ok(Box::new(Session {
        conn,
        server: server.clone(),
        target,
        identity,
        home,
        xact: None,
        savepoints: 0,
        may_defer: true,
        committing: false,
        run: None,
        watch: None,
        clone: None,
    }))
}

fn find_home(conn: &mut Conn, server: &Server) -> Result<Home> {
    Home::find(conn).map_err(|failure| error(server, "look for the tool's own tables", &failure))
}

pub(crate) use introduce::{meet, shake_hands};
pub(crate) use restore::restore_anew;

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

impl Session {
    fn error(&self, operation: &str, failure: &Failure) -> Error {
        error(&self.server, operation, failure)
    }

    /// Connects again after the connection was lost, proves the server again, and waits
    /// until the lost session has let go of the lock: then what it was doing is decided.
    fn reconnect(&mut self) -> Result<()> {
        let started = Instant::now();
        let mut conn = loop {
            match connect::connect(&self.server, Purpose::Change) {
                Ok(conn) => break conn,
                // A server that was restarted is there again soon.
                Err(_) if started.elapsed() < RECONNECT => {
                    std::thread::sleep(Duration::from_millis(250));
                }
                Err(error) => return Err(Error { kind: ErrorKind::Lost, ..error }),
            }
        };
        let identity = identity::examine(&mut conn, &self.server)?;
        if (identity.cluster, identity.oid) != (self.identity.cluster, self.identity.oid) {
            let cause = "another server or database answers there now";
            let next = "look at the server, then cargo xtask migrate";
            let place = self.server.shown();
            return Err(Error::new(ErrorKind::Failed, "connect again", place, cause, next));
        }
        // Nothing is known of what became of the run as long as somebody else has the lock.
        let lost = |error: Error| Error { kind: ErrorKind::Lost, ..error };
        lock::take(&mut conn, &self.server).map_err(lost)?;
        self.refuse_another_run(&mut conn).map_err(lost)?;
        self.conn = conn;
        Ok(())
    }

    /// While this session had no lock, another run may have settled this one, and gone on.
    fn refuse_another_run(&self, conn: &mut Conn) -> Result<()> {
        let Some(run) = self.run else { return Ok(()) };
        let failed = |failure: Failure| self.error("connect again", &failure);
        let home = find_home(conn, &self.server)?;
        let newest = ledger::newest_run(conn, &home).map_err(failed)?;
        if newest == Some((run, false)) {
            return Ok(());
        }
        let failure = Failure::of("another run has settled this one, and has taken over");
        Err(self.error("connect again", &failure))
    }

    /// Whether the transaction whose commit was cut off is committed; asked over a new
    /// connection.
    fn fate_of_commit(&mut self) -> Result<bool> {
        const OPERATION: &str = "find out whether the commit took effect";
        let Some(xact) = self.xact.clone() else {
            return Err(self.error(OPERATION, &Failure::of("its number isn't known")));
        };
        self.reconnect()?;
        let sql = format!("SELECT pg_catalog.pg_xact_status('{xact}')");
        let row = self.conn.ask_one(&sql).map_err(|failure| self.error(OPERATION, &failure))?;
        match row.first().cloned().flatten().as_deref() {
            Some("committed") => Ok(true),
            Some("aborted") => Ok(false),
            other => {
                let cause = format!("the server says {}", other.unwrap_or("nothing"));
                Err(self.error(OPERATION, &Failure::of(&cause)))
            }
        }
    }

    /// The open transaction is over, whatever became of it: what it took is known.
    fn close_transaction(&mut self) {
        let xact = self.xact.take();
        if let Some(watch) = &mut self.watch {
            watch.saw_own(xact.as_deref(), 1 + self.savepoints);
        }
        self.savepoints = 0;
        self.committing = false;
    }

    /// The name of the slot that watches, where an undo may have to prove something.
    fn slot(&self, run: Uuid) -> Option<String> {
        let may_undo = self.server.auto_restore != AutoRestore::Off;
        may_undo.then(|| format!("portcullis_{}", run.simple()))
    }

    fn here(&self) -> Where {
        Where { cluster: self.identity.cluster, oid: self.identity.oid }
    }
}

/// How long a server may be away before a run gives up on it.
const RECONNECT: Duration = Duration::from_secs(15);

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
