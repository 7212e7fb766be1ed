//! What went wrong, where, why, and what to do: every error has all four.

use std::path::Path;

use portcullis_model::redact;

/// What an error means for the database and for a next try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Somebody else has what is needed; trying again helps.
    Busy,
    /// The thing named is not what it must be; nothing was touched.
    Refused,
    /// The database can't be read as one: damaged, truncated, or something else.
    Unreadable,
    /// It refuses everybody's connections; nothing was touched.
    Fenced,
    /// The connection was lost, and there is no other: what became of the attempt isn't known.
    Lost,
    /// The attempt failed.
    Failed,
}

/// An error of a backend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operation}: {place}: {cause}")]
pub struct Error {
    /// What it means.
    pub kind: ErrorKind,
    /// What was attempted, as a phrase.
    pub operation: String,
    /// The file, table or migration.
    pub place: String,
    /// Why it failed.
    pub cause: String,
    /// What to do about it.
    pub next_step: String,
}

/// The result of a verb.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn new(
        kind: ErrorKind,
        operation: &str,
        place: impl Into<String>,
        cause: impl Into<String>,
        next_step: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            operation: operation.to_owned(),
            place: place.into(),
            cause: redact::printable(&cause.into()).into_owned(),
            next_step: next_step.into(),
        }
    }

    /// An error of the file system.
    pub(crate) fn io(operation: &str, path: &Path, error: &std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let next_step = match error.kind() {
            Io::StorageFull => "free space there, then run it again",
            Io::PermissionDenied | Io::ReadOnlyFilesystem => "check who may write there",
            Io::NotFound => "check the path",
            _ => "see what the operating system says about this place",
        };
        Self::new(ErrorKind::Failed, operation, redact::path(path), describe(error), next_step)
    }

    /// An error of SQLite, through rusqlite.
    pub(crate) fn sqlite(operation: &str, path: &Path, error: &rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        let (kind, next_step) = match error.sqlite_error_code() {
            Some(Code::DatabaseBusy | Code::DatabaseLocked) => (
                ErrorKind::Busy,
                "another program is using the database; run it again when it is done",
            ),
            Some(Code::NotADatabase) => (
                ErrorKind::Unreadable,
                "check that the path names the right file; cargo xtask doctor says what there is to restore",
            ),
            Some(Code::DatabaseCorrupt) => (
                ErrorKind::Unreadable,
                "restore a backup: cargo xtask backup list, cargo xtask restore BACKUP",
            ),
            Some(Code::DiskFull) => {
                (ErrorKind::Failed, "free space on the database's disk, then run it again")
            }
            Some(Code::ReadOnly | Code::PermissionDenied | Code::CannotOpen) => {
                (ErrorKind::Failed, "check who may write the database file and its directory")
            }
            _ => (ErrorKind::Failed, "see the cause"),
        };
        Self::new(kind, operation, redact::path(path), sqlite_words(error), next_step)
    }

    /// The same error, seen as something that was refused before anything happened.
    #[must_use]
    pub fn refused(mut self) -> Self {
        if self.kind == ErrorKind::Failed {
            self.kind = ErrorKind::Refused;
        }
        self
    }
}

/// SQLite's own words, without rusqlite's prefix and without row values (it has none).
pub(crate) fn sqlite_words(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(code, None) => code.to_string(),
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        other => other.to_string(),
    }
}

fn describe(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_lowercase(),
        None => text,
    }
}
