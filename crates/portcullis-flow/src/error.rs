//! Why a command ended before it was done.

use portcullis_database::{Error, ErrorKind};
use portcullis_lint::Report;
use portcullis_model::config::{ConfigError, Target};
use portcullis_model::exit::Exit;
use portcullis_model::plan::{Protection, Refusal};

/// Why a command ended, what that means for the database, and what to do next.
#[derive(Debug, thiserror::Error)]
#[error("{operation}: {place}: {cause}")]
pub struct Stop {
    /// What it means for the database.
    pub exit: Exit,
    /// What was attempted, as a phrase.
    pub operation: String,
    /// The file, table, migration or target.
    pub place: String,
    /// Why it failed.
    pub cause: String,
    /// What to do about it.
    pub next_step: String,
    /// What the linter found, if that is why.
    pub findings: Option<Box<Report>>,
    /// More to know: what was undone, where the receipt is, the steps for a person.
    pub notes: Vec<String>,
}

impl Stop {
    /// One without findings and notes.
    pub fn new(
        exit: Exit,
        operation: &str,
        place: impl Into<String>,
        cause: impl Into<String>,
        next_step: impl Into<String>,
    ) -> Self {
        Self {
            exit,
            operation: operation.to_owned(),
            place: place.into(),
            cause: cause.into(),
            next_step: next_step.into(),
            findings: None,
            notes: Vec::new(),
        }
    }

    /// Every reason against a plan, as one stop.
    pub fn refused_plan(target: &Target, refusals: &[Refusal]) -> Self {
        let protection =
            if target.protected { Protection::Protected } else { Protection::Unprotected };
        let next_step = |refusal: &Refusal| refusal.next_step(protection);
        let causes: Vec<String> =
            refusals.iter().map(|refusal| format!("{refusal} ({})", next_step(refusal))).collect();
        let usage = refusals.iter().any(|refusal| matches!(refusal, Refusal::UnknownGoal { .. }));
        let next = refusals.first().map(next_step).unwrap_or_default();
        let mut stop = Self::new(
            if usage { Exit::Usage } else { Exit::Refused },
            "plan",
            &target.name,
            refusals.first().map(ToString::to_string).unwrap_or_default(),
            next,
        );
        stop.notes = causes.into_iter().skip(1).collect();
        stop
    }
}

impl From<Error> for Stop {
    /// An error before anything was applied.
    fn from(error: Error) -> Self {
        let exit = match error.kind {
            ErrorKind::Busy => Exit::Busy,
            ErrorKind::Lost => Exit::NeedsPerson,
            ErrorKind::Refused | ErrorKind::Unreadable | ErrorKind::Fenced | ErrorKind::Failed => {
                Exit::Refused
            }
        };
        Self::new(exit, &error.operation, error.place, error.cause, error.next_step)
    }
}

impl From<ConfigError> for Stop {
    fn from(error: ConfigError) -> Self {
        let operation = if error.place.starts_with("--") {
            "choose the target"
        } else {
            "read the configuration"
        };
        Self::new(Exit::Usage, operation, error.place, error.cause, error.next_step)
    }
}

impl From<portcullis_workspace::Error> for Stop {
    fn from(error: portcullis_workspace::Error) -> Self {
        Self::new(error.exit, &error.operation, error.place, error.cause, error.next_step)
    }
}
