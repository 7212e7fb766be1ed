//! Why there can be no plan, and what to do about it.

use super::Direction;
use crate::redact::printable;

/// Why there can be no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The database has a version that the disk doesn't.
    #[error(
        "migration {} is applied, but it is not in the migrations directory",
        printable(version)
    )]
    MissingOnDisk {
        /// The version.
        version: String,
    },
    /// A migration's files are not those that were applied.
    #[error("migration {} was edited after it was applied", printable(directory))]
    Edited {
        /// The directory's name.
        directory: String,
    },
    /// A pending migration sorts before one that is applied.
    #[error(
        "migration {} is new, but it sorts before {}, which is applied",
        printable(directory),
        printable(newest)
    )]
    OutOfOrder {
        /// The pending migration's directory.
        directory: String,
        /// The newest applied version.
        newest: String,
    },
    /// `--to` names something that isn't there.
    #[error("there is no migration {:?}", printable(goal))]
    UnknownGoal {
        /// What was asked for.
        goal: String,
        /// The name that is most like it.
        suggestion: Option<String>,
    },
    /// `redo` names something that isn't applied.
    #[error("migration {} isn't applied, so there is nothing to undo", printable(directory))]
    NotApplied {
        /// The directory's name.
        directory: String,
    },
    /// Nothing that undoes it was kept when the migration was applied.
    #[error("when {} was applied, nothing was kept that undoes it", printable(migration))]
    NothingUndoes {
        /// The directory's name, or the version.
        migration: String,
    },
    /// A migration has no text to run in the direction asked for.
    #[error("migration {} has no {} that can be run", printable(directory), match direction { Direction::Up => "up.sql", Direction::Down => "down.sql" })]
    NoText {
        /// The directory's name.
        directory: String,
        /// The direction.
        direction: Direction,
    },
}

/// Whether people depend on a database: what is advised differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// A protected target.
    Protected,
    /// A developer's own.
    Unprotected,
}

impl Refusal {
    /// What to do about it.
    pub fn next_step(&self, protection: Protection) -> String {
        let redo = "cargo xtask redo brings the database back in line with the files";
        match self {
            Refusal::MissingOnDisk { .. } => {
                let bring = "bring its directory back (git log --diff-filter=D -- migrations finds it), or check that this is the right database";
                match protection {
                    Protection::Protected => bring.to_owned(),
                    Protection::Unprotected => format!("{redo}; or {bring}"),
                }
            }
            Refusal::Edited { .. } => {
                let restore =
                    "restore the file as it was applied, and put the change into a new migration";
                match protection {
                    Protection::Protected => restore.to_owned(),
                    Protection::Unprotected => format!("{redo}; or {restore}"),
                }
            }
            Refusal::OutOfOrder { .. } => match protection {
                Protection::Protected => {
                    "give its directory a newer version, so that it runs last everywhere".to_owned()
                }
                Protection::Unprotected => {
                    "cargo xtask redo applies it, and what runs after it again; if it is yours alone, a newer version lets it run last (cargo xtask rebase)".to_owned()
                }
            },
            Refusal::UnknownGoal { suggestion: Some(name), .. } => {
                format!("did you mean {}?", printable(name))
            }
            Refusal::UnknownGoal { suggestion: None, .. } => {
                "name a version or a directory of the migrations directory".to_owned()
            }
            Refusal::NotApplied { .. } => {
                "cargo xtask status shows what is applied; cargo xtask migrate applies what is pending".to_owned()
            }
            Refusal::NothingUndoes { .. } => {
                "cargo xtask redo --from-backup restores the backup that was taken before it was applied".to_owned()
            }
            Refusal::NoText { direction: Direction::Down, .. } => {
                "write its down.sql, or restore a backup instead of going down".to_owned()
            }
            Refusal::NoText { direction: Direction::Up, .. } => "write its up.sql".to_owned(),
        }
    }
}
