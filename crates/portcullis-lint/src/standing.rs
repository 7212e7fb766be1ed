//! How each migration stands to what was accepted.

use std::collections::HashMap;

use portcullis_model::migration::{File, Migration, MigrationSet};
use portcullis_model::sql::Dialect;
use portcullis_model::sum::{Change, Line, Sum};

/// How a migration stands to what was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nobody has accepted it.
    Draft,
    /// It was accepted on this branch, or the default branch isn't known; what of it
    /// changed since.
    Accepted(Change),
    /// It was accepted on the default branch: nobody may change it; what changed all the
    /// same.
    Frozen(Change),
}

/// The standing of each migration. Of those that are unchanged no statement is looked at.
pub(crate) fn standings(
    set: &MigrationSet,
    dialect: Dialect,
    sum: &Sum,
    base: Option<&Sum>,
) -> Vec<Standing> {
    let (listed, frozen) = (by_directory(sum), base.map(by_directory).unwrap_or_default());
    let standing = |migration: &Migration| {
        let change = |line: &&Line| match migration.up {
            File::Unchanged => Change::Nothing,
            _ => line.digests.change(migration, dialect),
        };
        let name = migration.directory.as_str();
        match (frozen.get(name).map(change), listed.get(name)) {
            (Some(change), _) => Standing::Frozen(change),
            (None, Some(line)) => Standing::Accepted(change(line)),
            (None, None) => Standing::Draft,
        }
    };
    set.migrations.iter().map(standing).collect()
}

fn by_directory(sum: &Sum) -> HashMap<&str, &Line> {
    sum.lines.iter().map(|line| (line.directory.as_str(), line)).collect()
}

impl Standing {
    /// Whether the migration was linted when it was accepted, and is the same now. Where
    /// the default branch is known, only what stands there counts as linted.
    pub(crate) fn is_settled(self, migration: &Migration, base_is_known: bool) -> bool {
        let is_plain =
            |file: &File| matches!(file, File::Missing | File::Read(_) | File::Unchanged);
        let change = match self {
            Standing::Draft => return false,
            Standing::Accepted(_) if base_is_known => return false,
            Standing::Accepted(change) | Standing::Frozen(change) => change,
        };
        // What a digest can't see is looked at again.
        matches!(change, Change::Nothing | Change::LineEndings)
            && [&migration.up, &migration.down, &migration.metadata_file].into_iter().all(is_plain)
    }
}
