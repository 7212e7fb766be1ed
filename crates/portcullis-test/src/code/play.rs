//! One case: its closures, and the migration between them.

use portcullis_database::client::Handed;
use portcullis_database::scratch::Scratch;
use portcullis_model::plan::{Direction, Step, segment_kind};

use super::Outcome;
use super::states::words;
use crate::suite;

/// A database of a case's own, as it is before the migration.
pub(super) struct Stage {
    pub(super) database: Box<dyn Scratch>,
    pub(super) step: Step,
}

impl Stage {
    /// Runs a closure over a connection of its own.
    pub(super) fn part<C: Handed, T>(
        &mut self,
        name: &str,
        work: impl FnOnce(&mut C) -> Outcome<T>,
    ) -> Result<T, String> {
        let mut client = self.database.client().map_err(|error| words(&error))?;
        let Some(connection) = C::of(&mut client) else {
            return Err(format!("{name}: the connection is one to another engine"));
        };
        let done =
            work(connection).map_err(|error| format!("{name}: {}", chain(error.as_ref())))?;
        client.close().map_err(|refused| format!("{name}: {refused}"))?;
        Ok(done)
    }

    pub(super) fn up(&mut self) -> Result<(), String> {
        self.go(&self.step.clone())
    }

    pub(super) fn down(&mut self) -> Result<(), String> {
        self.go(&suite::undo(&self.step))
    }

    fn go(&mut self, step: &Step) -> Result<(), String> {
        let kind = segment_kind(step, self.database.dialect());
        let file = match step.direction {
            Direction::Up => "up.sql",
            Direction::Down => "down.sql",
        };
        let applied = self.database.apply(step, kind);
        applied.map_err(|refused| format!("{}/{file}: {refused}", step.directory))
    }
}

/// An error with what led to it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        said = format!("{said}: {error}");
        source = error.source();
    }
    said
}
