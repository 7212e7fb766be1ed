//! The databases as they are before each migration, each built once, and the first time that
//! a test needs it.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use portcullis_database::Error;
use portcullis_database::scratch::{Lab, LabOptions, Scratch, open_lab};
use portcullis_model::config::{Config, Engine, like};
use portcullis_model::migration::MigrationSet;
use portcullis_model::plan::{Goal, Protection, Step, plan, segment_kind};
use portcullis_model::redact::printable;
use portcullis_model::tree::Disk;

use super::play::Stage;

/// How long a statement of a migration or a case may take: a case that runs longer is none.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(60);

/// How many states are kept: each may hold a connection of the server's hundred.
const KEPT: usize = 8;

/// The migrations of a workspace, and what was built of them so far.
pub(super) struct Workspace {
    directory: io::Result<PathBuf>,
    sqlite: OnceLock<Result<Track, String>>,
    postgres: OnceLock<Result<Track, String>>,
}

/// One engine.
struct Track {
    steps: Vec<Step>,
    built: Mutex<Built>,
}

#[derive(Default)]
struct Built {
    lab: Option<Box<dyn Lab>>,
    /// By how many steps were applied.
    states: BTreeMap<usize, Box<dyn Scratch>>,
}

impl Workspace {
    /// The one that this directory is in. Nothing is read yet.
    pub(super) fn around(directory: io::Result<PathBuf>) -> Self {
        Self { directory, sqlite: OnceLock::new(), postgres: OnceLock::new() }
    }

    /// A database as it is before a migration.
    pub(super) fn before(&self, engine: Engine, migration: &str) -> Result<Stage, String> {
        let track = match engine {
            Engine::Sqlite => &self.sqlite,
            Engine::Postgres => &self.postgres,
        };
        let track =
            track.get_or_init(|| Ok(Track { steps: self.steps(engine)?, built: Mutex::default() }));
        let track = track.as_ref().map_err(String::clone)?;
        let at = track.find(engine, migration)?;
        // A test that panics holds no lock; what is there is whole in any case.
        let mut built = track.built.lock().unwrap_or_else(PoisonError::into_inner);
        let database = built.before(engine, &track.steps, at)?;
        Ok(Stage { database, step: track.steps[at].clone() })
    }

    /// Every migration of an engine, in order.
    fn steps(&self, engine: Engine) -> Result<Vec<Step>, String> {
        let directory = self.directory.as_ref().map_err(|error| {
            format!("the working directory can't be read: {error}; run the tests with cargo test")
        })?;
        let config = Config::find(directory)
            .map_err(|error| format!("{error}\n  next  {}", error.next_step))?;
        let dialect = engine.dialect();
        let Some(migrations) = config.migrations.iter().find(|one| one.dialect == dialect) else {
            let name = engine.name();
            return Err(format!(
                "there are no migrations for {name}\n  next  name their directory under \
                 migrations in portcullis.toml, or leave .{name}(…) out"
            ));
        };
        let set = MigrationSet::read(&Disk::new(&config.root), &migrations.path)
            .map_err(|error| error.to_string())?;
        let plan = plan(&set, &[], &Goal::Latest, dialect).map_err(|refusals| {
            let said = refusals.iter().map(|refusal| {
                format!("{refusal}\n  next  {}", refusal.next_step(Protection::Unprotected))
            });
            said.collect::<Vec<_>>().join("\n")
        })?;
        Ok(plan.segments.into_iter().flat_map(|segment| segment.steps).collect())
    }
}

impl Track {
    fn find(&self, engine: Engine, migration: &str) -> Result<usize, String> {
        let found = self.steps.iter().position(|step| step.directory == migration);
        found.ok_or_else(|| {
            let names: Vec<&str> = self.steps.iter().map(|step| &*step.directory).collect();
            let meant = like(migration, &names)
                .map(|name| format!(": is {} meant?", printable(name)))
                .unwrap_or_default();
            format!("there is no migration {} for {}{meant}", printable(migration), engine.name())
        })
    }
}

impl Built {
    /// A copy of a state, which is built on the nearest one before it.
    fn before(
        &mut self,
        engine: Engine,
        steps: &[Step],
        at: usize,
    ) -> Result<Box<dyn Scratch>, String> {
        if let Some(state) = self.states.get_mut(&at) {
            return state.copy().map_err(|error| words(&error));
        }
        let nearest = self.states.range_mut(..at).next_back();
        let (from, mut database) = match nearest {
            Some((from, state)) => (*from, state.copy().map_err(|error| words(&error))?),
            None => (0, self.lab(engine)?.make().map_err(|error| words(&error))?),
        };
        for step in &steps[from..at] {
            let kind = segment_kind(step, database.dialect());
            database.apply(step, kind).map_err(|refused| {
                format!("a migration before it can't be applied: {}: {refused}", step.directory)
            })?;
        }
        let copy = database.copy().map_err(|error| words(&error))?;
        self.states.insert(at, database);
        if self.states.len() > KEPT {
            self.states.pop_first();
        }
        Ok(copy)
    }

    fn lab(&mut self, engine: Engine) -> Result<&dyn Lab, String> {
        let options = LabOptions { statement_timeout: STATEMENT_TIMEOUT };
        let lab = match self.lab.take() {
            Some(lab) => lab,
            None => open_lab(engine, &options).map_err(|error| words(&error))?,
        };
        Ok(&**self.lab.insert(lab))
    }
}

/// An error with its next step.
pub(super) fn words(error: &Error) -> String {
    format!("{error}\n  next  {}", error.next_step)
}
