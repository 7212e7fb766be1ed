//! Every migration of one engine, in order: at each its cases, then the migration itself.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use portcullis_database::scratch::{Lab, Refused, Scratch};
use portcullis_database::slt::case::{Answer, Case, Mismatch, Part};
use portcullis_model::config::{Engine, TestMigration};
use portcullis_model::plan::{Direction, Plan, SegmentKind, Step, must_be_committed, segment_kind};
use portcullis_model::sql::Dialect;

use crate::cases::{Cases, Named};
use crate::messy::{self, Messy, Subject};
use crate::quick;
use crate::report::{CaseReport, EngineReport, MigrationReport, Problem};
use crate::round_trip::{self, Apply};
use crate::selection::{Selection, Which};
use crate::shares::{shares, would_meet};

/// What is run.
#[derive(Debug, Clone, Copy)]
pub struct Suite<'a> {
    /// Every migration from an empty database on.
    pub plan: &'a Plan,
    /// The cases.
    pub cases: &'a Cases,
    /// Which migrations and cases are meant.
    pub selection: Selection<'a>,
    /// What is done with what queries answer.
    pub answers: Answers,
    /// Which migrations are excused from what.
    pub exceptions: &'a TestMigration,
    /// Which migrations go up, down and up.
    pub round_trips: Which<'a>,
    /// Which migrations go through messy data.
    pub messy_trips: Which<'a>,
    /// What that is made of.
    pub messy: Messy,
    /// How many walkers may share the migrations.
    pub jobs: NonZeroUsize,
}

/// What is done with what queries answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    /// They are compared with what is expected.
    Compare,
    /// They are kept, whatever is expected.
    Keep,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// On which engine.
    pub engine: Engine,
    /// How many migrations are done.
    pub done: usize,
    /// Of how many.
    pub total: usize,
}

/// Told after each migration, from any thread.
pub type Watch<'a> = &'a (dyn Fn(Progress) + Sync);

/// Runs it.
///
/// # Errors
/// There is no database to run it on.
pub fn run(
    lab: &dyn Lab,
    suite: &Suite<'_>,
    watch: Watch<'_>,
) -> portcullis_database::Result<EngineReport> {
    let started = Instant::now();
    let engine = lab.engine();
    let total = suite.plan.steps().count();
    watch(Progress { engine, done: 0, total });
    let done = Mutex::new(0);
    let advance = || {
        let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
        *done += 1;
        watch(Progress { engine, done: *done, total });
    };
    let costs: Vec<usize> = suite.plan.steps().map(|step| cost(suite, step)).collect();
    let together = would_meet(suite.plan, suite.cases, engine.dialect());
    let shares = shares(&costs, if together { NonZeroUsize::MIN } else { suite.jobs });
    let walked = thread::scope(|scope| {
        let advance = &advance;
        let walkers: Vec<_> = shares
            .into_iter()
            .map(|share| scope.spawn(move || walk(lab, suite, share, advance)))
            .collect();
        walkers.into_iter().map(join).collect::<portcullis_database::Result<Vec<_>>>()
    })?;
    let (mut migrations, mut stopped) = (Vec::new(), None);
    for mut walked in walked {
        migrations.append(&mut walked.migrations);
        stopped = walked.stopped;
        // Whoever comes later has met the same.
        if stopped.is_some() {
            break;
        }
    }
    watch(Progress { engine, done: total, total });
    Ok(EngineReport { engine, migrations, stopped, took: started.elapsed() })
}

fn join<T>(walker: thread::ScopedJoinHandle<'_, T>) -> T {
    walker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// About what proving a migration costs, beside applying it once.
fn cost(suite: &Suite<'_>, step: &Step) -> usize {
    let directory = &step.directory;
    let is_meant = |name: &str| suite.selection.includes(directory, name);
    let cases = suite.cases.of(directory).iter().filter(|case| is_meant(&case.name)).count();
    let returns = !suite.exceptions.irreversible.include(directory);
    let trip = suite.round_trips.includes(directory) && returns && is_meant("");
    let excused = suite.exceptions.without_messy.include(directory);
    let messy = suite.messy_trips.includes(directory) && !excused && is_meant("");
    cases + usize::from(trip) * 3 + usize::from(messy) * 100
}

/// What a walker has found.
struct Walked {
    migrations: Vec<MigrationReport>,
    stopped: Option<Problem>,
}

/// Goes to the end of a share, and proves it.
fn walk(
    lab: &dyn Lab,
    suite: &Suite<'_>,
    share: Range<usize>,
    advance: &(dyn Fn() + Sync),
) -> portcullis_database::Result<Walked> {
    let mut database = lab.make()?;
    let mut walked = Walked { migrations: Vec::new(), stopped: None };
    let segments = suite.plan.segments.iter();
    let steps =
        segments.flat_map(|segment| segment.steps.iter().map(move |step| (step, segment.kind)));
    for (at, (step, kind)) in steps.take(share.end).enumerate() {
        let is_mine = share.contains(&at);
        if is_mine && let Some(migration) = look_at(database.as_mut(), suite, step)? {
            walked.migrations.push(migration);
        }
        if let Err(refused) = database.apply(step, kind) {
            walked.stopped = Some(of_step(step, &refused));
            break;
        }
        if is_mine {
            advance();
        }
    }
    Ok(walked)
}

/// Proves one migration; none if it isn't asked for.
fn look_at(
    database: &mut dyn Scratch,
    suite: &Suite<'_>,
    step: &Step,
) -> portcullis_database::Result<Option<MigrationReport>> {
    let directory = &step.directory;
    let is_meant = |name: &str| suite.selection.includes(directory, name);
    let all = suite.cases.of(directory);
    let down = undo(step);
    let mut report = MigrationReport {
        directory: directory.clone(),
        cases: Vec::new(),
        round_trip: None,
        round_trip_took: Duration::ZERO,
        messy: None,
        messy_took: Duration::ZERO,
        problems: Vec::new(),
    };
    for named in all.iter().filter(|case| is_meant(&case.name)) {
        report.cases.push(look_at_case(database, suite, named, (step, &down))?);
    }
    let readable = || all.iter().filter_map(|named| named.case.as_ref().ok()).collect::<Vec<_>>();
    let returns = !suite.exceptions.irreversible.include(directory);
    if suite.round_trips.includes(directory) && returns && is_meant("") {
        let cases = readable();
        let started = Instant::now();
        let known = match fit(database.dialect(), step, Some(&down)) {
            true => quick::round_trip(database, &cases, (step, &down))?,
            false => None,
        };
        let trip = match known {
            Some(trip) => Ok(trip),
            None => aside(database, (step, Some(&down)), |scratch, apply| {
                round_trip::go(scratch, &cases, (step, &down), apply)
            })?,
        };
        report.round_trip = Some(trip);
        report.round_trip_took = started.elapsed();
    }
    let excused = suite.exceptions.without_messy.include(directory);
    if suite.messy_trips.includes(directory) && !excused && is_meant("") {
        let started = Instant::now();
        let down = (returns && !down.sql.trim().is_empty()).then_some(&down);
        let in_transaction = fit(database.dialect(), step, down);
        let subject = Subject { up: step, down, cases: &readable(), in_transaction };
        report.messy = Some(messy::go(database, &subject, suite.messy)?);
        report.messy_took = started.elapsed();
    }
    Ok((is_meant("") || !report.cases.is_empty()).then_some(report))
}

fn look_at_case(
    database: &mut dyn Scratch,
    suite: &Suite<'_>,
    named: &Named,
    (step, down): (&Step, &Step),
) -> portcullis_database::Result<CaseReport> {
    let started = Instant::now();
    let dialect = database.dialect();
    let mut skipped = false;
    let mut answers = Vec::new();
    let outcome = match &named.case {
        Ok(case) if !case.asks(Part::After, dialect) && !case.asks(Part::Down, dialect) => {
            skipped = true;
            Ok(0)
        }
        Ok(case) => {
            let undone = case.has(Part::Down).then_some(down);
            let known = match suite.answers == Answers::Compare && fit(dialect, step, undone) {
                true => quick::case(database, case, (step, undone))?,
                false => None,
            };
            match known {
                Some(held) => Ok(held),
                None => aside(database, (step, undone), |scratch, apply| {
                    play(scratch, case, (step, undone), apply, (suite.answers, &mut answers))
                })?,
            }
        }
        Err(mismatch) => Err(of_case(mismatch, "correct the case")),
    };
    let took = started.elapsed();
    Ok(CaseReport { name: named.name.clone(), outcome, skipped, answers, took })
}

/// Has something tried where nothing stays of it: in a transaction, or on a copy if one of the
/// steps that it may take doesn't go into one.
pub(crate) fn aside<T>(
    database: &mut dyn Scratch,
    (up, down): (&Step, Option<&Step>),
    work: impl FnOnce(&mut dyn Scratch, Apply<'_>) -> Result<T, Problem>,
) -> portcullis_database::Result<Result<T, Problem>> {
    let dialect = database.dialect();
    if !fit(dialect, up, down) {
        let mut copy = database.copy()?;
        let apply = |scratch: &mut dyn Scratch, step: &Step| {
            scratch.apply(step, segment_kind(step, dialect))
        };
        return Ok(work(copy.as_mut(), &apply));
    }
    let worked = match database.begin() {
        Ok(()) => work(database, &|scratch, step| scratch.run_step(step)),
        Err(refused) => Err(of_step(up, &refused)),
    };
    database.roll_back()?;
    Ok(worked)
}

/// Whether steps go into a transaction that is rolled back.
fn fit(dialect: Dialect, up: &Step, down: Option<&Step>) -> bool {
    let fits = |step: &Step| {
        segment_kind(step, dialect) == SegmentKind::Transaction && !must_be_committed(step, dialect)
    };
    fits(up) && down.is_none_or(fits)
}

/// The parts of a case, with the migration between them.
fn play(
    scratch: &mut dyn Scratch,
    case: &Case,
    (up, down): (&Step, Option<&Step>),
    apply: Apply<'_>,
    (mode, answers): (Answers, &mut Vec<Answer>),
) -> Result<usize, Problem> {
    let mut part = |part: Part, scratch: &mut dyn Scratch| {
        let played = match mode {
            Answers::Compare => case.play(part, scratch),
            Answers::Keep => case.answer(part, scratch, answers),
        };
        played.map_err(|found| {
            of_case(
                &found,
                if found.rows_only {
                    "correct the migration, or the case: --override takes these rows"
                } else {
                    "correct the migration, or the case"
                },
            )
        })
    };
    let mut held = part(Part::Before, scratch)?;
    apply(scratch, up).map_err(|refused| of_step(up, &refused))?;
    held += part(Part::After, scratch)?;
    if let Some(down) = down {
        apply(scratch, down).map_err(|refused| of_step(down, &refused))?;
        held += part(Part::Down, scratch)?;
    }
    Ok(held)
}

/// The same migration the other way.
pub(crate) fn undo(step: &Step) -> Step {
    Step {
        direction: Direction::Down,
        sql: step.down_sql.clone().unwrap_or_default(),
        ..step.clone()
    }
}

fn of_case(found: &Mismatch, next: &str) -> Problem {
    Problem { at: found.at.clone(), what: found.what.clone(), next_step: next.to_owned() }
}

fn of_step(step: &Step, refused: &Refused) -> Problem {
    let file = match step.direction {
        Direction::Up => "up.sql",
        Direction::Down => "down.sql",
    };
    Problem {
        at: format!("{}/{file}", step.directory),
        what: refused.message.clone(),
        next_step: "correct the migration, or what the case seeds".to_owned(),
    }
}
