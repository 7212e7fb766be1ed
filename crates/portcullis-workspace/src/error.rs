//! Why something couldn't be done to the workspace's files.

use std::io;
use std::path::Path;

use portcullis_model::redact;

/// Whose turn it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The command or the configuration has to be corrected.
    Usage,
    /// Something in the files or in git stands against it.
    Refused,
}

/// What was attempted, where, why it failed, and what to type. Nothing is half-written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operation}: {place}: {cause}")]
pub struct Error {
    /// Whose turn it is.
    pub kind: ErrorKind,
    /// What was attempted, as a phrase.
    pub operation: String,
    /// The file, directory, branch or name.
    pub place: String,
    /// Why it failed.
    pub cause: String,
    /// What to do.
    pub next_step: String,
}

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
            cause: cause.into(),
            next_step: next_step.into(),
        }
    }

    pub(crate) fn io(operation: &str, path: &Path, error: &io::Error) -> Self {
        let next = "see the cause, then run it again: nothing is half-written";
        Self::new(ErrorKind::Refused, operation, redact::path(path), error.to_string(), next)
    }
}
