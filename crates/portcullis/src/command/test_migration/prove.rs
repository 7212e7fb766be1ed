//! Going through the migrations, each engine on databases of its own.

use std::num::NonZeroUsize;

use portcullis_database::scratch::{Lab, LabOptions, open_lab};
use portcullis_flow::Stop;
use portcullis_model::config::{Config, Engine};
use portcullis_model::exit::Exit;
use portcullis_model::sql::Dialect;
use portcullis_test::{
    Answers, Cases, Coverage, EngineReport, Messy, Problem, Selection, Suite, Uncovered, Which,
};

use super::subject::{Subject, Track};
use crate::command::Format;
use crate::print;

/// Everything that stays the same from one time through the migrations to the next.
pub(super) struct Run<'a> {
    pub(super) config: &'a Config,
    pub(super) subject: &'a Subject,
    pub(super) labs: &'a [Box<dyn Lab>],
    pub(super) format: Format,
    pub(super) cases: Cases,
    pub(super) jobs: NonZeroUsize,
}

/// What is done at one time.
#[derive(Clone, Copy)]
pub(super) struct Pass<'a> {
    pub(super) selection: Selection<'a>,
    pub(super) answers: Answers,
    pub(super) round_trips: Which<'a>,
    pub(super) messy_trips: Which<'a>,
    pub(super) messy: Messy,
}

impl Run<'_> {
    /// Every engine at the same time: they have nothing to do with each other.
    pub(super) fn pass(&self, pass: &Pass<'_>) -> Vec<EngineReport> {
        let bars = print::Bars::new(self.format, &self.subject.asked());
        let one = |track: &Track, lab: &dyn Lab| {
            let suite = Suite {
                plan: &track.plan,
                cases: &self.cases,
                selection: pass.selection,
                answers: pass.answers,
                exceptions: &self.config.test_migration,
                round_trips: pass.round_trips,
                messy_trips: pass.messy_trips,
                messy: pass.messy,
                jobs: self.jobs,
            };
            let ran = portcullis_test::run(lab, &suite, &|progress| bars.show(progress));
            ran.unwrap_or_else(|error| EngineReport::stopped(track.engine, lost(error)))
        };
        let jobs = self.subject.tracks.iter().zip(self.labs);
        at_once(jobs.map(|(track, lab)| || one(track, lab.as_ref())))
    }

    /// What no case proves of these.
    pub(super) fn uncovered(&self, selection: Selection<'_>) -> Vec<Uncovered> {
        portcullis_test::uncovered(&Coverage {
            cases: &self.cases,
            engines: &self.subject.engines,
            asked: &self.subject.asked(),
            selection,
            without_case: &self.config.test_migration.without_case,
        })
    }
}

/// How many walkers go at the same time where nobody says. The engines go at the same time
/// anyway, and a server works beside its walker: two walkers on two cores are no faster than one.
pub(super) fn usual_jobs() -> NonZeroUsize {
    const MOST: usize = 4;
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    NonZeroUsize::new((cores / 2).min(MOST)).unwrap_or(NonZeroUsize::MIN)
}

/// What the others found is still told.
fn lost(error: portcullis_database::Error) -> Problem {
    let what = format!("couldn't {}: {}", error.operation, error.cause);
    let next_step = "run it again; it was a database of the tests' own".to_owned();
    Problem { at: error.place, what, next_step }
}

/// A place for the databases of each engine. A server takes a moment to start.
pub(super) fn labs(config: &Config, tracks: &[Track]) -> Result<Vec<Box<dyn Lab>>, Stop> {
    let options = LabOptions { statement_timeout: config.test_migration.statement_timeout };
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
