//! What a run of the tests found.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_database::slt::case::Answer;
use portcullis_model::config::Engine;
use portcullis_model::sum::Tested;

use crate::adopt::Adopted;
use crate::coverage::Uncovered;

/// What was found on every engine that was asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Each engine's.
    pub engines: Vec<EngineReport>,
    /// What no case proves, whatever the engine.
    pub uncovered: Vec<Uncovered>,
    /// What was written into cases, where that was asked for.
    pub adopted: Adopted,
}

/// A problem, and where it was met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<'a> {
    /// The problem.
    pub problem: &'a Problem,
    /// The engines that it was met on; none where it has nothing to do with engines.
    pub engines: Vec<Engine>,
    /// The cases that met it.
    pub cases: Vec<String>,
}

impl Report {
    /// Every problem once, in order: several cases and engines may meet the same one.
    pub fn problems(&self) -> Vec<Found<'_>> {
        let mut found: Vec<Found<'_>> = Vec::new();
        let mut add = |problem, engine: Option<Engine>, case: Option<&'_ str>| {
            let index = found.iter().position(|one| one.problem == problem);
            let index = index.unwrap_or_else(|| {
                found.push(Found { problem, engines: Vec::new(), cases: Vec::new() });
                found.len() - 1
            });
            let one = &mut found[index];
            if let Some(engine) = engine.filter(|engine| !one.engines.contains(engine)) {
                one.engines.push(engine);
            }
            if let Some(case) = case.filter(|case| !one.cases.iter().any(|there| there == case)) {
                one.cases.push(case.to_owned());
            }
        };
        self.uncovered.iter().for_each(|one| add(&one.problem, None, None));
        for report in &self.engines {
            for migration in &report.migrations {
                for problem in &migration.problems {
                    add(problem, Some(report.engine), None);
                }
                for case in &migration.cases {
                    if let Err(problem) = &case.outcome {
                        add(problem, Some(report.engine), Some(&case.name));
                    }
                }
                if let Some(Err(problem)) = &migration.round_trip {
                    add(problem, Some(report.engine), None);
                }
                for problem in migration.messy.iter().flat_map(|messy| &messy.problems) {
                    add(problem, Some(report.engine), None);
                }
            }
            if let Some(problem) = &report.stopped {
                add(problem, Some(report.engine), None);
            }
        }
        self.adopted.refused.iter().for_each(|problem| add(problem, None, None));
        found
    }
}

/// What was found on one engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineReport {
    /// The engine.
    pub engine: Engine,
    /// Each migration that was asked for, in order.
    pub migrations: Vec<MigrationReport>,
    /// Why the run ended before its end: a migration that can't be applied, a lost database.
    pub stopped: Option<Problem>,
    /// How long it took.
    pub took: Duration,
}

/// What was found of one migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationReport {
    /// Its directory's name.
    pub directory: String,
    /// Its cases, in the order of their names.
    pub cases: Vec<CaseReport>,
    /// What became of going up, down and up again, where that was asked for.
    pub round_trip: Option<Result<RoundTrip, Problem>>,
    /// How long that took.
    pub round_trip_took: Duration,
    /// What became of it on messy data, where that was asked for.
    pub messy: Option<MessyReport>,
    /// How long that took.
    pub messy_took: Duration,
    /// What is wrong with it apart from these.
    pub problems: Vec<Problem>,
}

/// A migration that comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoundTrip {
    /// Whether only the order of columns is another one.
    pub order_only: bool,
    /// How many rows were there to be lost: of the tables that it touches, or of all.
    pub rows: usize,
}

/// What became of a migration on generated rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MessyReport {
    /// The tables of the version before.
    pub tables: Vec<MessyTable>,
    /// What the rows broke.
    pub problems: Vec<Problem>,
}

/// The rows of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessyTable {
    /// Its name as SQL.
    pub name: String,
    /// How many rows were generated.
    pub offered: usize,
    /// How many of them the database took: without one, nothing is known of the table.
    pub accepted: usize,
}

impl MessyTable {
    pub(crate) fn of(name: &str) -> Self {
        Self { name: name.to_owned(), offered: 0, accepted: 0 }
    }
}

impl MessyReport {
    /// The tables that took no row.
    pub fn not_covered(&self) -> impl Iterator<Item = &str> {
        self.tables.iter().filter(|table| table.accepted == 0).map(|table| table.name.as_str())
    }

    /// How many rows were there.
    pub fn accepted(&self) -> usize {
        self.tables.iter().map(|table| table.accepted).sum()
    }
}

/// What became of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseReport {
    /// Its file's name without the ending.
    pub name: String,
    /// How many records held, or what didn't.
    pub outcome: Result<usize, Problem>,
    /// Whether nothing that it asserts is meant for this engine: it didn't run.
    pub skipped: bool,
    /// What its queries answered, where that was asked for.
    pub answers: Vec<Answer>,
    /// How long it took.
    pub took: Duration,
}

/// Something that isn't as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// File and line, or the migration.
    pub at: String,
    /// What, in lines.
    pub what: String,
    /// What to do about it.
    pub next_step: String,
}

impl EngineReport {
    /// What is known where there is no database any more.
    pub fn stopped(engine: Engine, problem: Problem) -> Self {
        let stopped = Some(problem);
        Self { engine, migrations: Vec::new(), stopped, took: Duration::ZERO }
    }

    /// Every problem, in order.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.migrations.iter().flat_map(MigrationReport::all_problems).chain(&self.stopped)
    }

    /// How much each migration was tested with, by its directory.
    pub fn tested(&self) -> BTreeMap<String, Tested> {
        let tested = |migration: &MigrationReport| Tested {
            cases: migration.cases.iter().filter(|case| !case.skipped).count(),
            round_trip: migration.round_trip.as_ref().is_some_and(Result::is_ok),
            messy_rows: migration.messy.as_ref().map_or(0, MessyReport::accepted),
        };
        self.migrations.iter().map(|one| (one.directory.clone(), tested(one))).collect()
    }

    /// How many records held.
    pub fn records(&self) -> usize {
        let cases = self.migrations.iter().flat_map(|migration| &migration.cases);
        cases.filter_map(|case| case.outcome.as_ref().ok()).sum()
    }

    /// How many migrations came back from up, down and up.
    pub fn round_trips(&self) -> usize {
        let trips = self.migrations.iter().filter_map(|migration| migration.round_trip.as_ref());
        trips.filter(|trip| trip.is_ok()).count()
    }

    /// How many generated rows were there to be broken.
    pub fn messy_rows(&self) -> usize {
        let messy = self.migrations.iter().filter_map(|migration| migration.messy.as_ref());
        messy.map(MessyReport::accepted).sum()
    }

    /// How many cases ran.
    pub fn cases(&self) -> usize {
        let cases = self.migrations.iter().flat_map(|migration| &migration.cases);
        cases.filter(|case| !case.skipped).count()
    }
}

impl MigrationReport {
    /// Its problems, those of its cases, of its way back, and on messy data.
    pub fn all_problems(&self) -> impl Iterator<Item = &Problem> {
        let of_cases = self.cases.iter().filter_map(|case| case.outcome.as_ref().err());
        let of_trip = self.round_trip.iter().filter_map(|trip| trip.as_ref().err());
        let of_messy = self.messy.iter().flat_map(|messy| &messy.problems);
        self.problems.iter().chain(of_cases).chain(of_trip).chain(of_messy)
    }
}
