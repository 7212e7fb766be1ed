//! The verbs that every backend has, and the values that they speak in.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use portcullis_model::catalog::Catalog;
use portcullis_model::digest::Digest;
use portcullis_model::plan::{Applied, SegmentKind, Step};
use portcullis_model::smoke::{Check, When};
use uuid::Uuid;

use crate::connection::Connection;
use crate::{Result, VerifiedBackup};

/// What a database is and holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// The engine's version.
    pub engine_version: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// The identity it carries, if this tool took it on.
    pub identity: Option<Uuid>,
    /// Whether it carries that identity only because it is a copy of the database that got
    /// it.
    pub is_copy: bool,
    /// What Diesel's table says is applied, in order.
    pub applied: Vec<Applied>,
    /// The schema.
    pub catalog: Catalog,
    /// Runs that were begun and have no receipt, oldest first.
    pub open_runs: Vec<OpenRun>,
    /// The newest receipt.
    pub last_receipt: Option<ReceiptLink>,
    /// The newest run that changed the schema, written in the transaction that did.
    pub head: Option<Head>,
    /// How a server was reached and checked.
    pub connection: Option<Connection>,
    /// What would keep a backup of it from coming back.
    pub hindrances: Vec<Hindrance>,
}

/// What would keep a backup from coming back, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hindrance {
    /// This role can't restore it into a database beside.
    Filling(String),
    /// A database beside shouldn't take the place of this one.
    Swapping(String),
}

impl Survey {
    /// Whether nothing was ever done here: no object, no record.
    pub fn is_new(&self) -> bool {
        self.identity.is_none() && self.applied.is_empty() && self.catalog.objects().is_empty()
    }
}

/// A run that was begun: its intent was committed before anything was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenRun {
    /// The run.
    pub run: Uuid,
    /// The intent, as the flow wrote it.
    pub intent: String,
    /// The version that was being applied outside a transaction, if one was.
    pub entering: Option<String>,
}

/// A receipt's place in the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiptLink {
    /// Its number, from 1 on.
    pub sequence: u64,
    /// SHA-256 of its bytes.
    pub digest: Digest,
}

/// Names the run that made the database what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The run.
    pub run: Uuid,
    /// The schema's fingerprint after it.
    pub schema: Digest,
    /// The schema itself; unknown where an older version of this tool wrote the head.
    pub objects: Option<Catalog>,
}

/// A table's columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// In their order.
    pub columns: Vec<Column>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type as it was declared.
    pub declared: String,
    /// Whether nothing is declared that keeps NULL out.
    pub nullable: bool,
}

/// A receipt as the database keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredReceipt {
    /// Its place in the chain.
    pub link: ReceiptLink,
    /// The run it is the record of.
    pub run: Uuid,
    /// Its exact bytes.
    pub body: String,
}

/// What a restored database holds besides the backup. It is written into a copy before
/// that takes the place of anything.
#[derive(Debug, Clone, Copy)]
pub struct Overlay<'a> {
    /// The run that restores.
    pub run: Uuid,
    /// The identity that the database has.
    pub identity: Uuid,
    /// The intent of the run.
    pub intent: &'a str,
    /// Receipts that are newer than the backup, oldest first.
    pub receipts: &'a [StoredReceipt],
}

/// What a step did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepReport {
    /// How long it took.
    pub milliseconds: u64,
    /// Tables that have fewer rows than before.
    pub fewer_rows: Vec<FewerRows>,
}

/// A table that lost rows.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FewerRows {
    /// The table, as it was called before.
    pub table: String,
    /// Its rows before.
    pub before: u64,
    /// Its rows after; none if the table is gone.
    pub after: Option<u64>,
}

/// How damage was, or wasn't, undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undo {
    /// The state from before the run is back; nobody else had written since.
    Restored {
        /// What the failed database is called now, where it was kept whole.
        kept: Option<String>,
        /// Where that state comes from.
        of: Means,
    },
    /// It wasn't tried, because somebody else wrote since the backup, or because it
    /// can't be proved that nobody did.
    NotProved(String),
    /// It was tried and failed.
    Failed(String),
}

/// What a step outside a transaction has done that was cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Afterwards {
    /// All of it.
    Done,
    /// Nothing that is left.
    NotDone,
    /// Nobody can tell.
    Unknown,
}

/// What a state was brought back from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// The verified backup.
    Backup,
    /// A copy that the server made before the run.
    Copy,
}

/// What a smoke test compares with: the state before the run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Baseline {
    /// Foreign-key violations per table and referenced table.
    pub violations: std::collections::BTreeMap<(String, String), u64>,
    /// Tables and views that couldn't be selected from.
    pub unselectable: BTreeSet<String>,
    /// Other faults, in words: invalid indexes, sequences behind their columns.
    pub faults: BTreeSet<String>,
}

/// Where the foreign-key violations before a run are known from.
#[derive(Debug, Clone, Copy)]
pub enum Keys<'a> {
    /// The backup, whose keys were checked where nobody had to wait.
    Of(&'a VerifiedBackup),
    /// The database itself.
    Now,
}

/// What to check.
#[derive(Debug, Clone, Copy)]
pub struct Smoke<'a> {
    /// Before or after the commit.
    pub when: When,
    /// The versions that must be applied, in order.
    pub applied: &'a [String],
    /// `.slt` files with the user's queries.
    pub queries: &'a [PathBuf],
    /// The state before the run.
    pub baseline: &'a Baseline,
}

/// Where and under which name a backup goes.
#[derive(Debug, Clone, Copy)]
pub struct BackupRequest<'a> {
    /// The directory.
    pub directory: &'a Path,
    /// The file's name.
    pub name: &'a str,
    /// The run it is taken for.
    pub run: Uuid,
}

/// What is wrong with what a database holds, in words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Faults {
    /// It isn't what was written: only a backup helps.
    pub damage: Vec<String>,
    /// Something can't be used, and may never have been of use: a view of a table that is gone,
    /// an index that is not valid.
    pub unusable: Vec<String>,
}

/// Told how far long work is: done and total, in bytes.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64);

/// Looks, and writes no data.
pub trait Reader {
    /// What the database is and holds.
    ///
    /// # Errors
    /// It can't be read.
    fn survey(&mut self) -> Result<Survey>;

    /// All receipts, oldest first.
    ///
    /// # Errors
    /// They can't be read.
    fn receipts(&mut self) -> Result<Vec<StoredReceipt>>;

    /// The columns of every table of the application.
    ///
    /// # Errors
    /// They can't be read.
    fn columns(&mut self) -> Result<Vec<Table>>;

    /// What is wrong with what it holds, in words; none where so much would have to be read
    /// that writers might wait.
    ///
    /// # Errors
    /// It can't be read.
    fn faults(&mut self) -> Result<Option<Faults>>;

    /// Who else can log in and change the schema, each with the reason. A file has nobody
    /// to log in.
    ///
    /// # Errors
    /// It can't be read.
    fn others_who_may_change(&mut self) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
}

/// Changes a database, under the runner's lock.
///
/// The order of a run: `begin_run`, then for each segment `begin`, (`back_up` in the
/// first), `apply`…, `check`, `commit`, and at the end `record`.
pub trait Writer: Reader {
    /// Gives the database its identity if it has none, and commits what this run means
    /// to do.
    ///
    /// # Errors
    /// It couldn't be committed.
    fn begin_run(&mut self, run: Uuid, identity: Uuid, intent: &str) -> Result<()>;

    /// The state that a smoke test compares with.
    ///
    /// # Errors
    /// It can't be read.
    fn baseline(&mut self, keys: Keys<'_>) -> Result<Baseline>;

    /// Whether a restore keeps what was there by itself, whole and under another name.
    fn keeps_what_was_there(&self) -> bool;

    /// Whether the database is larger than what may be read while writers wait.
    fn is_large(&self) -> bool;

    /// Keeps other writers out until `commit` or `rollback`.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`](crate::ErrorKind::Busy) if others kept writing.
    fn begin(&mut self, kind: SegmentKind) -> Result<()>;

    /// Takes a backup of the committed state and verifies it. Undoing by restore is
    /// possible from here on, as long as nobody else writes.
    ///
    /// # Errors
    /// Anything that leaves doubt about the backup.
    fn back_up(
        &mut self,
        request: BackupRequest<'_>,
        progress: Progress<'_>,
    ) -> Result<VerifiedBackup>;

    /// Makes, after the backup, what else undoing this run shall need.
    ///
    /// # Errors
    /// It couldn't be made; the database is as it was.
    fn prepare_undo(&mut self, _run: Uuid) -> Result<()> {
        Ok(())
    }

    /// Runs one step.
    ///
    /// # Errors
    /// The step failed, left its transaction, or took rows from a table that it doesn't
    /// name.
    fn apply(&mut self, step: &Step, kind: SegmentKind, run: Uuid) -> Result<StepReport>;

    /// Checks that the database is well.
    fn check(&mut self, smoke: Smoke<'_>) -> Vec<Check>;

    /// Writes the head and commits.
    ///
    /// # Errors
    /// Nothing was committed.
    fn commit(&mut self, head: &Head) -> Result<()>;

    /// Takes back everything since `begin`.
    ///
    /// # Errors
    /// The rollback couldn't be confirmed.
    fn rollback(&mut self) -> Result<()>;

    /// Puts the backup back, if nobody else has written since it was taken.
    fn undo(&mut self, backup: &VerifiedBackup, progress: Progress<'_>) -> Undo;

    /// Puts a backup back, if nobody else has written since this session backed the
    /// present state up, or if what was there is kept whole. The restored database holds
    /// the run as an open one.
    ///
    /// Returns what the replaced database is called now, where it was kept whole.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`](crate::ErrorKind::Busy) if somebody else uses the database or
    /// has written: nothing was touched. [`ErrorKind::Refused`](crate::ErrorKind::Refused)
    /// likewise. Any other: it was tried, and may have to be tried again.
    fn restore(
        &mut self,
        backup: &VerifiedBackup,
        overlay: Overlay<'_>,
        progress: Progress<'_>,
    ) -> Result<Option<String>>;

    /// What a step outside a transaction has done that was cut off, as far as the database
    /// tells. What it has left half done is removed.
    ///
    /// # Errors
    /// The database couldn't be asked.
    fn afterwards(&mut self, _sql: &str) -> Result<Afterwards> {
        Ok(Afterwards::Unknown)
    }

    /// Clears the mark of a run that died outside a transaction, with the step it was
    /// working on, if that turned out to be finished, and writes the schema as it is now
    /// as the run's head.
    ///
    /// # Errors
    /// It couldn't be committed.
    fn resolve(&mut self, finished: Option<&Step>, run: Uuid) -> Result<()>;

    /// Files a receipt with the database and closes its run.
    ///
    /// # Errors
    /// It couldn't be committed.
    fn record(&mut self, receipt: &StoredReceipt) -> Result<()>;
}
