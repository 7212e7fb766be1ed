//! What went wrong, where, why, and what to do: every error has all four.

use std::path::Path;

/// What an error means for a next try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// PostgreSQL's programs aren't there.
    NotInstalled,
    /// What the caller asked for can't be had; nothing was started.
    Refused,
    /// The attempt failed.
    Failed,
}

/// An error of finding, making or running a cluster.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operation}: {place}: {cause}")]
pub struct Error {
    /// What it means.
    pub kind: ErrorKind,
    /// What was attempted, as a phrase.
    pub operation: String,
    /// The file, program or setting.
    pub place: String,
    /// Why it failed.
    pub cause: String,
    /// What to do about it.
    pub next_step: String,
}

/// The result of whatever can fail here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn new(
        kind: ErrorKind,
        operation: &str,
        place: impl AsRef<str>,
        cause: impl AsRef<str>,
        next_step: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            operation: operation.to_owned(),
            place: printable(place.as_ref()),
            cause: printable(cause.as_ref()),
            next_step: next_step.into(),
        }
    }

    /// An error of the file system.
    #[cfg(feature = "server")]
    pub(crate) fn io(operation: &str, path: &Path, error: &std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let next_step = match error.kind() {
            Io::StorageFull => "free space there, then run it again",
            Io::PermissionDenied | Io::ReadOnlyFilesystem => "check who may write there",
            Io::NotFound => "check the path",
            _ => "see what the operating system says about this place",
        };
        Self::new(ErrorKind::Failed, operation, shown(path), error.to_string(), next_step)
    }
}

/// A path for people.
pub(crate) fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy())
}

/// One harmless line: what comes from outside may hold newlines and terminal escapes.
pub(crate) fn printable(text: &str) -> String {
    let hostile = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if hostile(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}
