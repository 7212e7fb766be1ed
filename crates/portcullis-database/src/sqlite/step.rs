//! One step as Diesel's harness runs it, and what went wrong in it.

use diesel_migrations::MigrationHarness as _;
use portcullis_model::plan::{Direction, Step};

use super::Session;
use crate::step::{StepMigration, failed};
use crate::{Error, ErrorKind, Result};

/// How a step failed.
pub(super) enum Failure {
    /// SQLite refused the migration's own text.
    Text(Error),
    /// The text ran, and Diesel couldn't record it or close its savepoint.
    Around(Error),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Text(error) | Failure::Around(error) => error,
        }
    }
}

pub(super) fn run(session: &mut Session, step: &Step) -> Result<(), Failure> {
    let migration = StepMigration::of(step);
    let result = match step.direction {
        Direction::Up => session.diesel.run_migration(&migration),
        Direction::Down => session.diesel.revert_migration(&migration),
    };
    let next = "correct the migration, then run it again";
    match (result, migration.into_said()) {
        (Ok(_), _) => Ok(()),
        (Err(_), Some(said)) if is_busy(&said) => Err(Failure::Text(Error {
            kind: ErrorKind::Busy,
            ..failed(
                step,
                &said,
                "another program is using the database; run it again when it is done",
            )
        })),
        (Err(_), Some(said)) => Err(Failure::Text(failed(step, &said, next))),
        (Err(error), None) => Err(Failure::Around(failed(step, &error.to_string(), next))),
    }
}

/// Whether SQLite's words say that somebody else has the lock; Diesel passes no code on.
pub(super) fn is_busy(words: &str) -> bool {
    words.contains("database is locked") || words.contains("database table is locked")
}
