//! What a run of the tests found.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_database::slt::case::Given;
use portcullis_model::config::Engine;
use portcullis_model::sum::Tested;

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
    /// What became of it on messy data, where that was asked for.
    pub messy: Option<MessyReport>,
    /// What is wrong with it apart from these.
    pub problems: Vec<Problem>,
}

/// A migration that comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoundTrip {
    /// Whether only the order of columns is another one.
    pub order_only: bool,
    /// How many rows were there to be lost.
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
    /// How it ended.
    pub outcome: Outcome,
    /// What its queries gave, where that is taken for right.
    pub given: Vec<Given>,
    /// How long it took.
    pub took: Duration,
}

/// How a case ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// So many records held.
    Held(usize),
    /// It asks this engine nothing after the migration.
    Skipped,
    /// This is wrong.
    Failed(Problem),
}

impl Outcome {
    /// What is wrong.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Outcome::Failed(problem) => Some(problem),
            Outcome::Held(_) | Outcome::Skipped => None,
        }
    }

    /// How many records held.
    pub fn records(&self) -> usize {
        match self {
            Outcome::Held(records) => *records,
            Outcome::Skipped | Outcome::Failed(_) => 0,
        }
    }
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
    /// Every problem, in order.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.migrations.iter().flat_map(MigrationReport::all_problems).chain(&self.stopped)
    }

    /// How much each migration was tested with, by its directory.
    pub fn tested(&self) -> BTreeMap<String, Tested> {
        let tested = |migration: &MigrationReport| Tested {
            cases: migration.cases.len(),
            round_trip: migration.round_trip.as_ref().is_some_and(Result::is_ok),
            messy_rows: migration.messy.as_ref().map_or(0, MessyReport::accepted),
        };
        self.migrations.iter().map(|one| (one.directory.clone(), tested(one))).collect()
    }

    /// How many records held.
    pub fn records(&self) -> usize {
        self.outcomes().map(Outcome::records).sum()
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
        self.outcomes().filter(|outcome| **outcome != Outcome::Skipped).count()
    }

    /// How many cases have nothing for this engine.
    pub fn skipped(&self) -> usize {
        self.outcomes().filter(|outcome| **outcome == Outcome::Skipped).count()
    }

    fn outcomes(&self) -> impl Iterator<Item = &Outcome> {
        let cases = self.migrations.iter().flat_map(|migration| &migration.cases);
        cases.map(|case| &case.outcome)
    }
}

impl MigrationReport {
    /// Its problems and those of its cases.
    pub fn all_problems(&self) -> impl Iterator<Item = &Problem> {
        let of_cases = self.cases.iter().filter_map(|case| case.outcome.problem());
        let of_trip = self.round_trip.iter().filter_map(|trip| trip.as_ref().err());
        let of_messy = self.messy.iter().flat_map(|messy| &messy.problems);
        self.problems.iter().chain(of_cases).chain(of_trip).chain(of_messy)
    }
}
