//! Every migration of one engine, in order: at each its cases, then the migration itself.

use std::collections::BTreeSet;
use std::time::Instant;

use portcullis_database::scratch::{Lab, Refused, Scratch};
use portcullis_database::slt::case::{Case, Mismatch, Part};
use portcullis_model::config::Exceptions;
use portcullis_model::plan::{Direction, Plan, SegmentKind, Step, must_be_committed, segment_kind};
use portcullis_model::sql::Dialect;

use crate::cases::{Cases, Named};
use crate::messy::{self, Messy, Subject};
use crate::report::{CaseReport, EngineReport, MigrationReport, Outcome, Problem};
use crate::round_trip::{self, Apply};

/// What is run.
#[derive(Clone, Copy)]
pub struct Suite<'a> {
    /// Every migration from an empty database on.
    pub plan: &'a Plan,
    /// The cases.
    pub cases: &'a Cases,
    /// Only migrations, or cases of them as `migration::case`, whose name holds this.
    pub filter: Option<&'a str>,
    /// Only these migrations, by their directories.
    pub only: Option<&'a BTreeSet<String>>,
    /// Migrations that need no case, and why.
    pub without_case: &'a Exceptions,
    /// Migrations that can't be undone, and why.
    pub irreversible: &'a Exceptions,
    /// What a case's queries must give.
    pub expected: Expected,
    /// Which migrations go up, down and up.
    pub round_trips: Trips<'a>,
    /// Which migrations go through messy data.
    pub messy_trips: Trips<'a>,
    /// What that is made of.
    pub messy: Messy,
    /// Migrations that need none, and why.
    pub without_messy: &'a Exceptions,
    /// Told of each migration as it is done: how many of how many.
    pub progress: &'a (dyn Fn(usize, usize) + Sync),
}

/// What a query must give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// The rows that the case expects.
    AsWritten,
    /// Any: what it gives is noted, to be written down.
    Anything,
}

/// Which migrations are meant.
#[derive(Debug, Clone, Copy)]
pub enum Trips<'a> {
    /// Every one.
    All,
    /// Those of these directories.
    Of(&'a BTreeSet<String>),
}

impl Trips<'_> {
    fn include(self, directory: &str) -> bool {
        match self {
            Trips::All => true,
            Trips::Of(directories) => directories.contains(directory),
        }
    }
}

/// Runs it.
///
/// # Errors
/// There is no database to run it on.
pub fn run(lab: &dyn Lab, suite: &Suite<'_>) -> portcullis_database::Result<EngineReport> {
    let started = Instant::now();
    let mut database = lab.make()?;
    let mut report = EngineReport {
        engine: lab.engine(),
        migrations: Vec::new(),
        stopped: None,
        took: started.elapsed(),
    };
    let kinds = suite.plan.segments.iter();
    let steps =
        kinds.flat_map(|segment| segment.steps.iter().map(move |step| (step, segment.kind)));
    let total = suite.plan.steps().count();
    for (number, (step, kind)) in steps.enumerate() {
        (suite.progress)(number, total);
        if let Some(migration) = look_at(database.as_mut(), suite, step)? {
            report.migrations.push(migration);
        }
        if let Err(refused) = database.apply(step, kind) {
            report.stopped = Some(of_step(step, &refused));
            break;
        }
    }
    report.took = started.elapsed();
    Ok(report)
}

/// Proves one migration; none if it isn't asked for.
fn look_at(
    database: &mut dyn Scratch,
    suite: &Suite<'_>,
    step: &Step,
) -> portcullis_database::Result<Option<MigrationReport>> {
    let directory = &step.directory;
    if suite.only.is_some_and(|only| !only.contains(directory)) {
        return Ok(None);
    }
    let dialect = database.dialect();
    let is_meant = |name: &str| {
        suite.filter.is_none_or(|filter| format!("{directory}::{name}").contains(filter))
    };
    let all = suite.cases.of(directory);
    let asks =
        |named: &Named| named.case.as_ref().map_or(true, |case| case.asks(Part::After, dialect));
    let down = undo(step);
    let mut report = MigrationReport {
        directory: directory.clone(),
        cases: Vec::new(),
        round_trip: None,
        messy: None,
        problems: Vec::new(),
    };
    if is_meant("") && !suite.without_case.include(directory) && !all.iter().any(asks) {
        report.problems.push(no_case(directory, !all.is_empty()));
    }
    for named in all.iter().filter(|case| is_meant(&case.name)) {
        let started = Instant::now();
        let mut given = Vec::new();
        let outcome = match &named.case {
            Ok(_) if !asks(named) => Outcome::Skipped,
            Ok(case) => {
                let undone = case.has(Part::Down).then_some(&down);
                let played = aside(database, (step, undone), |scratch, apply| {
                    let mut play = |part, scratch: &mut dyn Scratch| match suite.expected {
                        Expected::AsWritten => case.play(part, scratch),
                        Expected::Anything => case.play_noting(part, scratch, &mut given),
                    };
                    parts(scratch, &mut play, (step, undone), apply)
                })?;
                played.map_or_else(Outcome::Failed, Outcome::Held)
            }
            Err(mismatch) => Outcome::Failed(of_case(mismatch, "correct the case")),
        };
        let took = started.elapsed();
        report.cases.push(CaseReport { name: named.name.clone(), outcome, given, took });
    }
    let goes = suite.round_trips.include(directory) && !suite.irreversible.include(directory);
    if goes && is_meant("") {
        let cases: Vec<&Case> = all.iter().filter_map(|named| named.case.as_ref().ok()).collect();
        let trip = aside(database, (step, Some(&down)), |scratch, apply| {
            round_trip::go(scratch, &cases, (step, &down), apply)
        })?;
        report.round_trip = Some(trip);
    }
    let goes = suite.messy_trips.include(directory) && !suite.without_messy.include(directory);
    if goes && is_meant("") {
        let cases: Vec<&Case> = all.iter().filter_map(|named| named.case.as_ref().ok()).collect();
        let back = !suite.irreversible.include(directory) && !down.sql.trim().is_empty();
        let down = back.then_some(&down);
        let in_transaction = fit(dialect, step, down);
        let subject = Subject { up: step, down, cases: &cases, in_transaction };
        report.messy = Some(messy::go(database, &subject, suite.messy)?);
    }
    Ok((is_meant("") || !report.cases.is_empty()).then_some(report))
}

/// Has something tried where nothing stays of it: in a transaction, or on a copy if one of the
/// steps that it may take doesn't go into one.
fn aside<T>(
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
fn parts(
    scratch: &mut dyn Scratch,
    play: &mut dyn FnMut(Part, &mut dyn Scratch) -> Result<usize, Mismatch>,
    (up, down): (&Step, Option<&Step>),
    apply: Apply<'_>,
) -> Result<usize, Problem> {
    let next = "correct the migration, or the case";
    let mut held = play(Part::Before, scratch).map_err(|found| of_case(&found, next))?;
    apply(scratch, up).map_err(|refused| of_step(up, &refused))?;
    held += play(Part::After, scratch).map_err(|found| of_case(&found, next))?;
    if let Some(down) = down {
        apply(scratch, down).map_err(|refused| of_step(down, &refused))?;
        held += play(Part::Down, scratch).map_err(|found| of_case(&found, next))?;
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

fn no_case(directory: &str, is_elsewhere: bool) -> Problem {
    let what = if is_elsewhere { "no case of it asserts anything here" } else { "it has no case" };
    Problem {
        at: directory.to_owned(),
        what: what.to_owned(),
        next_step: format!(
            "write {}/{directory}/NAME.slt, or say in portcullis.toml why it needs none: \
             [test-migration.without-case]",
            crate::DIRECTORY
        ),
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
