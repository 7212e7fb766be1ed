//! `test-migration`: every migration before and after, on databases of its own.

mod overrides;
mod tracks;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use portcullis_flow::Stop;
use portcullis_model::exit::Exit;
use portcullis_model::sql::Dialect;
use portcullis_test::{EngineReport, Expected, Messy, Trips};

use super::Format;
use crate::print;
use tracks::usage;
pub(super) use tracks::{Choice, Tracks};

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    cargo xtask test-migration\n  \
    cargo xtask test-migration add_nickname\n  \
    cargo xtask test-migration --engine sqlite\n  \
    cargo xtask test-migration --all --junit target/migrations.xml\n  \
    cargo xtask test-migration add_nickname::keeps_rows --format json")]
pub struct Flags {
    /// Only migrations, or cases of them, whose MIGRATION::CASE holds this
    filter: Option<String>,
    /// Only migrations that the default branch hasn't accepted
    #[arg(long, conflicts_with = "all")]
    new: bool,
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
    /// Write what the queries give into the cases that expect other rows
    #[arg(long = "override", conflicts_with_all = ["all", "messy", "junit"])]
    overrides: bool,
    /// On which engine
    #[arg(long, value_enum, default_value_t = Which::All)]
    pub(super) engine: Which,
    /// Also write what was found into this file, as JUnit's XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
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

pub(super) fn run(flags: Flags) -> Result<Exit, Stop> {
    let config = super::config()?;
    let tracks = Tracks::read(&config, flags.engine)?;
    let junit = flags.junit.as_deref().map(writable).transpose()?;
    let newer = Trips::Of(&tracks.newer);
    let choice = Choice {
        filter: flags.filter.as_deref(),
        only: flags.new.then_some(&tracks.newer),
        expected: if flags.overrides { Expected::Anything } else { Expected::AsWritten },
        round_trips: if flags.all { Trips::All } else { newer },
        messy_trips: if flags.all || flags.messy { Trips::All } else { newer },
        messy: Messy { seed: flags.seed, rows: flags.rows as usize },
    };
    if flags.new && tracks.newer.is_empty() {
        print::nothing_new(flags.format);
        return Ok(Exit::Done);
    }
    let prove = |tracks: &Tracks<'_>, choice| {
        let bars = print::Bars::new(flags.format);
        tracks.prove(choice, &bars)
    };
    let mut reports = prove(&tracks, choice)?;
    if let Some(filter) = &flags.filter
        && reports.iter().all(is_empty)
    {
        let cause = "no migration and no case has a name like that";
        return Err(usage(
            filter,
            cause,
            "cargo xtask test-migration --format json names them all",
        ));
    }
    if flags.overrides {
        let written = overrides::write(&config.root, &reports)?;
        print::overridden(&written, flags.format);
        let again = Tracks::read(&config, flags.engine)?;
        reports = prove(&again, Choice { expected: Expected::AsWritten, ..choice })?;
    }
    if let Some(path) = junit {
        write_junit(path, &reports)?;
    }
    print::cases(&reports, flags.format);
    let failed = reports.iter().any(|report| report.problems().next().is_some());
    Ok(if failed { Exit::Refused } else { Exit::Done })
}

fn is_empty(report: &EngineReport) -> bool {
    report.migrations.is_empty() && report.stopped.is_none()
}

/// Known before minutes of tests that it can't be written.
fn writable(path: &Path) -> Result<&Path, Stop> {
    let opened = std::fs::OpenOptions::new().create(true).append(true).open(path);
    opened.map(|_| path).map_err(|error| unwritable(path, &error))
}

fn write_junit(path: &Path, reports: &[EngineReport]) -> Result<(), Stop> {
    let file = std::fs::File::create(path).map_err(|error| unwritable(path, &error))?;
    print::junit(reports, file).map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Stop {
    let place = portcullis_model::redact::path(path);
    usage(
        &place,
        &format!("it can't be written: {error}"),
        "name a file in a directory that is there",
    )
}
