//! The connection that a run changes the database over, and what the run knows by it.

use std::time::{Duration, Instant};

use portcullis_model::config::{AutoRestore, Server, Target};
use uuid::Uuid;

use super::home::Home;
use super::identity::{self, Identity};
use super::ledger::{self, Where};
use super::link::conn::{Conn, Failure};
use super::link::connect::{self, Purpose};
use super::undo::{fence, foreign, fresh};
use super::{error, lock};
use crate::seam::Writer;
use crate::{Error, ErrorKind, Result, RunLock};

/// The connection that a run changes the database over.
pub(super) struct Session {
    pub(super) conn: Conn,
    pub(super) server: Server,
    pub(super) target: Target,
    pub(super) identity: Identity,
    /// Where the tool's own tables are.
    pub(super) home: Home,
    /// The number of the open transaction: the server knows by it what became of a commit.
    pub(super) xact: Option<String>,
    /// Whether there may be constraints that are deferred at first.
    pub(super) may_defer: bool,
    /// Whether its commit was asked for.
    pub(super) committing: bool,
    /// The run that this session is at work on.
    pub(super) run: Option<Uuid>,
    /// How many savepoints in it have certainly written.
    pub(super) savepoints: u64,
    /// What is known of others' writes since the backup.
    pub(super) watch: Option<foreign::Watch>,
    /// The copy that was made before the run, if it was to be.
    pub(super) clone: Option<fresh::Fresh>,
}

/// How long a server may be away before a run gives up on it.
const RECONNECT: Duration = Duration::from_secs(15);

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

pub(super) fn find_home(conn: &mut Conn, server: &Server) -> Result<Home> {
    Home::find(conn).map_err(|failure| error(server, "look for the tool's own tables", &failure))
}

impl Session {
    pub(super) fn error(&self, operation: &str, failure: &Failure) -> Error {
        error(&self.server, operation, failure)
    }

    /// Connects again after the connection was lost, proves the server again, and waits
    /// until the lost session has let go of the lock: then what it was doing is decided.
    pub(super) fn reconnect(&mut self) -> Result<()> {
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
    pub(super) fn fate_of_commit(&mut self) -> Result<bool> {
        const OPERATION: &str = "find out whether the commit took effect";
        let Some(xact) = self.xact.clone() else {
            return Err(self.error(OPERATION, &Failure::of("its number isn't known")));
        };
        self.reconnect()?;
        let sql = format!("SELECT pg_catalog.txid_status('{xact}')");
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
    pub(super) fn close_transaction(&mut self) {
        let xact = self.xact.take();
        if let Some(watch) = &mut self.watch {
            watch.saw_own(xact.as_deref(), 1 + self.savepoints);
        }
        self.savepoints = 0;
        self.committing = false;
    }

    /// The name of the slot that watches, where an undo may have to prove something.
    pub(super) fn slot(&self, run: Uuid) -> Option<String> {
        let may_undo = self.server.auto_restore != AutoRestore::Off;
        may_undo.then(|| format!("portcullis_{}", run.simple()))
    }

    pub(super) fn here(&self) -> Where {
        Where { cluster: self.identity.cluster, oid: self.identity.oid }
    }
}
