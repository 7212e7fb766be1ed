//! One step as Diesel's harness runs it, and what went wrong in it.

use diesel_migrations::MigrationHarness as _;
use portcullis_model::plan::{Direction, Step};

use crate::postgres::link::conn::{Conn, Failure, ONLY_THE_SERVERS, Status};
use crate::step::{StepMigration, failed};
use crate::{Error, ErrorKind};

/// How a step failed.
pub(crate) struct Failed {
    pub(crate) error: Error,
    /// Whether the server refused the migration's own text, and the connection lives.
    pub(crate) refused: bool,
}

impl From<Failed> for Error {
    fn from(failed: Failed) -> Self {
        failed.error
    }
}

/// Names are found as the application finds them, also afterwards: the caller ends that. Only
/// where it failed and nothing is open, nobody has to.
pub(crate) fn run(conn: &mut Conn, step: &Step) -> Result<(), Failed> {
    let migration = StepMigration::of(step);
    conn.as_application()
        .map_err(|failure| Failed { error: describe(step, &failure), refused: false })?;
    let result = match step.direction {
        Direction::Up => conn.diesel().run_migration(&migration).map(drop),
        Direction::Down => conn.diesel().revert_migration(&migration).map(drop),
    };
    let Err(error) = result else { return Ok(()) };
    let said = migration.into_said();
    let failure = match (&said, conn.last_failure()) {
        (Some(_), Some(failure)) => failure,
        // What Diesel says of its own savepoint or record.
        (said, _) => Failure::of(&said.clone().unwrap_or_else(|| error.to_string())),
    };
    let refused = said.is_some() && !conn.is_lost();
    if conn.status() == Status::Idle && !conn.is_lost() {
        // What is asked next tells whether this went wrong.
        let _ = conn.run(ONLY_THE_SERVERS);
    }
    Err(Failed { error: describe(step, &failure), refused })
}

fn describe(step: &Step, failure: &Failure) -> Error {
    let text = failure.to_string();
    let busy = |next: &str| Error { kind: ErrorKind::Busy, ..failed(step, &text, next) };
    if failure.is_lock_timeout() {
        return busy("something holds a lock on what it changes; run it again, or raise lock-wait");
    }
    if failure.is_deadlock() || failure.is_serialization() {
        return busy("another program was in its way; run it again");
    }
    if failure.is_statement_timeout() {
        return failed(step, &text, "make it faster or smaller, or raise statement-timeout");
    }
    failed(step, &text, "correct the migration, then run it again")
}
