//! What is tested: the migrations of each engine, their cases, and which are new.

use std::collections::BTreeSet;

use portcullis_flow::Stop;
use portcullis_model::config::{Config, Engine};
use portcullis_model::exit::Exit;
use portcullis_model::migration::{Migration, MigrationSet};
use portcullis_model::plan::{Goal, Plan, Protection, plan};
use portcullis_model::sql::Dialect;
use portcullis_model::tree::Disk;
use portcullis_test::{Cases, EngineMigrations};
use portcullis_workspace::inspect::base;

use super::{EngineFlag, usage};

/// The migrations of one engine, and the way through them.
pub(super) struct Track {
    pub(super) engine: Engine,
    pub(super) plan: Plan,
}

/// What is tested.
pub(super) struct Subject {
    /// Each engine that is asked.
    pub(super) tracks: Vec<Track>,
    /// The directories of every engine, asked or not.
    pub(super) engines: Vec<EngineMigrations>,
    /// The directories that the default branch doesn't have.
    pub(super) newer: BTreeSet<String>,
}

impl Subject {
    /// Keeps the engines that have one of these migrations; whether there is one.
    pub(super) fn keep_having(&mut self, directories: &BTreeSet<String>) -> bool {
        let has =
            |track: &Track| track.plan.steps().any(|one| directories.contains(&one.directory));
        self.tracks.retain(has);
        !self.tracks.is_empty()
    }

    pub(super) fn asked(&self) -> Vec<Engine> {
        self.tracks.iter().map(|track| track.engine).collect()
    }

    /// The cases as they are on disk.
    pub(super) fn cases(&self, config: &Config) -> Result<Cases, Stop> {
        Cases::read(&Disk::new(&config.root), &self.names())
            .map_err(|error| usage(&error.place, &error.cause, &error.next_step))
    }

    fn names(&self) -> BTreeSet<&str> {
        self.engines.iter().flat_map(|(_, names)| names).map(String::as_str).collect()
    }
}

/// Reads the migrations.
pub(super) fn read(config: &Config, which: EngineFlag) -> Result<Subject, Stop> {
    let mut subject = Subject { tracks: Vec::new(), engines: Vec::new(), newer: BTreeSet::new() };
    for migrations in &config.migrations {
        let path = migrations.path.display().to_string();
        let set =
            MigrationSet::read(&Disk::new(&config.root), &migrations.path).map_err(|error| {
                usage(&path, &error.to_string(), "check migrations in portcullis.toml")
            })?;
        let engine = match migrations.dialect {
            Dialect::Sqlite => Engine::Sqlite,
            Dialect::Postgres => Engine::Postgres,
        };
        if which.includes(migrations.dialect) {
            let plan = plan(&set, &[], &Goal::Latest, migrations.dialect).map_err(|refusals| {
                let first = refusals.first();
                let cause = first.map(ToString::to_string).unwrap_or_default();
                let next = first.map(|refusal| refusal.next_step(Protection::Unprotected));
                Stop { exit: Exit::Refused, ..usage(&path, &cause, &next.unwrap_or_default()) }
            })?;
            subject.tracks.push(Track { engine, plan });
        }
        let base = base(&config.root, config.default_branch.as_deref(), migrations, &set);
        let frozen = base.map(|base| base.sum).unwrap_or_default();
        let directory = |migration: &Migration| migration.directory.clone();
        let is_newer = |migration: &&Migration| frozen.line(&migration.directory).is_none();
        subject.newer.extend(set.migrations.iter().filter(is_newer).map(directory));
        subject.engines.push((engine, set.migrations.iter().map(directory).collect()));
    }
    if subject.tracks.is_empty() {
        let next = "name their directory under migrations in portcullis.toml";
        return Err(usage("--engine", "this engine has no migrations here", next));
    }
    if let Some(name) = config.test_migration.stale(&subject.names()).next() {
        let cause = format!("there is no migration {name:?}");
        return Err(usage("portcullis.toml: test-migration", &cause, "remove the line"));
    }
    Ok(subject)
}
