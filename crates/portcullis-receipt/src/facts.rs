//! The facts of a run: everything but how it ended.

use portcullis_model::digest::Digest;
use portcullis_model::plan::Direction;
use portcullis_model::sum::Tested;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What kind of run it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Migrations were applied or reverted.
    Migrate,
    /// Migrations were undone as they were applied, and applied as they are now.
    Redo,
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
            Action::Redo => "redo",
            Action::Restore => "restore",
            Action::Recover => "recover",
        }
    }
}

/// Everything about a run but its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// The run.
    #[cfg_attr(test, schemars(with = "String"))]
    pub run: Uuid,
    /// The receipt's number, from 1 on.
    pub sequence: u64,
    /// SHA-256 of the bytes of the receipt before.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
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
    /// What of the schema something else had changed, and this run took as it is.
    #[serde(default)]
    pub drift: Vec<String>,
    /// The schema's fingerprint before.
    #[cfg_attr(test, schemars(with = "String"))]
    pub schema_before: Digest,
    /// The schema's fingerprint after.
    #[cfg_attr(test, schemars(with = "String"))]
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
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Who {
    /// The user.
    pub user: String,
    /// The machine.
    pub host: String,
}

/// What ran it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Tool {
    /// `portcullis`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the program file.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub sha256: Option<Digest>,
}

/// The sources that it ran from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Commit {
    /// Git's object name.
    pub revision: String,
    /// Whether the working tree differed from it.
    pub dirty: bool,
}

/// The database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
    #[cfg_attr(test, schemars(with = "String"))]
    pub identity: Uuid,
    /// Whether it is protected.
    pub protected: bool,
    /// Whether this run made it or took it on.
    pub arrival: Arrival,
    /// How a server was reached and checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<ConnectionFacts>,
}

/// How a server was reached and checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ConnectionFacts {
    /// TLS's version, as the server has it; none where a proxy is its end.
    pub tls_version: Option<String>,
    /// The cipher suite.
    pub tls_cipher: Option<String>,
    /// Which of the target's pins the server's certificate has.
    pub pin: String,
    /// Whose the certificate is.
    pub subject: String,
    /// Until when it is valid, UTC.
    pub not_after: String,
    /// Whether the login was bound to the TLS connection.
    pub channel_binding: bool,
    /// The cluster's system identifier: digits, as JSON's numbers are too small for it.
    pub cluster: String,
    /// The database's number in the cluster.
    pub database_oid: u32,
    /// The role that the gate was there as.
    pub user: String,
}

/// How the database came under the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SetFacts {
    /// The chain over all its migrations.
    #[cfg_attr(test, schemars(with = "String"))]
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
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MigrationFacts {
    /// Diesel's version.
    pub version: String,
    /// The directory's name.
    pub directory: String,
    /// Which way it ran.
    #[cfg_attr(test, schemars(with = "crate::schema::Direction"))]
    pub direction: Direction,
    /// Its fingerprint.
    #[cfg_attr(test, schemars(with = "String"))]
    pub fingerprint: Digest,
    /// Whether it is what `migrations.sum` says was accepted.
    #[serde(default)]
    pub accepted: bool,
    /// How it was tested before it was accepted; none if it wasn't.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<crate::schema::Tested>"))]
    pub tested: Option<Tested>,
    /// How long it took.
    pub milliseconds: u64,
    /// Tables that have fewer rows than before.
    pub fewer_rows: Vec<FewerRows>,
    /// Whether its effect stands: committed, and not undone.
    pub stands: bool,
}

/// A table that lost rows, by the migration's own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FewerRows {
    /// The table.
    pub table: String,
    /// Its rows before.
    pub before: u64,
    /// Its rows after; none if the table is gone.
    pub after: Option<u64>,
}

/// The linter's verdict.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LintFacts {
    /// Findings that stop a run. Zero, or there would be no run.
    pub errors: usize,
    /// Findings that don't.
    pub warnings: usize,
    /// Findings of what ran that a comment allows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<AllowedFinding>,
}

/// A finding that whoever wrote the migration allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AllowedFinding {
    /// The migration's directory.
    pub migration: String,
    /// The rule's id.
    pub rule: String,
    /// Why, in the words of the comment.
    pub reason: String,
}

/// A backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct BackupFacts {
    /// The file.
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its bytes.
    #[cfg_attr(test, schemars(with = "String"))]
    pub sha256: Digest,
    /// How it was verified.
    pub verified: Vec<String>,
    /// Whether other writers were kept out from the backup to the commit.
    pub under_write_lock: bool,
}

/// How long a stage took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Timing {
    /// The stage.
    pub stage: String,
    /// Its time.
    pub milliseconds: u64,
}
