//! What real data found.

use std::time::Duration;

use portcullis_model::config::Engine;
use portcullis_model::plan::Step;

use crate::report::Problem;

/// What became of the pending migrations on a copy of real data. It holds counts and names,
/// and no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldReport {
    /// The engine.
    pub engine: Engine,
    /// The tables before the first migration.
    pub tables: Vec<FieldTable>,
    /// Each migration that was tried, in order.
    pub migrations: Vec<FieldMigration>,
    /// The migrations that weren't, as one before them can't be applied.
    pub not_tried: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

/// A table, and how many rows it has; none if they can't be counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldTable {
    /// Its name as SQL.
    pub name: String,
    /// How many.
    pub rows: Option<u64>,
}

/// What was found of one migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldMigration {
    /// Its directory's name.
    pub directory: String,
    /// How many rows were there to be lost.
    pub rows: u64,
    /// Whether it came back.
    pub back: Back,
    /// What nothing is known of, and why.
    pub not_judged: Vec<String>,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// How long `up.sql` took.
    pub up_took: Duration,
    /// How long all of it took.
    pub took: Duration,
}

/// Whether a migration was undone and nothing was missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Back {
    /// Schema and rows were as before, and it went up again.
    Whole,
    /// Something was missing.
    Broken,
    /// The configuration says that it can't be undone.
    Irreversible,
    /// It didn't come so far.
    NotTried,
}

impl Back {
    /// In one word or two.
    pub fn name(self) -> &'static str {
        match self {
            Back::Whole => "yes",
            Back::Broken => "no",
            Back::Irreversible => "irreversible",
            Back::NotTried => "not tried",
        }
    }
}

impl FieldMigration {
    /// Of one that nothing is known of.
    pub(super) fn of(step: &Step) -> Self {
        Self {
            directory: step.directory.clone(),
            rows: 0,
            back: Back::NotTried,
            not_judged: Vec::new(),
            problems: Vec::new(),
            up_took: Duration::ZERO,
            took: Duration::ZERO,
        }
    }
}

impl FieldReport {
    /// Every problem, in order.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.migrations.iter().flat_map(|migration| &migration.problems)
    }

    /// How many rows the tables have.
    pub fn rows(&self) -> u64 {
        self.tables.iter().filter_map(|table| table.rows).sum()
    }

    /// The tables without a row: nothing is known of what becomes of theirs.
    pub fn without_rows(&self) -> impl Iterator<Item = &str> {
        self.tables.iter().filter(|table| table.rows == Some(0)).map(|table| table.name.as_str())
    }
}
