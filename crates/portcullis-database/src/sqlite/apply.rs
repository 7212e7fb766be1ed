//! Running steps: Diesel's harness in our transaction, and what is watched meanwhile.

use std::collections::BTreeMap;
use std::time::Instant;

use diesel::connection::{AnsiTransactionManager, SimpleConnection as _, TransactionManager as _};
use diesel::migration::{
    Migration, MigrationConnection as _, MigrationMetadata, MigrationName, MigrationVersion,
};
use diesel::sqlite::Sqlite;
use diesel_migrations::MigrationHarness as _;
use portcullis_model::plan::{Direction, SegmentKind, Step};
use portcullis_model::redact;
use portcullis_model::sql::{Dialect, Effects, effects};

use super::{Session, catalog, ledger};
use crate::seam::{FewerRows, Head, StepReport};
use crate::{Error, ErrorKind, Result};
use uuid::Uuid;

/// Row counts, and how many changes the connection had made when they were taken.
pub(super) struct Counts {
    tables: BTreeMap<String, u64>,
    total_changes: u64,
}

pub(super) fn begin(session: &mut Session, kind: SegmentKind) -> Result<()> {
    const OPERATION: &str = "keep other writers out";
    // Works only outside a transaction, which is why a rebuild has one of its own.
    let keys = kind != SegmentKind::Rebuild;
    session
        .conn
        .pragma_update(None, "foreign_keys", keys)
        .map_err(|error| session.error(OPERATION, &error))?;
    AnsiTransactionManager::begin_transaction_sql(&mut session.diesel, "BEGIN IMMEDIATE")
        .map_err(|error| diesel_error(session, OPERATION, None, &error))?;
    session
        .diesel
        .setup()
        .map_err(|error| diesel_error(session, "make Diesel's table", None, &error))?;
    session.counts = None;
    // Committed only if a migration ends our transaction: that is how it is noticed.
    ledger::enter(&session.conn, TRANSACTION).map_err(|error| session.error(OPERATION, &error))
}

/// Stands in the ledger while a transaction of ours is open.
const TRANSACTION: &str = "(transaction)";

pub(super) fn apply(
    session: &mut Session,
    step: &Step,
    kind: SegmentKind,
    run: Uuid,
) -> Result<StepReport> {
    let effects = effects(&step.sql, Dialect::Sqlite);
    let watched = !session.is_large_now() && may_remove_rows(session, step, &effects)?;
    let before = if watched { Some(count(session)?) } else { None };
    if kind == SegmentKind::NoTransaction {
        // What runs now can't be rolled back: say so where the next run will look.
        ledger::enter(&session.conn, &step.version)
            .map_err(|error| session.error("mark the migration", &error))?;
        AnsiTransactionManager::commit_transaction(&mut session.diesel)
            .map_err(|error| diesel_error(session, "commit the mark", None, &error))?;
    }
    let keys_before = rebuilt_keys(session, kind, &effects)?;
    let started = Instant::now();
    run_step(session, step)?;
    let milliseconds = started.elapsed().as_millis() as u64;
    if kind == SegmentKind::NoTransaction {
        take_lock_again(session, step)?;
    } else if session.conn.is_autocommit() {
        return Err(failed(
            step,
            "it ended the gate's transaction: what came before is committed",
            "remove BEGIN, COMMIT and ROLLBACK from the migration",
        ));
    }
    check_rebuilt_keys(session, step, kind, &effects, &keys_before)?;
    ledger::note_step(&session.conn, step, run)
        .map_err(|error| session.error("note the migration", &error))?;
    let fewer_rows = match before {
        Some(before) => fewer(&before, &count(session)?, &effects),
        None => Vec::new(),
    };
    let unnamed = fewer_rows
        .iter()
        .find(|fewer| !effects.removes_rows_of.contains(&fewer.table.to_ascii_lowercase()));
    match unnamed {
        Some(fewer) => Err(rows_lost(step, fewer)),
        None => Ok(StepReport { milliseconds, fewer_rows }),
    }
}

fn run_step(session: &mut Session, step: &Step) -> Result<()> {
    let migration = StepMigration(step);
    let result = match step.direction {
        Direction::Up => session.diesel.run_migration(&migration),
        Direction::Down => session.diesel.revert_migration(&migration),
    };
    result.map(|_| ()).map_err(|error| {
        failed(step, &error.to_string(), "correct the migration, then run it again")
    })
}

/// After a step without a transaction: the head and the smoke test get one again.
fn take_lock_again(session: &mut Session, step: &Step) -> Result<()> {
    // A script of its own may have left a transaction open.
    if !session.conn.is_autocommit() {
        return Err(failed(step, "it left a transaction open", "end the migration with COMMIT"));
    }
    AnsiTransactionManager::begin_transaction_sql(&mut session.diesel, "BEGIN IMMEDIATE")
        .map_err(|error| diesel_error(session, "keep other writers out", None, &error))
}

pub(super) fn commit(session: &mut Session, head: &Head) -> Result<()> {
    let write = || -> rusqlite::Result<()> {
        ledger::set_head(&session.conn, head)?;
        ledger::leave(&session.conn)
    };
    write().map_err(|error| session.error("write the head", &error))?;
    AnsiTransactionManager::commit_transaction(&mut session.diesel)
        .map_err(|error| diesel_error(session, "commit", None, &error))?;
    let _ = session.conn.pragma_update(None, "foreign_keys", true);
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
                .map_err(|error| diesel_error(session, OPERATION, None, &error))?;
        }
    }
    let left = ledger::entering(&session.conn).map_err(|error| session.error(OPERATION, &error))?;
    if left.is_some() {
        return Err(Error::new(
            ErrorKind::Failed,
            OPERATION,
            redact::path(&session.target.path),
            "part of the run is committed, so a rollback can't undo it",
            "the backup can",
        ));
    }
    let _ = session.conn.pragma_update(None, "foreign_keys", true);
    Ok(())
}

impl Session {
    pub(super) fn is_large_now(&self) -> bool {
        catalog::bytes(&self.conn).is_ok_and(|bytes| bytes > self.target.hold_writes_max)
    }
}

type Violations = BTreeMap<(String, String), u64>;

/// The smoke test checks all keys, but not those of a large database while writers wait:
/// then a rebuild has at least its own tables' keys checked.
fn rebuilt_keys(session: &Session, kind: SegmentKind, effects: &Effects) -> Result<Violations> {
    if kind != SegmentKind::Rebuild || !session.is_large_now() {
        return Ok(Violations::new());
    }
    let rebuilt: Vec<String> = effects.rebuilds().map(str::to_owned).collect();
    catalog::with_children(&session.conn, &rebuilt)
        .and_then(|tables| catalog::violations(&session.conn, Some(&tables)))
        .map_err(|error| session.error("check the foreign keys of a rebuilt table", &error))
}

fn check_rebuilt_keys(
    session: &Session,
    step: &Step,
    kind: SegmentKind,
    effects: &Effects,
    before: &Violations,
) -> Result<()> {
    let after = rebuilt_keys(session, kind, effects)?;
    match after.iter().find(|(pair, count)| **count > before.get(pair).copied().unwrap_or(0)) {
        None => Ok(()),
        Some(((table, parent), count)) => {
            let (table, parent) = (redact::printable(table), redact::printable(parent));
            let cause =
                format!("{count} rows of {table} reference rows of {parent} that don't exist");
            Err(failed(step, &cause, "keep every referenced row in the rebuilt table"))
        }
    }
}

/// Counting all tables for each of many small migrations would take longer than the
/// migrations: it is done only where the text, a trigger or a constraint can remove rows.
fn may_remove_rows(session: &Session, step: &Step, effects: &Effects) -> Result<bool> {
    if !effects.removes_rows_of.is_empty() {
        return Ok(true);
    }
    if !effects.touches_rows {
        return Ok(false);
    }
    let text = step.sql.to_ascii_lowercase();
    if text.contains("trigger") || text.contains("replace") {
        return Ok(true);
    }
    catalog::writes_may_remove(&session.conn)
        .map_err(|error| session.error("look for triggers", &error))
}

/// The row counts now; taken again only if anything changed since the last time.
fn count(session: &mut Session) -> Result<BTreeMap<String, u64>> {
    let total_changes = session.conn.total_changes();
    if let Some(counts) = &session.counts
        && counts.total_changes == total_changes
        && false_if_schema_moved(session, counts)
    {
        return Ok(counts.tables.clone());
    }
    let tables =
        catalog::counts(&session.conn).map_err(|error| session.error("count rows", &error))?;
    session.counts = Some(Counts { tables: tables.clone(), total_changes });
    Ok(tables)
}

fn false_if_schema_moved(session: &Session, counts: &Counts) -> bool {
    catalog::relations(&session.conn, "table")
        .is_ok_and(|tables| tables.iter().eq(counts.tables.keys()))
}

fn fewer(
    before: &BTreeMap<String, u64>,
    after: &BTreeMap<String, u64>,
    effects: &Effects,
) -> Vec<FewerRows> {
    before
        .iter()
        .filter_map(|(table, &before)| {
            let now = effects.name_after(&table.to_ascii_lowercase()).to_owned();
            let after = after
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(&now))
                .map(|(_, rows)| *rows);
            (after.unwrap_or(0) < before).then(|| FewerRows { table: table.clone(), before, after })
        })
        .collect()
}

fn rows_lost(step: &Step, fewer: &FewerRows) -> Error {
    let table = redact::printable(&fewer.table);
    let now = fewer.after.map_or_else(|| "it is gone".to_owned(), |rows| format!("it has {rows}"));
    failed(
        step,
        &format!(
            "table {table} had {} rows and now {now}, but the migration doesn't name it in DELETE, DROP or REPLACE",
            fewer.before
        ),
        "a cascade or a trigger took them: change the migration so that the rows stay, or delete them by name",
    )
}

fn failed(step: &Step, cause: &str, next_step: &str) -> Error {
    let file = match step.direction {
        Direction::Up => "up.sql",
        Direction::Down => "down.sql",
    };
    let place = format!("{}/{file}", redact::printable(&step.directory));
    Error::new(ErrorKind::Failed, "run the migration", place, cause, next_step)
}

fn diesel_error(
    session: &Session,
    operation: &str,
    step: Option<&Step>,
    error: &diesel::result::Error,
) -> Error {
    let text = error.to_string();
    let busy = text.contains("database is locked") || text.contains("database table is locked");
    let (kind, next_step) = if busy {
        (ErrorKind::Busy, "another program is using the database; run it again when it is done")
    } else if text.contains("readonly") {
        (ErrorKind::Failed, "check who may write the database file and its directory")
    } else {
        (ErrorKind::Failed, "see the cause")
    };
    let place = step.map_or_else(
        || redact::path(&session.target.path),
        |step| redact::printable(&step.directory).into_owned(),
    );
    Error::new(kind, operation, place, text, next_step)
}

/// A step as Diesel's harness takes it: the text that was linted and planned, not what
/// the file may hold by now.
struct StepMigration<'a>(&'a Step);

impl Migration<Sqlite> for StepMigration<'_> {
    fn run(
        &self,
        conn: &mut dyn diesel::connection::BoxableConnection<Sqlite>,
    ) -> diesel::migration::Result<()> {
        Ok(conn.batch_execute(&self.0.sql)?)
    }

    fn revert(
        &self,
        conn: &mut dyn diesel::connection::BoxableConnection<Sqlite>,
    ) -> diesel::migration::Result<()> {
        Ok(conn.batch_execute(&self.0.sql)?)
    }

    fn metadata(&self) -> &dyn MigrationMetadata {
        self
    }

    fn name(&self) -> &dyn MigrationName {
        self
    }
}

impl MigrationMetadata for StepMigration<'_> {
    fn run_in_transaction(&self) -> bool {
        self.0.run_in_transaction
    }
}

impl MigrationName for StepMigration<'_> {
    fn version(&self) -> MigrationVersion<'_> {
        MigrationVersion::from(self.0.version.as_str())
    }
}

impl std::fmt::Display for StepMigration<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.directory)
    }
}
