//! `test-migration`: every migration before and after, on databases of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use clap::{Args, ValueEnum};
use portcullis_database::scratch::{LabOptions, open_lab};
use portcullis_flow::Stop;
use portcullis_model::config::{Config, Engine};
use portcullis_model::exit::Exit;
use portcullis_model::migration::{Migration, MigrationSet};
use portcullis_model::plan::{Goal, Plan, Protection, plan};
use portcullis_model::sql::Dialect;
use portcullis_model::tree::Disk;
use portcullis_test::{Cases, EngineReport, Messy, Suite, Trips};
use portcullis_workspace::inspect::base;

use super::Format;
use crate::print;

/// How long one statement may take: a case that runs longer is none.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    cargo xtask test-migration\n  \
    cargo xtask test-migration add_nickname\n  \
    cargo xtask test-migration --engine sqlite\n  \
    cargo xtask test-migration add_nickname::keeps_rows --format json")]
pub struct Flags {
    /// Only migrations, or cases of them, whose MIGRATION::CASE holds this
    filter: Option<String>,
    /// Also go up, down and up, and through messy data, with every migration, not only with
    /// those that the default branch hasn't accepted
    #[arg(long)]
    all: bool,
    /// Have messy data go through every migration, not only through those that the default
    /// branch hasn't accepted
    #[arg(long)]
    messy: bool,
    /// What the messy data follows from: the same number makes the same rows
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How many rows of messy data a table
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rows: u32,
    /// On which engine
    #[arg(long, value_enum, default_value_t = Which::All)]
    pub(super) engine: Which,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

/// On which engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Which {
    /// SQLite only.
    Sqlite,
    /// PostgreSQL only.
    Postgres,
    /// Every engine that has migrations.
    All,
}

impl Which {
    /// Whether an engine is meant.
    pub(crate) fn includes(self, dialect: Dialect) -> bool {
        match self {
            Which::Sqlite => dialect == Dialect::Sqlite,
            Which::Postgres => dialect == Dialect::Postgres,
            Which::All => true,
        }
    }
}

/// The migrations of one engine, and the way through them.
struct Track {
    engine: Engine,
    plan: Plan,
}

pub(super) fn run(flags: Flags) -> Result<Exit, Stop> {
    let config = super::config()?;
    let (tracks, cases, newer) = read(&config, flags.engine)?;
    let suite = |track: &Track| -> Result<EngineReport, Stop> {
        let lab = open_lab(track.engine, &LabOptions { statement_timeout: STATEMENT_TIMEOUT })?;
        let suite = Suite {
            plan: &track.plan,
            cases: &cases,
            filter: flags.filter.as_deref(),
            without_case: &config.without_case,
            irreversible: &config.irreversible,
            round_trips: if flags.all { Trips::All } else { Trips::Of(&newer) },
            messy_trips: if flags.all || flags.messy { Trips::All } else { Trips::Of(&newer) },
            messy: Messy { seed: flags.seed, rows: flags.rows as usize },
            without_messy: &config.without_messy,
        };
        Ok(portcullis_test::run(lab.as_ref(), &suite)?)
    };
    // Engines have nothing to do with each other.
    let reports = std::thread::scope(|scope| {
        let running: Vec<_> = tracks.iter().map(|track| scope.spawn(|| suite(track))).collect();
        let joined = running.into_iter().map(|one| match one.join() {
            Ok(report) => report,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        joined.collect::<Result<Vec<_>, Stop>>()
    })?;
    if let Some(filter) = &flags.filter
        && reports.iter().all(|report| report.migrations.is_empty() && report.stopped.is_none())
    {
        return Err(usage(
            filter,
            "no migration and no case has a name like that",
            "cargo xtask test-migration names them all",
        ));
    }
    print::cases(&reports, flags.format);
    let failed = reports.iter().any(|report| report.problems().next().is_some());
    Ok(if failed { Exit::Refused } else { Exit::Done })
}

/// The migrations of each engine that is meant, the cases, and the directories that the
/// default branch doesn't have.
fn read(config: &Config, which: Which) -> Result<(Vec<Track>, Cases, BTreeSet<String>), Stop> {
    let mut tracks = Vec::new();
    let mut sets = Vec::new();
    let mut newer = BTreeSet::new();
    for migrations in &config.migrations {
        let path = migrations.path.display().to_string();
        let set =
            MigrationSet::read(&Disk::new(&config.root), &migrations.path).map_err(|error| {
                usage(&path, &error.to_string(), "check migrations in portcullis.toml")
            })?;
        if which.includes(migrations.dialect) {
            let engine = match migrations.dialect {
                Dialect::Sqlite => Engine::Sqlite,
                Dialect::Postgres => Engine::Postgres,
            };
            let plan = plan(&set, &[], &Goal::Latest, migrations.dialect).map_err(|refusals| {
                let first = refusals.first();
                let cause = first.map(ToString::to_string).unwrap_or_default();
                let next = first.map(|refusal| refusal.next_step(Protection::Unprotected));
                Stop { exit: Exit::Refused, ..usage(&path, &cause, &next.unwrap_or_default()) }
            })?;
            tracks.push(Track { engine, plan });
        }
        let base = base(&config.root, config.default_branch.as_deref(), migrations, &set);
        let frozen = base.map(|base| base.sum).unwrap_or_default();
        let is_newer = |migration: &&Migration| frozen.line(&migration.directory).is_none();
        newer.extend(
            set.migrations.iter().filter(is_newer).map(|migration| migration.directory.clone()),
        );
        sets.push(set);
    }
    if tracks.is_empty() {
        let next = "name their directory under migrations in portcullis.toml";
        return Err(usage("--engine", "this engine has no migrations here", next));
    }
    let names: BTreeSet<&str> = sets
        .iter()
        .flat_map(|set| &set.migrations)
        .map(|migration| migration.directory.as_str())
        .collect();
    let reasons = [&config.without_case, &config.irreversible, &config.without_messy];
    for name in reasons.into_iter().flat_map(BTreeMap::keys) {
        if !names.contains(name.as_str()) {
            let place = "portcullis.toml: test-migration";
            let cause = format!("there is no migration {name:?}");
            return Err(usage(place, &cause, "remove the line"));
        }
    }
    let cases = Cases::read(&config.root, &names)
        .map_err(|error| usage(&error.place, &error.cause, &error.next_step))?;
    Ok((tracks, cases, newer))
}

fn usage(place: &str, cause: &str, next_step: &str) -> Stop {
    Stop::new(Exit::Usage, "test the migrations", place, cause, next_step)
}
