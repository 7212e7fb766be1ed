//! One step as Diesel's harness runs it, and what went wrong in it.

use std::cell::RefCell;

use diesel::connection::BoxableConnection;
use diesel::migration::{Migration, MigrationMetadata, MigrationName, MigrationVersion};
use diesel::sqlite::Sqlite;
use diesel_migrations::MigrationHarness as _;
use portcullis_model::plan::{Direction, Step};
use portcullis_model::redact;

use super::Session;
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
    let migration = StepMigration { step, said: RefCell::new(None) };
    let result = match step.direction {
        Direction::Up => session.diesel.run_migration(&migration),
        Direction::Down => session.diesel.revert_migration(&migration),
    };
    let next = "correct the migration, then run it again";
    match (result, migration.said.into_inner()) {
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

pub(super) fn failed(step: &Step, cause: &str, next_step: &str) -> Error {
    let file = match step.direction {
        Direction::Up => "up.sql",
        Direction::Down => "down.sql",
    };
    let place = format!("{}/{file}", redact::printable(&step.directory));
    Error::new(ErrorKind::Failed, "run the migration", place, cause, next_step)
}

/// The text that was linted and planned, not what the file may hold by now.
struct StepMigration<'a> {
    step: &'a Step,
    /// What SQLite said of the text. Where it ends the whole transaction as well, Diesel
    /// reports only that its savepoint is gone.
    said: RefCell<Option<String>>,
}

impl StepMigration<'_> {
    fn execute(&self, conn: &mut dyn BoxableConnection<Sqlite>) -> diesel::migration::Result<()> {
        conn.batch_execute(&self.step.sql).map_err(|error| {
            self.said.replace(Some(error.to_string()));
            error.into()
        })
    }
}

impl Migration<Sqlite> for StepMigration<'_> {
    fn run(&self, conn: &mut dyn BoxableConnection<Sqlite>) -> diesel::migration::Result<()> {
        self.execute(conn)
    }

    fn revert(&self, conn: &mut dyn BoxableConnection<Sqlite>) -> diesel::migration::Result<()> {
        self.execute(conn)
    }

    fn metadata(&self) -> &dyn MigrationMetadata {
        self
    }

    fn name(&self) -> &dyn MigrationName {
        self
    }
}

impl MigrationMetadata for StepMigration<'_> {
    fn run_in_transaction(&self) -> bool {
        self.step.run_in_transaction
    }
}

impl MigrationName for StepMigration<'_> {
    fn version(&self) -> MigrationVersion<'_> {
        MigrationVersion::from(self.step.version.as_str())
    }
}

impl std::fmt::Display for StepMigration<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.step.directory)
    }
}
