//! `test-migration`: every migration before and after, on databases of its own.

mod subject;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use portcullis_database::scratch::{Lab, LabOptions, open_lab};
use portcullis_flow::Stop;
use portcullis_model::config::{Config, Engine};
use portcullis_model::exit::Exit;
use portcullis_model::redact;
use portcullis_model::sql::Dialect;
use portcullis_test::{
    Adopted, Answers, Cases, Coverage, EngineReport, Problem, Report, Selection, Suite, Which,
    adopt, uncovered,
};

use self::subject::{Subject, Track};
use super::Format;
use crate::print;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    cargo xtask test-migration\n  \
    cargo xtask test-migration add_nickname\n  \
    cargo xtask test-migration --new --junit target/migrations.xml\n  \
    cargo xtask test-migration add_nickname::keeps_rows --override")]
pub struct Flags {
    /// Only migrations, or cases of them, whose MIGRATION::CASE holds this
    filter: Option<String>,
    /// Also go up, down and up with every migration, not only with those that the default
    /// branch hasn't accepted
    #[arg(long)]
    all: bool,
    /// Only the migrations that the default branch hasn't accepted
    #[arg(long, conflicts_with = "all")]
    new: bool,
    /// On which engine
    #[arg(long, value_enum, default_value_t = EngineFlag::All)]
    pub(super) engine: EngineFlag,
    /// Write what the queries answer into the cases that expect other rows
    #[arg(long = "override")]
    overrides: bool,
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

pub(super) fn run(flags: Flags) -> Result<Exit, Stop> {
    let config = super::config()?;
    flags.junit.as_deref().map_or(Ok(()), check_place)?;
    let subject = subject::read(&config, flags.engine)?;
    let cases = subject.cases(&config)?;
    let selection = Selection {
        filter: flags.filter.as_deref(),
        migrations: if flags.new { Which::Of(&subject.newer) } else { Which::All },
    };
    if flags.new && !subject.has_newer() {
        return finish(&flags, &Report::default(), "no migration is newer than the default branch");
    }
    let labs = labs(&config, &subject.tracks)?;
    let nothing = BTreeSet::new();
    let keeping = Pass { answers: Answers::Keep, round_trips: Which::Of(&nothing), selection };
    let mut run =
        Run { config: &config, subject: &subject, labs: &labs, format: flags.format, cases };
    let adopted = if flags.overrides {
        let adopted = adopt(&run.cases, &run.pass(&keeping), &subject.engines);
        write(&config.root, &adopted)?;
        run.cases = subject.cases(&config)?;
        adopted
    } else {
        Adopted::default()
    };
    let round_trips = if flags.all { Which::All } else { Which::Of(&subject.newer) };
    let engines = run.pass(&Pass { answers: Answers::Compare, round_trips, selection });
    let uncovered = uncovered(&Coverage {
        cases: &run.cases,
        engines: &subject.engines,
        asked: &subject.asked(),
        selection,
        without_case: &config.without_case,
    });
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

/// Says what was found, where it is to be said.
fn finish(flags: &Flags, report: &Report, good: &str) -> Result<Exit, Stop> {
    print::cases(report, good, flags.format);
    if let Some(file) = &flags.junit {
        let failed = |cause: String| {
            let next = "see what the operating system says about this place";
            Stop::new(Exit::Refused, "write the results", redact::path(file), cause, next)
        };
        let text = print::junit(report).map_err(failed)?;
        fs::write(file, text).map_err(|error| failed(error.to_string()))?;
    }
    Ok(if report.problems().is_empty() { Exit::Done } else { Exit::Refused })
}

/// Everything that stays the same from one time through the migrations to the next.
struct Run<'a> {
    config: &'a Config,
    subject: &'a Subject,
    labs: &'a [Box<dyn Lab>],
    format: Format,
    cases: Cases,
}

/// What is done at one time.
struct Pass<'a> {
    answers: Answers,
    round_trips: Which<'a>,
    selection: Selection<'a>,
}

impl Run<'_> {
    /// Every engine at the same time: they have nothing to do with each other.
    fn pass(&self, pass: &Pass<'_>) -> Vec<EngineReport> {
        let bars = print::Bars::new(self.format, &self.subject.asked());
        let one = |track: &Track, lab: &dyn Lab| {
            let suite = Suite {
                plan: &track.plan,
                cases: &self.cases,
                selection: pass.selection,
                answers: pass.answers,
                irreversible: &self.config.irreversible,
                round_trips: pass.round_trips,
            };
            let ran = portcullis_test::run(lab, &suite, &|progress| bars.show(progress));
            ran.unwrap_or_else(|error| EngineReport::stopped(track.engine, lost(error)))
        };
        let jobs = self.subject.tracks.iter().zip(self.labs);
        at_once(jobs.map(|(track, lab)| || one(track, lab.as_ref())))
    }
}

/// What the others found is still told.
fn lost(error: portcullis_database::Error) -> Problem {
    let what = format!("couldn't {}: {}", error.operation, error.cause);
    let next_step = "run it again; it was a database of the tests' own".to_owned();
    Problem { at: error.place, what, next_step }
}

/// A place for the databases of each engine. A server takes a moment to start.
fn labs(config: &Config, tracks: &[Track]) -> Result<Vec<Box<dyn Lab>>, Stop> {
    let options = LabOptions { statement_timeout: config.test_statement_timeout };
    let options = &options;
    let open = |engine: Engine| -> Result<Box<dyn Lab>, Stop> {
        open_lab(engine, options).map_err(|error| {
            let stop = Stop { exit: Exit::Usage, ..Stop::from(error) };
            let has_other = config.migrations.iter().any(|one| one.dialect == Dialect::Sqlite);
            if engine == Engine::Sqlite || !has_other {
                return stop;
            }
            let other = "or test without it: cargo xtask test-migration --engine sqlite";
            Stop { next_step: format!("{}; {other}", stop.next_step), ..stop }
        })
    };
    at_once(tracks.iter().map(|track| move || open(track.engine))).into_iter().collect()
}

/// Does all of it at the same time.
fn at_once<T: Send>(jobs: impl Iterator<Item = impl FnOnce() -> T + Send>) -> Vec<T> {
    std::thread::scope(|scope| {
        let running: Vec<_> = jobs.map(|job| scope.spawn(job)).collect();
        let joined = running.into_iter().map(|one| match one.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        joined.collect()
    })
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
