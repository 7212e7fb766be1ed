//! Why something about the workspace couldn't be done.

use std::io;
use std::path::Path;

use portcullis_model::config::ConfigError;
use portcullis_model::exit::Exit;
use portcullis_model::redact;

/// What was attempted, where, why it failed, and what to do. Nothing is half-written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub struct Error {
    /// What it means for the command.
    pub exit: Exit,
    /// What was attempted, as a phrase.
    pub operation: String,
    /// The file, directory, branch or commit.
    pub place: String,
    /// Why it failed.
    pub cause: String,
    /// What to do about it.
    pub next_step: String,
}

impl Error {
    /// Something is wrong with what the workspace holds.
    pub(crate) fn refused(
        operation: &str,
        place: impl Into<String>,
        cause: impl Into<String>,
        next_step: impl Into<String>,
    ) -> Self {
        Self {
            exit: Exit::Refused,
            operation: operation.to_owned(),
            place: place.into(),
            cause: cause.into(),
            next_step: next_step.into(),
        }
    }

    /// Something is wrong with what was asked for, or with the configuration.
    pub(crate) fn usage(
        operation: &str,
        place: impl Into<String>,
        cause: impl Into<String>,
        next_step: impl Into<String>,
    ) -> Self {
        Self { exit: Exit::Usage, ..Self::refused(operation, place, cause, next_step) }
    }

    /// A file or directory can't be read or written.
    pub(crate) fn io(operation: &str, path: &Path, error: &io::Error) -> Self {
        let next = "see the cause, then run it again: nothing is half-written";
        Self::refused(operation, redact::path(path), error.to_string(), next)
    }
}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        Self::usage("read the configuration", error.place, error.cause, error.next_step)
    }
}
