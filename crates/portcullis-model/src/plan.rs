//! Which migrations run, in which direction, and which of them share a transaction.
//!
//! Nothing is read here: what is on disk and what the database says go in, a [`Plan`] or
//! the reasons against one come out.

mod redo;
mod refusal;
mod segments;

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::config::like;
use crate::digest::{Digest, Hasher};
use crate::migration::{Migration, MigrationSet};
use crate::sql::Dialect;
use crate::sum::{Acceptance, Sum, Tested};

pub use redo::oldest_to_undo;
pub use refusal::{Protection, Refusal};
pub use segments::{must_be_committed, segment_kind};

/// Where a run shall end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goal {
    /// Every migration on disk is applied.
    Latest,
    /// This version, or this directory name, is the newest that is applied.
    Version(String),
    /// What was applied and isn't on disk as it was is undone, and every migration on disk
    /// is applied.
    Redo {
        /// From this version or directory name on, whether or not it was edited.
        from: Option<String>,
    },
}

/// Which of a migration's files runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// `up.sql`
    Up,
    /// `down.sql`
    Down,
}

/// A migration that the database says was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Its version, as Diesel recorded it.
    pub version: String,
    /// What this tool noted when it applied it; none if something else did.
    pub noted: Option<Noted>,
}

/// What is known of a migration that this tool applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// The directory's name.
    pub directory: String,
    /// The fingerprint.
    pub fingerprint: Digest,
    /// `down.sql` as it was.
    pub down_sql: Option<String>,
    /// The run that applied it.
    pub run: Uuid,
}

impl Applied {
    /// Its fingerprint when this tool applied it.
    pub fn fingerprint(&self) -> Option<Digest> {
        self.noted.as_ref().map(|noted| noted.fingerprint)
    }

    /// Its directory's name then, or else the version.
    pub fn name(&self) -> &str {
        self.noted.as_ref().map_or(&self.version, |noted| &noted.directory)
    }
}

/// One migration of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Diesel's version.
    pub version: String,
    /// The directory's name.
    pub directory: String,
    /// Which way it runs.
    pub direction: Direction,
    /// Whether the migration asks for a transaction.
    pub run_in_transaction: bool,
    /// The migration's fingerprint.
    pub fingerprint: Digest,
    /// The text that runs.
    pub sql: String,
    /// `down.sql` as it is now: kept with the database, so that an applied migration
    /// can be undone as it was written then.
    pub down_sql: Option<String>,
    /// Whether it is what `migrations.sum` says was accepted.
    pub accepted: bool,
    /// How it was tested before it was accepted, as `migrations.sum` says.
    pub tested: Option<Tested>,
}

/// What a segment runs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SegmentKind {
    /// One transaction; each migration is a savepoint in it.
    Transaction,
    /// One transaction for one migration that rebuilds a table: foreign keys are
    /// switched off before it and checked before its commit.
    Rebuild,
    /// One migration without a transaction.
    NoTransaction,
}

/// Consecutive steps that share a transaction, or one step that can't share one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// What the steps run in.
    pub kind: SegmentKind,
    /// In the order in which they run. Never empty.
    pub steps: Vec<Step>,
}

/// What a run will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Which way the run goes; a redo's last steps are up.
    pub direction: Direction,
    /// The newest applied version before.
    pub from: Option<String>,
    /// The newest applied version after.
    pub to: Option<String>,
    /// The work, in order. Empty if there is none.
    pub segments: Vec<Segment>,
    /// The versions that will be applied afterwards, in order.
    pub applied_after: Vec<String>,
}

impl Plan {
    /// Every step, in order.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.segments.iter().flat_map(|segment| &segment.steps)
    }

    /// How many steps go this way.
    pub fn count(&self, direction: Direction) -> usize {
        self.steps().filter(|step| step.direction == direction).count()
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// SHA-256 over what will run, in order: a plan that was looked at and the plan that
    /// is carried out are the same if their digests are.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new("portcullis-plan-v1");
        for segment in &self.segments {
            hasher.field(format!("{:?}", segment.kind).as_bytes());
            for step in &segment.steps {
                hasher.field(format!("{:?}", step.direction).as_bytes());
                hasher.field(step.fingerprint.as_bytes());
            }
        }
        hasher.finish()
    }
}

/// Makes the plan from what is on disk to the goal.
///
/// # Errors
/// Every reason against it, not only the first.
pub fn plan(
    set: &MigrationSet,
    applied: &[Applied],
    goal: &Goal,
    dialect: Dialect,
) -> Result<Plan, Vec<Refusal>> {
    if let Goal::Redo { from } = goal {
        return redo::plan(set, applied, from.as_deref(), dialect);
    }
    let refusals = history_refusals(set, applied);
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let mut applied_now: Vec<&str> =
        applied.iter().map(|applied| applied.version.as_str()).collect();
    applied_now.sort_unstable();
    let from = applied_now.last().map(|version| (*version).to_owned());
    let target = match goal {
        Goal::Latest | Goal::Redo { .. } => {
            set.migrations.last().map(|migration| migration.version.as_str()).max(from.as_deref())
        }
        Goal::Version(name) => Some(find_goal(set, name).map_err(|refusal| vec![refusal])?),
    };
    let direction = if target < from.as_deref() { Direction::Down } else { Direction::Up };
    let chosen = choose(set, &applied_now, target, direction);
    let out_of_order: Vec<Refusal> = match (&from, direction) {
        (Some(newest), Direction::Up) => chosen
            .iter()
            .filter(|migration| migration.version < *newest)
            .map(|migration| Refusal::OutOfOrder {
                directory: migration.directory.clone(),
                newest: newest.clone(),
            })
            .collect(),
        _ => Vec::new(),
    };
    if !out_of_order.is_empty() {
        return Err(out_of_order);
    }
    let steps = steps(&chosen, direction, &accepted(set), dialect)?;
    let moved: BTreeSet<&str> = steps.iter().map(|step| step.version.as_str()).collect();
    let mut applied_after: Vec<String> = match direction {
        Direction::Up => {
            applied_now.iter().copied().chain(moved.iter().copied()).map(str::to_owned).collect()
        }
        Direction::Down => applied_now
            .iter()
            .filter(|version| !moved.contains(*version))
            .map(|version| (*version).to_owned())
            .collect(),
    };
    applied_after.sort_unstable();
    Ok(Plan {
        direction,
        from,
        to: applied_after.last().cloned(),
        segments: segments::segments(steps, dialect),
        applied_after,
    })
}

fn history_refusals(set: &MigrationSet, applied: &[Applied]) -> Vec<Refusal> {
    applied
        .iter()
        .filter_map(|applied| match standing(set, applied) {
            Standing::Missing => Some(Refusal::MissingOnDisk { version: applied.version.clone() }),
            Standing::Edited(migration) => {
                Some(Refusal::Edited { directory: migration.directory.clone() })
            }
            Standing::Unchanged(_) | Standing::Unknown(_) => None,
        })
        .collect()
}

/// How an applied migration stands to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing<'a> {
    /// The disk has it as it was applied.
    Unchanged(&'a Migration),
    /// The disk has it, but something else applied it: nothing to compare with.
    Unknown(&'a Migration),
    /// The disk has something else under its version.
    Edited(&'a Migration),
    /// The disk doesn't have it.
    Missing,
}

/// Compares an applied migration with the disk.
pub fn standing<'a>(set: &'a MigrationSet, applied: &Applied) -> Standing<'a> {
    match (set.by_version(&applied.version), applied.fingerprint()) {
        (None, _) => Standing::Missing,
        (Some(migration), None) => Standing::Unknown(migration),
        (Some(migration), Some(then)) if migration.fingerprint() == then => {
            Standing::Unchanged(migration)
        }
        (Some(migration), Some(_)) => Standing::Edited(migration),
    }
}

/// What was accepted; of a sum that can't be read, nothing.
fn accepted(set: &MigrationSet) -> Sum {
    set.sum().unwrap_or_default()
}

fn find_goal<'a>(set: &'a MigrationSet, name: &str) -> Result<&'a str, Refusal> {
    let found = set
        .migrations
        .iter()
        .find(|migration| migration.version == name || migration.directory == name);
    let names: Vec<&str> = set
        .migrations
        .iter()
        .flat_map(|migration| [&*migration.version, &*migration.directory])
        .collect();
    found.map(|migration| migration.version.as_str()).ok_or_else(|| Refusal::UnknownGoal {
        goal: name.to_owned(),
        suggestion: like(name, &names).map(str::to_owned),
    })
}

/// The migrations to run, in the order in which they run.
fn choose<'a>(
    set: &'a MigrationSet,
    applied: &[&str],
    target: Option<&str>,
    direction: Direction,
) -> Vec<&'a Migration> {
    let is_applied =
        |migration: &&Migration| applied.binary_search(&migration.version.as_str()).is_ok();
    let version = |migration: &&Migration| Some(migration.version.clone());
    match direction {
        Direction::Up => set
            .migrations
            .iter()
            .filter(|migration| !is_applied(migration) && version(migration).as_deref() <= target)
            .collect(),
        Direction::Down => set
            .migrations
            .iter()
            .rev()
            .filter(|migration| is_applied(migration) && version(migration).as_deref() > target)
            .collect(),
    }
}

fn steps(
    chosen: &[&Migration],
    direction: Direction,
    sum: &Sum,
    dialect: Dialect,
) -> Result<Vec<Step>, Vec<Refusal>> {
    let mut refusals = Vec::new();
    let mut steps = Vec::with_capacity(chosen.len());
    for migration in chosen {
        let file = match direction {
            Direction::Up => &migration.up,
            Direction::Down => &migration.down,
        };
        match file.text() {
            Some(sql) => steps.push(Step {
                version: migration.version.clone(),
                directory: migration.directory.clone(),
                direction,
                run_in_transaction: migration.metadata.run_in_transaction(),
                fingerprint: migration.fingerprint(),
                sql: sql.to_owned(),
                down_sql: migration.down.text().map(str::to_owned),
                accepted: sum.acceptance(migration, dialect) == Acceptance::Accepted,
                tested: sum.tested(migration, dialect),
            }),
            None => {
                refusals.push(Refusal::NoText { directory: migration.directory.clone(), direction })
            }
        }
    }
    if refusals.is_empty() { Ok(steps) } else { Err(refusals) }
}

#[cfg(test)]
mod tests;
