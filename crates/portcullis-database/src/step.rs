//! One step as a migration of Diesel's, and an error that names it.

use std::cell::RefCell;

use diesel::backend::Backend;
use diesel::connection::BoxableConnection;
use diesel::migration::{Migration, MigrationMetadata, MigrationName, MigrationVersion};
use portcullis_model::plan::{Direction, Step};
use portcullis_model::redact;

use crate::{Error, ErrorKind};

pub(crate) fn failed(step: &Step, cause: &str, next_step: &str) -> Error {
    let file = match step.direction {
        Direction::Up => "up.sql",
        Direction::Down => "down.sql",
    };
    let place = format!("{}/{file}", redact::printable(&step.directory));
    Error::new(ErrorKind::Failed, "run the migration", place, cause, next_step)
}

/// The text that was linted and planned, not what the file may hold by now.
pub(crate) struct StepMigration<'a> {
    step: &'a Step,
    /// What the engine said of the text. Where it ends the whole transaction as well,
    /// Diesel reports only that its savepoint is gone.
    said: RefCell<Option<String>>,
}

impl<'a> StepMigration<'a> {
    pub(crate) fn of(step: &'a Step) -> Self {
        Self { step, said: RefCell::new(None) }
    }

    /// What the engine said of the text, if it refused it.
    pub(crate) fn into_said(self) -> Option<String> {
        self.said.into_inner()
    }

    fn execute<DB: Backend>(
        &self,
        conn: &mut dyn BoxableConnection<DB>,
    ) -> diesel::migration::Result<()> {
        conn.batch_execute(&self.step.sql).map_err(|error| {
            self.said.replace(Some(error.to_string()));
            error.into()
        })
    }
}

impl<DB: Backend> Migration<DB> for StepMigration<'_> {
    fn run(&self, conn: &mut dyn BoxableConnection<DB>) -> diesel::migration::Result<()> {
        self.execute(conn)
    }

    fn revert(&self, conn: &mut dyn BoxableConnection<DB>) -> diesel::migration::Result<()> {
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
