//! Putting a backup back: into a database beside, proved, and swapped in. What was there
//! stays, under another name.

use std::path::PathBuf;
use std::thread;

use portcullis_model::config::{AutoRestore, Server};
use portcullis_model::redact;
use uuid::Uuid;

use super::fence::{self, Fence, Keep};
use super::fresh::{self, Fresh};
use super::{foreign, names, sequences, settings};
use crate::postgres::backup::{refill, trial};
use crate::postgres::error;
use crate::postgres::ledger::{self, Where};
use crate::postgres::link::conn::{Failure, name};
use crate::postgres::link::connect::{self, Purpose};
use crate::postgres::session::{Session, find_home};
use crate::seam::{Means, Overlay, Progress, Undo, Writer};
use crate::{Error, ErrorKind, Result, RunLock, VerifiedBackup};

const OPERATION: &str = "restore the backup";

/// Fills it, and proves that it is what was backed up.
fn fill(fresh: &Fresh, backup: &VerifiedBackup, progress: Progress<'_>) -> Result<()> {
    let server = fresh.server();
    let failed = |failure: Failure| error(server, OPERATION, &failure).refused();
    refill::fill(server, fresh.name(), backup, progress).map_err(Error::refused)?;
    let mut conn = connect::connect_to(server, fresh.name(), Purpose::Change)?;
    let mut beside = connect::connect_to(server, fresh.name(), Purpose::Change)?;
    let (compared, analyzed) = thread::scope(|scope| {
        // A dump has no statistics, and without them queries take wrong ways.
        let analyzed = scope.spawn(|| beside.run("ANALYZE"));
        let compared = trial::compare(&mut conn, backup);
        (compared, analyzed.join().unwrap_or_else(|_| Err(Failure::of("ANALYZE panicked"))))
    });
    compared.map_err(|cause| {
        let next = "choose another one: cargo xtask backup list";
        Error::new(ErrorKind::Refused, OPERATION, redact::path(backup.path()), cause, next)
    })?;
    analyzed.map_err(failed)?;
    drop((conn, beside));
    let mut admin = fence::administer(server)?;
    settings::carry_over(&mut admin, &server.database, fresh.name()).map_err(failed)
}

fn refuse_what_cannot_be_restored(backup: &VerifiedBackup) -> Result<()> {
    if backup.is_restorable() {
        return Ok(());
    }
    let (cause, next) =
        ("it was taken by a command of yours", "restore it with the tool that took it");
    Err(Error::new(ErrorKind::Refused, OPERATION, redact::path(backup.path()), cause, next))
}

/// Writes into the filled database what must come with it.
fn overlay_in(server: &Server, fresh: &Fresh, at: &Where, overlay: Overlay<'_>) -> Result<()> {
    let mut conn = connect::connect_to(server, fresh.name(), Purpose::Change)?;
    let home = find_home(&mut conn, server)?;
    ledger::overlay(&mut conn, &home, at, overlay)
        .map_err(|failure| error(server, OPERATION, &failure).refused())
}

/// Restores a backup over a database that stays, under another name.
pub(crate) fn restore(
    session: &mut Session,
    backup: &VerifiedBackup,
    overlay: Overlay<'_>,
    progress: Progress<'_>,
) -> Result<String> {
    let server = session.server.clone();
    refuse_what_cannot_be_restored(backup)?;
    let mut fresh = fresh::create(&server, &server.database, overlay.run)?;
    fill(&fresh, backup, progress)?;
    let at = Where { cluster: session.identity.cluster, oid: fresh.oid };
    overlay_in(&server, &fresh, &at, overlay)?;
    let aside = names::beside(&server.database, names::REPLACED, overlay.run);
    let mut fence = fence::raise(&server, &server.database, session.identity.oid)?;
    let patience = session.target.lock_wait;
    let swapped = fence.drain(Keep::Nobody, patience).and_then(|()| fence.swap(&fresh, &aside));
    if let Err(failure) = swapped {
        // Still under its name: it is let in again, and nothing has changed.
        if let Err(failure) = fence.lift(&server) {
            fresh.stays();
            return Err(fence::stands(&server, &failure));
        }
        let mut error = error(&server, OPERATION, &failure);
        error.kind = ErrorKind::Busy;
        error.next_step = "stop the programs that use the database, then run it again".to_owned();
        let _ = session.reconnect();
        return Err(error);
    }
    fresh.is_placed();
    session.identity.oid = fresh.oid;
    session.run = Some(overlay.run);
    // It is restored, whatever this says: what comes next sees whether the connection lives.
    let _ = session.reconnect();
    Ok(aside)
}

/// Takes the backup's state back after a commit, if it is proved that nobody else has
/// written since, and if the target's configuration allows it.
pub(crate) fn undo(session: &mut Session, backup: &VerifiedBackup, progress: Progress<'_>) -> Undo {
    if session.server.auto_restore == AutoRestore::Off {
        return Undo::NotProved("auto-restore is off for this target".to_owned());
    }
    let Some(watch) = session.watch.clone() else {
        return Undo::NotProved("nothing was watched since the backup".to_owned());
    };
    if session.conn.is_lost()
        || crate::postgres::apply::rollback(session).is_err() && session.conn.is_lost()
    {
        return Undo::NotProved("the connection that watched was lost".to_owned());
    }
    // Without a fence this proves nothing, but it may already tell that there is no need to
    // begin.
    if let Ok(Err(doubt)) = watch.prove(&mut session.conn) {
        let kept = session.clone.take().map_or_else(String::new, |mut clone| clone.keep());
        return Undo::NotProved(format!("{doubt}{kept}"));
    }
    // What was verified minutes ago is verified again: it is about to be all there is.
    match VerifiedBackup::open(backup.path())
        .and_then(|backup| undo_with(session, &backup, watch, progress))
    {
        Ok(undo) => undo,
        Err(error) => Undo::Failed(error.to_string()),
    }
}

/// How the state from before the run comes back.
enum Source<'a> {
    /// By restoring the backup.
    Backup(&'a VerifiedBackup, Progress<'a>),
    /// It is there: a copy that was made before the run.
    Clone,
}

/// Without a slot, what a restore itself does on the server hides others' writes: then the
/// fence and the proof come before it. With one, nobody is kept out while it runs.
fn undo_with(
    session: &mut Session,
    backup: &VerifiedBackup,
    mut watch: foreign::Watch,
    progress: Progress<'_>,
) -> Result<Undo> {
    let server = session.server.clone();
    let of = if session.clone.is_some() { Means::Copy } else { Means::Backup };
    let (mut fresh, mut source) = match session.clone.take() {
        Some(clone) => (clone, Source::Clone),
        None => {
            refuse_what_cannot_be_restored(backup)?;
            // Before the fence: whoever finds the fence knows by it whose it is.
            let fresh = fresh::create(&server, &server.database, backup.sidecar().run)?;
            // It was made, and got its comment.
            watch.saw_a_number();
            watch.saw_a_number();
            (fresh, Source::Backup(backup, progress))
        }
    };
    if watch.outlives_a_restore() {
        source.fill(session, &fresh)?;
    }
    let mut fence = fence::raise(&server, &server.database, session.identity.oid)?;
    watch.saw_a_number();
    let run = backup.sidecar().run;
    let end = under_fence(session, &mut fence, &watch, &fresh, source, run);
    if let Ok(Ok(aside)) = end {
        fresh.is_placed();
        session.identity.oid = fresh.oid;
        // It is restored, whatever this says.
        let _ = session.reconnect();
        return Ok(Undo::Restored { kept: Some(aside), of });
    }
    if let Err(failure) = fence.lift(&server) {
        fresh.stays();
        return Err(fence::stands(&server, &failure));
    }
    if session.conn.is_lost() {
        session.reconnect()?;
    }
    // Nothing that shows the state from before the run is thrown away now.
    let kept = if of == Means::Copy { fresh.keep() } else { String::new() };
    end.map(|end| {
        end.map_or_else(
            |doubt| Undo::NotProved(format!("{doubt}{kept}")),
            |aside| Undo::Restored { kept: Some(aside), of },
        )
    })
}

/// Proves, under the fence, that nobody else has written, and puts the restored database in
/// the place. The proof needs this session, the swap needs it gone.
fn under_fence(
    session: &mut Session,
    fence: &mut Fence,
    watch: &foreign::Watch,
    fresh: &Fresh,
    mut source: Source<'_>,
    run: Uuid,
) -> Result<Result<String, foreign::Doubt>> {
    let server = session.server.clone();
    let failed = |failure: Failure| error(&server, OPERATION, &failure);
    let patience = session.target.lock_wait;
    fence.drain(Keep::Session(session.conn.backend_pid()), patience).map_err(failed)?;
    if let Err(doubt) = watch.prove(&mut session.conn).map_err(failed)? {
        return Ok(Err(doubt));
    }
    let given = sequences::given(&mut session.conn).map_err(failed)?;
    if !watch.outlives_a_restore() {
        source.fill(session, fresh)?;
    }
    let mut conn = connect::connect_to(&server, fresh.name(), Purpose::Change)?;
    sequences::carry_forward(&mut conn, &given).map_err(failed)?;
    drop(conn);
    let aside = names::beside(&server.database, names::FAILED, run);
    fence.drain(Keep::Nobody, patience).map_err(failed)?;
    fence.swap(fresh, &aside).map_err(failed)?;
    Ok(Ok(aside))
}

impl Source<'_> {
    /// Has the state in the database that waits. It is the same one to everybody who names
    /// it: it keeps its identity.
    fn fill(&mut self, session: &Session, fresh: &Fresh) -> Result<()> {
        let server = &session.server;
        if let Source::Backup(backup, progress) = self {
            fill(fresh, backup, progress)?;
        }
        let at = Where { cluster: session.identity.cluster, oid: fresh.oid };
        let mut conn = connect::connect_to(server, fresh.name(), Purpose::Change)?;
        let home = find_home(&mut conn, server)?;
        ledger::rehome(&mut conn, &home, &at).map_err(|failure| error(server, OPERATION, &failure))
    }
}

/// Where the server has no such database any more, nobody knows what it allowed to whom, nor
/// its encoding and its order of texts: no dump has that.
pub(crate) fn restore_anew(
    _: RunLock,
    server: &Server,
    _: &VerifiedBackup,
    _: Overlay<'_>,
    _: Progress<'_>,
) -> Result<(Vec<PathBuf>, Box<dyn Writer>)> {
    let cause = "there is no such database, and a backup has neither its encoding and locale nor its grants";
    let next = format!(
        "make an empty one as it was (CREATE DATABASE {} …, its grants and settings), then run the restore again",
        name(&server.database)
    );
    Err(Error::new(ErrorKind::Refused, OPERATION, server.shown(), cause, next))
}
