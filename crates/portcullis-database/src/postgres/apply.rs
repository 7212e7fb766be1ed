//! A segment: from its beginning to the commit, or the rollback.

pub(super) mod alone;
pub(super) mod rows;
pub(super) mod step;

use std::time::Instant;

use diesel::connection::{Connection, TransactionManager as _};
use diesel::migration::MigrationConnection as _;
use portcullis_model::plan::{SegmentKind, Step};
use portcullis_model::redact;
use portcullis_model::sql::{Dialect, Statement, effects, statements};
use uuid::Uuid;

use self::step as one_step;
use super::link::conn::{Conn, Diesel, Failure, ONLY_THE_SERVERS, Status};
use super::{Session, catalog, ledger, lock};
use crate::seam::{Head, StepReport};
use crate::step::failed;
use crate::{Error, ErrorKind, Result};

/// Diesel's own count of transactions and savepoints.
type Manager = <Diesel as Connection>::TransactionManager;

/// Stands in the ledger while a transaction of ours is open. It is committed only if a
/// migration ends our transaction: that is how it is noticed.
const TRANSACTION: &str = "(transaction)";

pub(super) fn begin(session: &mut Session) -> Result<()> {
    const OPERATION: &str = "begin a transaction";
    start(&mut session.conn).map_err(|failure| session.error(OPERATION, &failure))?;
    let home = session.home.clone();
    // Diesel makes its table where it finds none; it needs the right to, only then.
    let has_table = catalog::has_diesel_table(&mut session.conn)
        .map_err(|failure| session.error(OPERATION, &failure))?;
    if !has_table {
        make_diesel_table(session)?;
    }
    ledger::enter(&mut session.conn, &home, TRANSACTION)
        .map_err(|failure| session.error(OPERATION, &failure))?;
    session.savepoints = 0;
    session.may_defer = true;
    session.xact = transaction_id(&mut session.conn).ok();
    Ok(())
}

/// Where the application would find it.
fn make_diesel_table(session: &mut Session) -> Result<()> {
    const OPERATION: &str = "make Diesel's table";
    session.conn.as_application().map_err(|failure| session.error(OPERATION, &failure))?;
    if session.conn.diesel().setup().is_err() {
        let failure = session.conn.last_failure().unwrap_or_default();
        return Err(session.error(OPERATION, &failure));
    }
    session.conn.run(ONLY_THE_SERVERS).map_err(|failure| session.error(OPERATION, &failure))
}

/// A transaction that Diesel knows of, so that its migrations are savepoints in it.
fn start(conn: &mut Conn) -> Result<(), Failure> {
    Manager::begin_transaction(conn.diesel())
        .map_err(|error| conn.last_failure().unwrap_or_else(|| Failure::of(&error.to_string())))
}

/// The transaction's number; asking for it gives it one. By this name servers of version 12
/// know it too.
fn transaction_id(conn: &mut Conn) -> Result<String, Failure> {
    let row = conn.ask_one("SELECT pg_catalog.txid_current()")?;
    row.into_iter().next().flatten().ok_or_else(|| Failure::of("the server gave no number"))
}

pub(super) fn apply(
    session: &mut Session,
    step: &Step,
    kind: SegmentKind,
    run: Uuid,
) -> Result<StepReport> {
    let effects = effects(&step.sql, Dialect::Postgres);
    let alone = kind == SegmentKind::NoTransaction;
    // Outside a transaction of ours the server doesn't tell what the step alone has done.
    let watch = if alone {
        None
    } else {
        rows::watch(&mut session.conn, step, &effects)
            .map_err(|failure| session.error("count rows", &failure))?
    };
    let started = Instant::now();
    if alone {
        run_alone(session, step, run)?
    } else {
        run_inside(session, step, run)?
    }
    let milliseconds = started.elapsed().as_millis() as u64;
    let fewer_rows = rows::judge(&mut session.conn, step, &effects, watch)?;
    Ok(StepReport { milliseconds, fewer_rows })
}

fn run_inside(session: &mut Session, step: &Step, run: Uuid) -> Result<()> {
    one_step::run(&mut session.conn, step)?;
    // Diesel notes the version inside of the step's savepoint.
    session.savepoints += 1;
    let same = session.conn.status() == Status::InTransaction;
    let note = ledger::note(&session.home, step, run);
    // Looked up only where there may be some: it is read after each of many steps.
    let quiet = sets_nothing(step);
    let deferred = if session.may_defer || !quiet || may_begin_to_defer(step) {
        Deferred::LookedUp
    } else {
        Deferred::None
    };
    let after = if same { after_step(&mut session.conn, &note, deferred).ok() } else { None };
    match after {
        Some(After { xact, deferred }) if Some(&xact) == session.xact.as_ref() => {
            session.may_defer = deferred.is_some();
            if deferred.is_none() && quiet {
                return Ok(());
            }
            settle_in(&mut session.conn, &deferred).map_err(|failure| {
                failed(step, &failure.to_string(), "correct the migration, then run it again")
            })
        }
        _ => Err(failed(
            step,
            "it ended the gate's transaction: what came before is committed",
            "remove BEGIN, COMMIT and ROLLBACK from the migration",
        )),
    }
}

/// What is to be known after a step.
struct After {
    /// The transaction's number.
    xact: String,
    /// The constraints that are deferred at first, as a list.
    deferred: Option<String>,
}

/// Constraints that are deferred at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deferred {
    /// There may be some.
    LookedUp,
    /// There are none.
    None,
}

/// Notes the step, and looks: in one go, because it happens after each of many.
fn after_step(conn: &mut Conn, note: &str, deferred: Deferred) -> Result<After, Failure> {
    const LOOK_UP: &str = "
        (SELECT pg_catalog.string_agg(pg_catalog.format('%I.%I', n.nspname, k.conname), ', ')
         FROM pg_catalog.pg_constraint k
         JOIN pg_catalog.pg_namespace n ON n.oid = k.connamespace WHERE k.condeferred)";
    let deferred = match deferred {
        Deferred::LookedUp => LOOK_UP,
        Deferred::None => "NULL",
    };
    let row = conn.ask_one(&format!(
        "{ONLY_THE_SERVERS}; {note}; SELECT pg_catalog.txid_current(), {deferred}"
    ))?;
    match <[Option<String>; 2]>::try_from(row) {
        Ok([Some(xact), deferred]) => Ok(After { xact, deferred }),
        _ => Err(Failure::of("the server gave no number")),
    }
}

/// Whether constraints that are deferred at first may have come with a step.
fn may_begin_to_defer(step: &Step) -> bool {
    let text = step.sql.to_ascii_lowercase();
    text.contains("defer") || text.contains("extension")
}

/// Whether a step is of statements that can't leave a setting behind.
pub(super) fn sets_nothing(step: &Step) -> bool {
    const QUIET: [&str; 9] =
        ["create", "drop", "alter", "comment", "grant", "revoke", "insert", "delete", "update"];
    let quiet =
        |statement: &Statement<'_>| QUIET.iter().any(|word| statement.has_keywords(0, &[word]));
    let statements = statements(&step.sql, Dialect::Postgres);
    // Each UPDATE has a SET of its own, and it is the only one.
    let updates = statements.iter().filter(|statement| statement.has_keywords(0, &["update"]));
    step.sql.to_ascii_lowercase().matches("set").count() <= updates.count()
        && statements.iter().all(quiet)
}

/// What a step has set is taken back, and what it has deferred is checked, so that the
/// next one finds what it would find in a transaction of its own.
fn settle_in(conn: &mut Conn, deferred: &Option<String>) -> Result<(), Failure> {
    let again = deferred
        .as_ref()
        .map_or_else(String::new, |names| format!("SET CONSTRAINTS {names} DEFERRED; "));
    let settings = conn.settings().to_owned();
    // What a constraint's trigger calls, it finds as the migration did.
    let application = conn.application_path();
    conn.run(&format!("{application}; SET CONSTRAINTS ALL IMMEDIATE; {again}{RESET}; {settings}"))
}

/// What a migration may have set for the session.
pub(super) const RESET: &str = "RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL";

/// What runs now can't be rolled back: that is committed first, where the next run will
/// look. Afterwards the head and the smoke test get a transaction again.
fn run_alone(session: &mut Session, step: &Step, run: Uuid) -> Result<()> {
    if let Some(what) = alone::takes_rows(step) {
        let cause =
            format!("{what} outside of a transaction, where nobody sees which rows go with it");
        return Err(failed(step, &cause, "set run_in_transaction = true in its metadata.toml"));
    }
    let home = session.home.clone();
    ledger::enter(&mut session.conn, &home, &step.version)
        .map_err(|failure| session.error("mark the migration", &failure))?;
    let invalid = catalog::invalid_indexes(&mut session.conn)
        .map_err(|failure| session.error("look for invalid indexes", &failure))?;
    commit_transaction(&mut session.conn)
        .map_err(|failure| session.error("commit the mark", &failure))?;
    session.close_transaction();
    if let Err(failure) = one_step::run(&mut session.conn, step) {
        // What such a statement is refused, it hasn't done, except for what `CONCURRENTLY`
        // leaves. Of any other nobody can tell, and so it is never tried again.
        if failure.refused && alone::is_whole(step) {
            return Err(take_back(session, step, &invalid, failure.error));
        }
        return Err(Error { kind: ErrorKind::Failed, ..failure.error });
    }
    if session.conn.status() != Status::Idle {
        return Err(failed(step, "it left a transaction open", "end the migration with COMMIT"));
    }
    // Not DISCARD ALL: that would let go of the runner's lock.
    session
        .conn
        .run(&format!("{RESET}; CLOSE ALL; UNLISTEN *; DISCARD TEMP"))
        .and_then(|()| session.conn.settle())
        .map_err(|failure| session.error("take back what the step has set", &failure))?;
    start(&mut session.conn).map_err(|failure| session.error("begin a transaction", &failure))?;
    session.may_defer = true;
    session.xact = transaction_id(&mut session.conn).ok();
    let home = session.home.clone();
    ledger::note_step(&mut session.conn, &home, step, run)
        .map_err(|failure| session.error("note the migration", &failure))
}

/// Drops, by name, the invalid indexes that a failed statement left, and takes the mark
/// away: then the database is as it was before the step.
fn take_back(session: &mut Session, step: &Step, before: &[String], error: Error) -> Error {
    let home = session.home.clone();
    let mut undo = || -> Result<Vec<String>, Failure> {
        let now = catalog::invalid_indexes(&mut session.conn)?;
        // Somebody else may be building one just now.
        let left: Vec<String> = now
            .into_iter()
            .filter(|index| !before.contains(index) && alone::names(step, index))
            .collect();
        for index in &left {
            session.conn.run(&format!("DROP INDEX CONCURRENTLY IF EXISTS {index}"))?;
        }
        ledger::leave(&mut session.conn, &home)?;
        Ok(left)
    };
    match undo() {
        Ok(left) if left.is_empty() => error,
        Ok(left) => {
            let names = redact::printable(&left.join(", ")).into_owned();
            Error {
                cause: format!(
                    "{}; the invalid index that it left, {names}, was dropped",
                    error.cause
                ),
                ..error
            }
        }
        Err(failure) => {
            let cause = format!("{}; and what it left couldn't be dropped: {failure}", error.cause);
            // Busy would say that nothing is left.
            Error {
                kind: ErrorKind::Failed,
                ..failed(
                    step,
                    &cause,
                    "see pg_index for what is not indisvalid, drop it, then run it again",
                )
            }
        }
    }
}

pub(super) fn commit(session: &mut Session, head: &Head) -> Result<()> {
    let home = session.home.clone();
    let mut write = || -> Result<bool, Failure> {
        ledger::set_head(&mut session.conn, &home, head)?;
        ledger::leave(&mut session.conn, &home)?;
        lock::is_held(&mut session.conn)
    };
    let held = write().map_err(|failure| session.error("write the head", &failure))?;
    if !held {
        let failure = Failure::of("a migration let go of the runner's lock");
        return Err(session.error("commit", &failure));
    }
    session.committing = true;
    let Err(failure) = commit_transaction(&mut session.conn) else {
        session.close_transaction();
        return Ok(());
    };
    if !session.conn.is_lost() {
        return Err(session.error("commit", &failure));
    }
    // The connection went while the server was committing, or before: the server knows.
    let committed = session.fate_of_commit()?;
    session.close_transaction();
    if committed { Ok(()) } else { Err(session.error("commit", &failure)) }
}

fn commit_transaction(conn: &mut Conn) -> Result<(), Failure> {
    Manager::commit_transaction(conn.diesel())
        .map_err(|error| conn.last_failure().unwrap_or_else(|| Failure::of(&error.to_string())))
}

pub(super) fn rollback(session: &mut Session) -> Result<()> {
    const OPERATION: &str = "roll back";
    if session.conn.is_lost() {
        // The server rolls back what a lost connection leaves; the lock says when it has.
        // Only what was being committed may be there all the same.
        if session.committing && session.fate_of_commit()? {
            let next = "cargo xtask migrate finds out what became of the run, and goes on";
            let (place, cause) =
                (session.server.shown(), "it was committed before the connection was lost");
            return Err(Error::new(ErrorKind::Lost, OPERATION, place, cause, next));
        }
        if session.conn.is_lost() {
            session.reconnect()?;
        }
    } else {
        let _ = Manager::rollback_transaction(session.conn.diesel());
        // Diesel's idea of the transaction may be gone; the server's is what counts.
        if session.conn.status() != Status::Idle {
            session.conn.run("ROLLBACK").map_err(|failure| session.error(OPERATION, &failure))?;
        }
        session.conn.forget_transactions();
    }
    session.close_transaction();
    let home = session.home.clone();
    let left = ledger::entering(&mut session.conn, &home)
        .map_err(|failure| session.error(OPERATION, &failure))?;
    if left.is_some() {
        return Err(Error::new(
            ErrorKind::Failed,
            OPERATION,
            session.server.shown(),
            "part of the run is committed, so a rollback can't undo it",
            "the backup can",
        ));
    }
    session
        .conn
        .run(RESET)
        .and_then(|()| session.conn.settle())
        .map_err(|failure| session.error("take back what a migration has set", &failure))
}
