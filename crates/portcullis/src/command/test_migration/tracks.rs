//! What there is to test: each engine's migrations, their cases, and what is new.

use std::collections::BTreeSet;

use portcullis_database::scratch::{LabOptions, open_lab};
use portcullis_flow::Stop;
use portcullis_model::config::{Config, Engine};
use portcullis_model::exit::Exit;
use portcullis_model::migration::{Migration, MigrationSet};
use portcullis_model::plan::{Goal, Plan, Protection, plan};
use portcullis_model::sql::Dialect;
use portcullis_model::tree::Disk;
use portcullis_test::{Cases, EngineReport, Expected, Messy, Suite, Trips};
use portcullis_workspace::inspect::base;

use super::Which;
use crate::print::Bars;

/// The migrations of one engine.
pub(in crate::command) struct Track {
    pub(in crate::command) engine: Engine,
    /// The way through them.
    plan: Plan,
}

impl Track {
    /// Whether one of these is among its migrations.
    fn has(&self, only: Option<&BTreeSet<String>>) -> bool {
        only.is_none_or(|only| self.plan.steps().any(|step| only.contains(&step.directory)))
    }
}

/// What there is to test.
pub(in crate::command) struct Tracks<'a> {
    config: &'a Config,
    pub(in crate::command) tracks: Vec<Track>,
    cases: Cases,
    /// The directories that the default branch doesn't have.
    pub(super) newer: BTreeSet<String>,
}

/// Which of it is tested.
#[derive(Clone, Copy)]
pub(in crate::command) struct Choice<'a> {
    /// Only what has this in its name.
    pub(in crate::command) filter: Option<&'a str>,
    /// Only these migrations.
    pub(in crate::command) only: Option<&'a BTreeSet<String>>,
    pub(in crate::command) expected: Expected,
    /// Which of them go up, down and up.
    pub(in crate::command) round_trips: Trips<'a>,
    /// Which of them messy data goes through.
    pub(in crate::command) messy_trips: Trips<'a>,
    /// What that is made of.
    pub(in crate::command) messy: Messy,
}

impl<'a> Tracks<'a> {
    /// Reads the migrations and their cases.
    pub(in crate::command) fn read(config: &'a Config, which: Which) -> Result<Self, Stop> {
        let mut tracks = Vec::new();
        let mut sets = Vec::new();
        let mut newer = BTreeSet::new();
        for migrations in &config.migrations {
            let path = migrations.path.display().to_string();
            let set = MigrationSet::read(&Disk::new(&config.root), &migrations.path).map_err(
                |error| usage(&path, &error.to_string(), "check migrations in portcullis.toml"),
            )?;
            if which.includes(migrations.dialect) {
                let plan =
                    plan(&set, &[], &Goal::Latest, migrations.dialect).map_err(|refusals| {
                        let first = refusals.first();
                        let cause = first.map(ToString::to_string).unwrap_or_default();
                        let next = first.map(|refusal| refusal.next_step(Protection::Unprotected));
                        let next = next.unwrap_or_default();
                        Stop { exit: Exit::Refused, ..usage(&path, &cause, &next) }
                    })?;
                tracks.push(Track { engine: engine_of(migrations.dialect), plan });
            }
            let base = base(&config.root, config.default_branch.as_deref(), migrations, &set);
            let frozen = base.map(|base| base.sum).unwrap_or_default();
            let is_newer = |migration: &&Migration| frozen.line(&migration.directory).is_none();
            let new = set.migrations.iter().filter(is_newer);
            newer.extend(new.map(|migration| migration.directory.clone()));
            sets.push(set);
        }
        if tracks.is_empty() {
            let next = "name their directory under migrations in portcullis.toml";
            return Err(usage("--engine", "this engine has no migrations here", next));
        }
        let migrations = sets.iter().flat_map(|set| &set.migrations);
        let names: BTreeSet<&str> = migrations.map(|one| one.directory.as_str()).collect();
        if let Some(name) = config.test_migration.stale(&names).next() {
            let cause = format!("there is no migration {name:?}");
            return Err(usage("portcullis.toml: test-migration", &cause, "remove the line"));
        }
        let cases = Cases::read(&Disk::new(&config.root), &names)
            .map_err(|error| usage(&error.place, &error.cause, &error.next_step))?;
        Ok(Self { config, tracks, cases, newer })
    }

    /// Tests them, each engine on its own: they have nothing to do with each other.
    pub(in crate::command) fn prove(
        &self,
        choice: Choice<'_>,
        bars: &Bars,
    ) -> Result<Vec<EngineReport>, Stop> {
        let tests = &self.config.test_migration;
        let prove = |track: &Track| -> Result<EngineReport, Stop> {
            let options = LabOptions { statement_timeout: tests.statement_timeout };
            let lab =
                open_lab(track.engine, &options).map_err(|error| without_lab(track, error))?;
            let bar = bars.of(track.engine);
            let suite = Suite {
                plan: &track.plan,
                cases: &self.cases,
                filter: choice.filter,
                only: choice.only,
                without_case: &tests.without_case,
                irreversible: &tests.irreversible,
                expected: choice.expected,
                round_trips: choice.round_trips,
                messy_trips: choice.messy_trips,
                messy: choice.messy,
                without_messy: &tests.without_messy,
                progress: &|done, total| bar.is_at(done, total),
            };
            Ok(portcullis_test::run(lab.as_ref(), &suite)?)
        };
        std::thread::scope(|scope| {
            let running: Vec<_> = self
                .tracks
                .iter()
                .filter(|track| track.has(choice.only))
                .map(|track| scope.spawn(|| prove(track)))
                .collect();
            let joined = running.into_iter().map(|one| match one.join() {
                Ok(report) => report,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            joined.collect()
        })
    }
}

fn engine_of(dialect: Dialect) -> Engine {
    match dialect {
        Dialect::Sqlite => Engine::Sqlite,
        Dialect::Postgres => Engine::Postgres,
    }
}

/// Where one engine can't be had, the other may still be tested.
fn without_lab(track: &Track, error: portcullis_database::Error) -> Stop {
    let mut stop = Stop::from(error);
    if track.engine == Engine::Postgres {
        stop.exit = Exit::Usage;
        stop.next_step.push_str("; without it: cargo xtask test-migration --engine sqlite");
    }
    stop
}

pub(super) fn usage(place: &str, cause: &str, next_step: &str) -> Stop {
    Stop::new(Exit::Usage, "test the migrations", place, cause, next_step)
}
