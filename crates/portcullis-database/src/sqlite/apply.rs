//! A segment: from keeping other writers out to the commit, or the rollback.

use std::time::Instant;

use diesel::connection::{AnsiTransactionManager, SimpleConnection as _, TransactionManager as _};
use diesel::migration::MigrationConnection as _;
use portcullis_model::plan::{SegmentKind, Step};
use portcullis_model::redact;
use portcullis_model::sql::{Dialect, Effects, effects, statements};
use uuid::Uuid;

use super::catalog::Violations;
use super::step::{Failure, is_busy};
use super::{Session, catalog, ledger, rows, step as one_step};
use crate::seam::{Head, StepReport};
use crate::step::failed;
use crate::{Error, ErrorKind, Result};

/// Stands in the ledger while a transaction of ours is open. It is committed only if a
/// migration ends our transaction: that is how it is noticed.
const TRANSACTION: &str = "(transaction)";

pub(super) fn begin(session: &mut Session, kind: SegmentKind) -> Result<()> {
    const OPERATION: &str = "keep other writers out";
    // Works only outside a transaction, which is why a rebuild has one of its own.
    let keys = kind != SegmentKind::Rebuild;
    session
        .conn
        .pragma_update(None, "foreign_keys", keys)
        .map_err(|error| session.error(OPERATION, &error))?;
    lock(session)?;
    session.diesel.setup().map_err(|error| diesel_error(session, "make Diesel's table", &error))?;
    session.counts = None;
    ledger::enter(&session.conn, TRANSACTION).map_err(|error| session.error(OPERATION, &error))
}

fn lock(session: &mut Session) -> Result<()> {
    AnsiTransactionManager::begin_transaction_sql(&mut session.diesel, "BEGIN IMMEDIATE")
        .map_err(|error| diesel_error(session, "keep other writers out", &error))
}

pub(super) fn apply(
    session: &mut Session,
    step: &Step,
    kind: SegmentKind,
    run: Uuid,
) -> Result<StepReport> {
    let effects = effects(&step.sql, Dialect::Sqlite);
    let large = session.is_large();
    // Outside a transaction others may write between two counts; the tally sees only what
    // this connection does.
    let counting = !large && kind != SegmentKind::NoTransaction;
    let watch = rows::watch(
        session,
        step,
        &effects,
        if counting { rows::How::Count } else { rows::How::Tally },
    )?;
    let checks_rebuild = large && kind == SegmentKind::Rebuild;
    let keys_before =
        if checks_rebuild { rebuilt_keys(session, &effects)? } else { Violations::new() };
    let started = Instant::now();
    match kind {
        SegmentKind::NoTransaction => run_alone(session, step)?,
        SegmentKind::Transaction | SegmentKind::Rebuild => run_inside(session, step)?,
    }
    let milliseconds = started.elapsed().as_millis() as u64;
    let keys_after =
        if checks_rebuild { rebuilt_keys(session, &effects)? } else { Violations::new() };
    if let Some(worse) = catalog::worse(&keys_before, &keys_after, &effects.renames) {
        return Err(failed(step, &worse, "keep every referenced row in the rebuilt table"));
    }
    ledger::note_step(&session.conn, step, run)
        .map_err(|error| session.error("note the migration", &error))?;
    let fewer_rows = rows::judge(session, step, &effects, watch)?;
    session.renames.extend(effects.renames);
    Ok(StepReport { milliseconds, fewer_rows })
}

fn run_inside(session: &mut Session, step: &Step) -> Result<()> {
    one_step::run(session, step)?;
    if session.conn.is_autocommit() {
        return Err(failed(
            step,
            "it ended the gate's transaction: what came before is committed",
            "remove BEGIN, COMMIT and ROLLBACK from the migration",
        ));
    }
    Ok(())
}

/// What runs now can't be rolled back: that is committed first, where the next run will
/// look. Afterwards the head and the smoke test get a transaction again.
fn run_alone(session: &mut Session, step: &Step) -> Result<()> {
    ledger::enter(&session.conn, &step.version)
        .map_err(|error| session.error("mark the migration", &error))?;
    AnsiTransactionManager::commit_transaction(&mut session.diesel)
        .map_err(|error| diesel_error(session, "commit the mark", &error))?;
    let before = data_version(session).ok();
    let ran = one_step::run(session, step);
    session.version_is_blurred |= data_version(session).ok() != before;
    match ran {
        Ok(()) => {}
        // One statement that fails outside a transaction has done nothing.
        Err(Failure::Text(error)) if statements(&step.sql, Dialect::Sqlite).len() == 1 => {
            let undone = ledger::leave(&session.conn);
            undone.map_err(|error| session.error("take the mark back", &error))?;
            return Err(error);
        }
        Err(failure) => return Err(failure.into()),
    }
    // A script of its own may have left a transaction open.
    if !session.conn.is_autocommit() {
        return Err(failed(step, "it left a transaction open", "end the migration with COMMIT"));
    }
    // The step is done and recorded: a busy moment is no reason to give it up.
    (0..LOCK_TRIES).find_map(|_| lock(session).ok()).map_or_else(|| lock(session), Ok)
}

/// How often the lock is asked for after a step outside a transaction, each time for the
/// target's `lock-wait`.
const LOCK_TRIES: u32 = 3;

/// Changes when another connection has committed.
pub(super) fn data_version(session: &Session) -> rusqlite::Result<i64> {
    session.conn.pragma_query_value(None, "data_version", |row| row.get(0))
}

pub(super) fn commit(session: &mut Session, head: &Head) -> Result<()> {
    let write = || -> rusqlite::Result<()> {
        ledger::set_head(&session.conn, head)?;
        ledger::leave(&session.conn)
    };
    write().map_err(|error| session.error("write the head", &error))?;
    if let Err(error) = AnsiTransactionManager::commit_transaction(&mut session.diesel) {
        // A commit can take effect and still report an error, as when only the directory
        // couldn't be synced after it: the head tells.
        let there = session.conn.is_autocommit()
            && ledger::head(&session.conn).ok().flatten().as_ref() == Some(head);
        if !there {
            return Err(diesel_error(session, "commit", &error));
        }
    }
    session.version_at_commit = data_version(session).ok();
    // It is committed, whatever this says; and the next `begin` sets them again.
    let _ = keys_on(session);
    Ok(())
}

pub(super) fn rollback(session: &mut Session) -> Result<()> {
    const OPERATION: &str = "roll back";
    if !session.conn.is_autocommit() {
        let result = AnsiTransactionManager::rollback_transaction(&mut session.diesel);
        // Diesel's idea of the transaction may be gone; SQLite's is what counts.
        if result.is_err() && !session.conn.is_autocommit() {
            session
                .diesel
                .batch_execute("ROLLBACK")
                .map_err(|error| diesel_error(session, OPERATION, &error))?;
        }
    }
    let left = ledger::entering(&session.conn).map_err(|error| session.error(OPERATION, &error))?;
    if left.is_some() {
        return Err(Error::new(
            ErrorKind::Failed,
            OPERATION,
            redact::path(&session.path),
            "part of the run is committed, so a rollback can't undo it",
            "the backup can",
        ));
    }
    keys_on(session)
}

fn keys_on(session: &Session) -> Result<()> {
    session
        .conn
        .pragma_update(None, "foreign_keys", true)
        .map_err(|error| session.error("switch foreign keys on again", &error))
}

/// The smoke test checks all keys, but not those of a large database while writers wait:
/// then a rebuild has at least its own tables' keys checked.
fn rebuilt_keys(session: &Session, effects: &Effects) -> Result<Violations> {
    let rebuilt: Vec<String> = effects.rebuilds().map(str::to_owned).collect();
    catalog::with_children(&session.conn, &rebuilt)
        .and_then(|tables| catalog::violations(&session.conn, Some(&tables)))
        .map_err(|error| session.error("check the foreign keys of a rebuilt table", &error))
}

fn diesel_error(session: &Session, operation: &str, error: &diesel::result::Error) -> Error {
    let text = error.to_string();
    let (kind, next_step) = if is_busy(&text) {
        (ErrorKind::Busy, "another program is using the database; run it again when it is done")
    } else if text.contains("readonly") {
        (ErrorKind::Failed, "check who may write the database file and its directory")
    } else {
        (ErrorKind::Failed, "see the cause")
    };
    Error::new(kind, operation, redact::path(&session.path), text, next_step)
}
