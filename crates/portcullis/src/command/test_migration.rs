//! `test-migration`: every migration before and after, on databases of its own.

mod field;
mod prove;
mod subject;

use std::collections::BTreeSet;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use portcullis_flow::Stop;
use portcullis_model::config::Config;
use portcullis_model::exit::Exit;
use portcullis_model::redact;
use portcullis_model::sql::Dialect;
use portcullis_test::{Adopted, Answers, Messy, Report, Selection, Which, adopt};

use self::prove::{Pass, Run, labs, usual_jobs};
use super::Format;
use crate::print;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    cargo xtask test-migration\n  \
    cargo xtask test-migration add_nickname\n  \
    cargo xtask test-migration --new --junit target/migrations.xml\n  \
    cargo xtask test-migration add_nickname::keeps_rows --override\n  \
    cargo xtask test-migration --from production")]
pub struct Flags {
    /// Only migrations, or cases of them, whose MIGRATION::CASE holds this
    filter: Option<String>,
    /// Also go up, down and up, and through messy data, with every migration, not only with
    /// those that the default branch hasn't accepted
    #[arg(long)]
    all: bool,
    /// Only the migrations that the default branch hasn't accepted
    #[arg(long, conflicts_with = "all")]
    new: bool,
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
    #[arg(long, value_enum, default_value_t = EngineFlag::All)]
    pub(super) engine: EngineFlag,
    /// Write what the queries answer into the cases that expect other rows
    #[arg(long = "override")]
    overrides: bool,
    /// How many walkers share the migrations of an engine, each with a database of its own;
    /// without it one for two cores, at most 4
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Try what is pending on a copy of real data instead: a backup, by a name that `backup list`
    /// shows or a path, or a target's newest by the target's name
    #[arg(long, value_name = "BACKUP", conflicts_with_all = ["filter", "all", "new", "messy", "seed", "rows", "engine", "overrides", "jobs"])]
    pub(super) from: Option<PathBuf>,
    /// Also write the result to this file, as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

/// On which engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineFlag {
    /// SQLite only.
    Sqlite,
    /// PostgreSQL only.
    Postgres,
    /// Every engine that has migrations.
    All,
}

impl EngineFlag {
    /// Whether an engine is meant.
    pub(crate) fn includes(self, dialect: Dialect) -> bool {
        match self {
            EngineFlag::Sqlite => dialect == Dialect::Sqlite,
            EngineFlag::Postgres => dialect == Dialect::Postgres,
            EngineFlag::All => true,
        }
    }
}

static NOTHING: BTreeSet<String> = BTreeSet::new();

pub(super) fn run(flags: Flags) -> Result<Exit, Stop> {
    let config = super::config()?;
    flags.junit.as_deref().map_or(Ok(()), check_place)?;
    if let Some(from) = &flags.from {
        return field::run(&config, from, &flags);
    }
    let mut subject = subject::read(&config, flags.engine)?;
    let cases = subject.cases(&config)?;
    let newer = subject.newer.clone();
    let selection = Selection {
        filter: flags.filter.as_deref(),
        migrations: if flags.new { Which::Of(&newer) } else { Which::All },
    };
    if flags.new && !subject.keep_having(&newer) {
        return finish(&flags, &Report::default(), "no migration is newer than the default branch");
    }
    let labs = labs(&config, &subject.tracks)?;
    let pass = Pass {
        selection,
        answers: Answers::Compare,
        round_trips: if flags.all { Which::All } else { Which::Of(&newer) },
        messy_trips: if flags.all || flags.messy { Which::All } else { Which::Of(&newer) },
        messy: Messy { seed: flags.seed, rows: flags.rows as usize },
    };
    let (format, jobs) = (flags.format, flags.jobs.unwrap_or_else(usual_jobs));
    let mut run = Run { config: &config, subject: &subject, labs: &labs, format, cases, jobs };
    let adopted = if flags.overrides {
        let keeping = Pass {
            answers: Answers::Keep,
            round_trips: Which::Of(&NOTHING),
            messy_trips: Which::Of(&NOTHING),
            ..pass
        };
        let adopted = adopt(&run.cases, &run.pass(&keeping), &subject.engines);
        write(&config.root, &adopted)?;
        run.cases = subject.cases(&config)?;
        adopted
    } else {
        Adopted::default()
    };
    let (engines, uncovered) = (run.pass(&pass), run.uncovered(selection));
    if let Some(filter) = &flags.filter
        && engines.iter().all(|report| report.migrations.is_empty() && report.stopped.is_none())
    {
        return Err(usage(
            filter,
            "no migration and no case has a name like that",
            "cargo xtask test-migration names them all",
        ));
    }
    finish(&flags, &Report { engines, uncovered, adopted }, "every case holds")
}

/// What becomes of these drafts in the tests.
pub(super) fn of_drafts(config: &Config, drafts: &BTreeSet<String>) -> Result<Report, Stop> {
    let mut subject = subject::read(config, EngineFlag::All)?;
    subject.keep_having(drafts);
    let cases = subject.cases(config)?;
    let labs = labs(config, &subject.tracks)?;
    let (format, jobs) = (Format::Human, usual_jobs());
    let run = Run { config, subject: &subject, labs: &labs, format, cases, jobs };
    let drafts = Which::Of(drafts);
    let selection = Selection { filter: None, migrations: drafts };
    let pass = Pass {
        selection,
        answers: Answers::Compare,
        round_trips: drafts,
        messy_trips: drafts,
        messy: Messy::default(),
    };
    let (engines, uncovered) = (run.pass(&pass), run.uncovered(selection));
    Ok(Report { engines, uncovered, adopted: Adopted::default() })
}

/// Says what was found, where it is to be said.
fn finish(flags: &Flags, report: &Report, good: &str) -> Result<Exit, Stop> {
    print::cases(report, good, flags.format);
    flags.write_junit(|| print::junit(report))?;
    Ok(if report.problems().is_empty() { Exit::Done } else { Exit::Refused })
}

impl Flags {
    /// Writes the results for CI, where that was asked for.
    fn write_junit(&self, text: impl FnOnce() -> Result<String, String>) -> Result<(), Stop> {
        let Some(file) = &self.junit else { return Ok(()) };
        let failed = |cause: String| {
            let next = "see what the operating system says about this place";
            Stop::new(Exit::Refused, "write the results", redact::path(file), cause, next)
        };
        fs::write(file, text().map_err(failed)?).map_err(|error| failed(error.to_string()))
    }
}

/// Writes the cases that are other ones now. A link that came there meanwhile is replaced, not
/// followed.
fn write(root: &Path, adopted: &Adopted) -> Result<(), Stop> {
    let files: Vec<(PathBuf, String)> =
        adopted.files.iter().map(|file| (root.join(&file.path), file.text.clone())).collect();
    Ok(portcullis_workspace::files::write(&files)?)
}

/// Refuses a place that can't be written to, before there is anything to write.
fn check_place(file: &Path) -> Result<(), Stop> {
    let refuse = |place: &Path, cause: &str, next: &str| {
        Err(usage(&format!("--junit {}", redact::path(place)), cause, next))
    };
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent.filter(|parent| !parent.is_dir()) {
        let next = format!("mkdir -p {}", redact::path(parent));
        return refuse(file, "there is no such directory", &next);
    }
    if file.is_dir() || file.file_name().is_none() {
        return refuse(file, "it is a directory", "name a file in it");
    }
    Ok(())
}

fn usage(place: &str, cause: &str, next_step: &str) -> Stop {
    Stop::new(Exit::Usage, "test the migrations", place, cause, next_step)
}
