//! The receipt's content, as in-toto's Statement v1 has it.

use std::collections::BTreeMap;

use portcullis_model::digest::Digest;
use portcullis_model::exit::Exit;
use portcullis_model::plan::Direction;
use portcullis_model::smoke::{Check, SmokePassed};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// in-toto's type of statement.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// What kind of predicate a receipt is.
pub const PREDICATE_TYPE: &str = "urn:portcullis:receipt:v1";

/// A receipt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// [`STATEMENT_TYPE`].
    #[serde(rename = "_type")]
    pub statement_type: String,
    /// The migrations whose effect stands, with their fingerprints.
    pub subject: Vec<Subject>,
    /// [`PREDICATE_TYPE`].
    #[serde(rename = "predicateType")]
    pub predicate_type: String,
    /// What happened.
    pub predicate: Predicate,
}

/// A thing that the receipt is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Subject {
    /// The migration's directory.
    pub name: String,
    /// `sha256`: its fingerprint.
    pub digest: BTreeMap<String, Digest>,
}

/// What happened in a run: the facts, and how it ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Predicate {
    /// The facts.
    #[serde(flatten)]
    pub facts: Facts,
    /// Checks before the commit.
    #[serde(rename = "smokeBeforeCommit")]
    pub smoke_before_commit: Vec<Check>,
    /// Checks after the last commit, on a fresh connection.
    #[serde(rename = "smokeAfterCommit")]
    pub smoke_after_commit: Vec<Check>,
    /// How it ended.
    pub outcome: Outcome,
}

/// What kind of run it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Migrations were applied or reverted.
    Migrate,
    /// A backup was put back.
    Restore,
    /// A run that had died was completed or closed.
    Recover,
}

impl Action {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Action::Migrate => "migrate",
            Action::Restore => "restore",
            Action::Recover => "recover",
        }
    }
}

/// Everything about a run but its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// The run.
    pub run: Uuid,
    /// The receipt's number, from 1 on.
    pub sequence: u64,
    /// SHA-256 of the bytes of the receipt before.
    pub previous: Option<Digest>,
    /// What kind of run.
    pub action: Action,
    /// When it began, UTC.
    pub started: String,
    /// When it ended, UTC.
    pub finished: String,
    /// Why, as the person said it.
    pub reason: Option<String>,
    /// Who ran it.
    pub who: Who,
    /// What ran it.
    pub tool: Tool,
    /// The sources that it ran from.
    pub commit: Option<Commit>,
    /// The database.
    pub target: TargetFacts,
    /// The migrations directory.
    pub set: SetFacts,
    /// What ran, in order.
    pub migrations: Vec<MigrationFacts>,
    /// The linter's verdict.
    pub lint: LintFacts,
    /// The schema's fingerprint before.
    pub schema_before: Digest,
    /// The schema's fingerprint after.
    pub schema_after: Digest,
    /// The backup that was taken first.
    pub backup: Option<BackupFacts>,
    /// What a restore put back.
    pub restored_from: Option<BackupFacts>,
    /// Where a database that couldn't be read was moved.
    pub moved_aside: Vec<String>,
    /// How long each stage took.
    pub timings: Vec<Timing>,
}

/// Who ran it; a claim of the machine it ran on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// The user.
    pub user: String,
    /// The machine.
    pub host: String,
}

/// What ran it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tool {
    /// `portcullis`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the program file.
    pub sha256: Option<Digest>,
}

/// The sources that it ran from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Git's object name.
    pub revision: String,
    /// Whether the working tree differed from it.
    pub dirty: bool,
}

/// The database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetFacts {
    /// The target's name.
    pub name: String,
    /// Its engine.
    pub engine: String,
    /// The engine's version.
    pub engine_version: String,
    /// Where it is.
    pub place: String,
    /// The identity it carries.
    pub identity: Uuid,
    /// Whether it is protected.
    pub protected: bool,
    /// Whether this run made it or took it on.
    pub arrival: Arrival,
}

/// How the database came under the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arrival {
    /// It was there.
    Known,
    /// This run made it.
    Created,
    /// This run took it on from somebody else.
    Enrolled,
}

/// The migrations directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetFacts {
    /// The chain over all its migrations.
    pub fingerprint: Digest,
    /// How many there are.
    pub migrations: usize,
    /// The newest applied version before.
    pub from: Option<String>,
    /// The newest applied version after.
    pub to: Option<String>,
    /// Versions that were applied before this tool knew the database: accepted by nobody.
    pub accepted_by_nobody: Vec<String>,
}

/// A migration that ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MigrationFacts {
    /// Diesel's version.
    pub version: String,
    /// The directory's name.
    pub directory: String,
    /// Which way it ran.
    pub direction: Direction,
    /// Its fingerprint.
    pub fingerprint: Digest,
    /// How long it took.
    pub milliseconds: u64,
    /// Tables that have fewer rows than before.
    pub fewer_rows: Vec<FewerRows>,
    /// Whether its effect stands: committed, and not undone.
    pub stands: bool,
}

/// A table that lost rows, by the migration's own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FewerRows {
    /// The table.
    pub table: String,
    /// Its rows before.
    pub before: u64,
    /// Its rows after; none if the table is gone.
    pub after: Option<u64>,
}

/// The linter's verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LintFacts {
    /// Findings that stop a run. Zero, or there would be no run.
    pub errors: usize,
    /// Findings that don't.
    pub warnings: usize,
}

/// A backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupFacts {
    /// The file.
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its bytes.
    pub sha256: Digest,
    /// How it was verified.
    pub verified: Vec<String>,
    /// Whether other writers were kept out from the backup to the commit.
    pub under_write_lock: bool,
}

/// How long a stage took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// The stage.
    pub stage: String,
    /// Its time.
    pub milliseconds: u64,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The exit code's name.
    pub exit: Exit,
    /// The exit code.
    pub code: u8,
    /// What state the database is in, in words.
    pub state: String,
    /// What failed.
    pub failure: Option<Failure>,
    /// How it was undone.
    pub undo: Option<String>,
}

/// What failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What was attempted.
    pub operation: String,
    /// Where.
    pub place: String,
    /// Why it failed.
    pub cause: String,
}

/// How a run that isn't done ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// The exit code; anything but [`Exit::Done`].
    pub exit: Exit,
    /// What failed.
    pub failure: Failure,
    /// What state the database is in.
    pub state: String,
    /// How it was undone.
    pub undo: Option<String>,
}

impl Receipt {
    /// The receipt of a run that is done: the smoke test after the last commit passed.
    pub fn applied(facts: Facts, before_commit: Vec<Check>, smoke: SmokePassed) -> Self {
        let state = match &facts.set.to {
            Some(version) => format!("healthy, at version {version}"),
            None => "healthy, no migration is applied".to_owned(),
        };
        let outcome =
            Outcome { exit: Exit::Done, code: Exit::Done.code(), state, failure: None, undo: None };
        Self::new(facts, before_commit, smoke.checks().to_vec(), outcome)
    }

    /// The receipt of a run that ended in any other way.
    pub fn failed(
        facts: Facts,
        before_commit: Vec<Check>,
        after_commit: Vec<Check>,
        failed: Failed,
    ) -> Self {
        let exit = if failed.exit == Exit::Done { Exit::Internal } else { failed.exit };
        let outcome = Outcome {
            exit,
            code: exit.code(),
            state: failed.state,
            failure: Some(failed.failure),
            undo: failed.undo,
        };
        Self::new(facts, before_commit, after_commit, outcome)
    }

    fn new(
        facts: Facts,
        before_commit: Vec<Check>,
        after_commit: Vec<Check>,
        outcome: Outcome,
    ) -> Self {
        let subject = facts
            .migrations
            .iter()
            .filter(|migration| migration.stands)
            .map(|migration| Subject {
                name: migration.directory.clone(),
                digest: BTreeMap::from([("sha256".to_owned(), migration.fingerprint)]),
            })
            .collect();
        Self {
            statement_type: STATEMENT_TYPE.to_owned(),
            subject,
            predicate_type: PREDICATE_TYPE.to_owned(),
            predicate: Predicate {
                facts,
                smoke_before_commit: before_commit,
                smoke_after_commit: after_commit,
                outcome,
            },
        }
    }

    /// The receipt's bytes: what is filed, hashed and, later, signed.
    ///
    /// # Errors
    /// Serialising failed, which these types don't allow for.
    pub fn to_bytes(&self) -> Result<String, serde_json::Error> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        Ok(text)
    }
}
