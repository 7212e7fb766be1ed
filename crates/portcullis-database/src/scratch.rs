//! Databases of a test's own: made empty, changed at will, gone with their value.

pub mod shape;

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_model::catalog::Catalog;
use portcullis_model::config::Engine;
use portcullis_model::plan::{Applied, SegmentKind, Step};
use portcullis_model::redact;
use portcullis_model::sql::Dialect;

use self::shape::Shape;
use crate::client::Client;
use crate::{Error, ErrorKind, Result, VerifiedBackup, postgres, sqlite};

/// The rows of an answer, as text; `None` is NULL.
pub type Rows = Vec<Vec<Option<String>>>;

/// What the engine refused, in its words. They may hold what a row holds: they are for the
/// terminal of whoever wrote the row, never for a receipt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// The engine's words.
    pub message: String,
    /// Whether nothing more can be asked here.
    pub lost: bool,
    /// Whether it took longer than a statement may.
    pub late: bool,
}

impl Refused {
    pub(crate) fn of(message: impl Into<String>) -> Self {
        Self { message: message.into(), lost: false, late: false }
    }
}

/// A place where databases are made: a directory, or a server of our own.
pub trait Lab: Send + Sync {
    /// What is made here.
    fn engine(&self) -> Engine;

    /// Makes an empty database.
    ///
    /// # Errors
    /// The place is full, or the server is gone.
    fn make(&self) -> Result<Box<dyn Scratch>>;

    /// Applies migrations to a database of their own as Diesel does for a program without this
    /// gate: what the cost of proving them is held against.
    ///
    /// # Errors
    /// A migration can't be applied, or there is no database.
    fn apply_as_diesel(&self, steps: &[&Step]) -> Result<()>;
}

/// What a lab is asked for.
#[derive(Debug, Clone)]
pub struct LabOptions {
    /// How long a statement may take.
    pub statement_timeout: Duration,
}

/// Opens a lab: for SQLite a directory, for PostgreSQL a throwaway server of this machine.
///
/// # Errors
/// There is no place for it, or no server's programs.
pub fn open_lab(engine: Engine, options: &LabOptions) -> Result<Box<dyn Lab>> {
    match engine {
        Engine::Sqlite => sqlite::open_lab(options),
        Engine::Postgres => postgres::open_lab(options),
    }
}

/// Restores a backup where nobody else works: the backup and what it is of aren't touched.
///
/// # Errors
/// It isn't one that this tool can restore, or there is no place for it.
pub fn open_copy(backup: &VerifiedBackup, options: &LabOptions) -> Result<Box<dyn Scratch>> {
    if !backup.is_restorable() {
        return Err(Error::new(
            ErrorKind::Refused,
            "restore the backup for a test",
            redact::path(backup.path()),
            "a command of yours took it, and only you can restore it",
            "choose one that this tool took: cargo xtask backup list",
        ));
    }
    match backup.sidecar().engine.as_str() {
        "postgres" => postgres::open_copy(backup, options),
        _ => sqlite::open_copy(backup, options),
    }
}

/// One of the things that are tried one after the other.
#[derive(Debug, Clone, Copy)]
pub enum Move<'a> {
    /// Statements.
    Ask(&'a str),
    /// Statements that must fail, and of which nothing stays.
    AskInVain(&'a str),
    /// A migration.
    Step(&'a Step),
}

impl<'a> Move<'a> {
    /// What is run.
    pub fn sql(self) -> &'a str {
        match self {
            Self::Ask(sql) | Self::AskInVain(sql) => sql,
            Self::Step(step) => &step.sql,
        }
    }
}

/// The rows of tables, each as one text, by the table.
pub type Contents = BTreeMap<String, Vec<String>>;

/// What going up, down and up comes by: of the schema and the rows all that can have changed
/// on the way, and maybe more.
#[derive(Debug, Clone, Default)]
pub struct Trip {
    /// The schema before.
    pub before: Catalog,
    /// After up.
    pub after: Catalog,
    /// After up and down.
    pub back: Catalog,
    /// After up, down and up.
    pub again: Catalog,
    /// The rows before.
    pub rows_before: Contents,
    /// The rows after up and down.
    pub rows_back: Contents,
}

/// A database that nobody else has.
pub trait Scratch: Send {
    /// The SQL it speaks.
    fn dialect(&self) -> Dialect;

    /// Begins a transaction.
    ///
    /// # Errors
    /// The engine refuses.
    fn begin(&mut self) -> Result<(), Refused>;

    /// Commits it.
    ///
    /// # Errors
    /// What was deferred doesn't hold.
    fn commit(&mut self) -> Result<(), Refused>;

    /// Rolls back whatever is open, over a new connection if the old one was lost.
    ///
    /// # Errors
    /// There is no way to the database any more.
    fn roll_back(&mut self) -> Result<()>;

    /// Whether a transaction is open.
    fn is_in_transaction(&self) -> bool;

    /// Runs statements; the rows of the last one.
    ///
    /// # Errors
    /// The engine refuses one of them. On PostgreSQL an open transaction is no use then.
    fn ask(&mut self, sql: &str) -> Result<Rows, Refused>;

    /// Runs a migration through Diesel's harness, in whatever is open.
    ///
    /// # Errors
    /// The engine refuses it, or it ended the transaction it was in.
    fn run_step(&mut self, step: &Step) -> Result<(), Refused>;

    /// Has foreign keys checked or not, where the engine has a switch for it that works
    /// outside a transaction only.
    ///
    /// # Errors
    /// The engine refuses.
    fn check_keys(&mut self, keys: KeyChecks) -> Result<(), Refused>;

    /// How many rows reference rows that don't exist, where the engine lets them.
    ///
    /// # Errors
    /// They can't be counted.
    fn dangling(&mut self) -> Result<u64, Refused>;

    /// The schema.
    ///
    /// # Errors
    /// It can't be read.
    fn catalog(&mut self) -> Result<Catalog, Refused>;

    /// What the application's tables look like, by their names.
    ///
    /// # Errors
    /// It can't be read.
    fn shapes(&mut self) -> Result<Vec<Shape>, Refused>;

    /// The rows of a table, each as one text whatever the order of its columns is. The table is
    /// named as the schema names it.
    ///
    /// # Errors
    /// It can't be read.
    fn rows_of(&mut self, table: &str) -> Result<Vec<String>, Refused>;

    /// What a table holds, without its values: nothing of them is kept, and a large table
    /// takes no more room than a small one. Table and columns are SQL.
    ///
    /// # Errors
    /// It can't be read.
    fn sums(&mut self, table: &str, columns: &[String]) -> Result<Sums, Refused>;

    /// Which migrations are applied, and what is noted of them: on a copy, as it was in what
    /// it is a copy of.
    ///
    /// # Errors
    /// It can't be read.
    fn applied(&mut self) -> Result<Vec<Applied>, Refused>;

    /// Makes a second database with the same content. Nothing may be open.
    ///
    /// # Errors
    /// There is no place for it.
    fn copy(&mut self) -> Result<Box<dyn Scratch>>;

    /// Connects once more, for code of whoever wrote a test.
    ///
    /// # Errors
    /// There is no way to the database.
    fn client(&self) -> Result<Client>;

    /// Applies a migration as a run does: in a transaction of the kind that it needs, to its
    /// commit.
    ///
    /// # Errors
    /// The engine refuses it; nothing is open then.
    fn apply(&mut self, step: &Step, kind: SegmentKind) -> Result<(), Refused> {
        apply_by_parts(self, step, kind)
    }

    /// Tries these one after the other where nothing stays of them, all at once as far as that
    /// goes. None if it can't be done so, or something is refused that shouldn't be: what it
    /// was shows only who goes step by step.
    ///
    /// # Errors
    /// There is no way to the database any more.
    fn rehearse(&mut self, _moves: &[Move<'_>]) -> Result<Option<Vec<Result<Rows, Refused>>>> {
        Ok(None)
    }

    /// Goes up, down and up where nothing stays of it, after statements that seed. None as
    /// with [`rehearse`](Self::rehearse), or where it can't be said what may have changed.
    ///
    /// # Errors
    /// There is no way to the database any more.
    fn rehearse_trip(&mut self, _seeds: &[&str], _up: &Step, _down: &Step) -> Result<Option<Trip>> {
        Ok(None)
    }
}

/// How [`Scratch::apply`] goes where an engine has no shorter way.
pub(crate) fn apply_by_parts<S: Scratch + ?Sized>(
    scratch: &mut S,
    step: &Step,
    kind: SegmentKind,
) -> Result<(), Refused> {
    if kind == SegmentKind::NoTransaction {
        return scratch.run_step(step);
    }
    let rebuilds = kind == SegmentKind::Rebuild;
    if rebuilds {
        scratch.check_keys(KeyChecks::Off)?;
    }
    let before = if rebuilds { scratch.dangling()? } else { 0 };
    let ran = scratch.begin().and_then(|()| scratch.run_step(step)).and_then(|()| {
        let now = if rebuilds { scratch.dangling()? } else { 0 };
        if now > before {
            let rows = now - before;
            return Err(Refused::of(format!(
                "{rows} rows reference rows that don't exist any more"
            )));
        }
        scratch.commit()
    });
    if ran.is_err() {
        // The first error is the one that tells.
        let _ = scratch.roll_back();
    }
    if rebuilds {
        scratch.check_keys(KeyChecks::On)?;
    }
    ran
}

/// What a table holds, told apart from what another holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sums {
    /// How many rows.
    pub rows: u64,
    /// Of each column a sum over the hashes of its values, whatever the order of the rows is.
    pub columns: Vec<String>,
}

/// Whether foreign keys are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyChecks {
    /// With each statement.
    On,
    /// Not at all.
    Off,
}
