//! What the linter may be told besides the migrations.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use portcullis_model::migration::MigrationSet;
use portcullis_model::sum::Sum;

/// What is known about the repository around a migrations directory.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// What the default branch has; none where that isn't known.
    pub base: Option<Base>,
    /// What the other engine has beside it; none where there is but one.
    pub twin: Option<Twin>,
    /// Whether a migration that nobody has accepted is worth a word.
    pub drafts: Drafts,
    /// The application's Rust files. Given with one directory only where there are
    /// several, their findings appear once.
    pub application: Application,
}

/// The state that nobody changes any more: the merge base with the default branch.
#[derive(Debug, Clone, Default)]
pub struct Base {
    /// A name of that commit, for `git checkout`.
    pub revision: String,
    /// The directory's sum there. What it lists is frozen.
    pub sum: Sum,
    /// The files of edited migrations as they are there, by path. If one file of a
    /// migration is here, those that aren't weren't there.
    pub old: BTreeMap<PathBuf, Vec<u8>>,
}

/// Another engine's migrations: the same steps, in its own SQL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Twin {
    /// Their directory, relative to what the set was read from.
    pub path: PathBuf,
    /// The names of theirs.
    pub directories: BTreeSet<String>,
}

impl Twin {
    /// What another engine's set is to this one.
    pub fn of(set: &MigrationSet) -> Self {
        let directories = set.migrations.iter().map(|migration| migration.directory.clone());
        Self { path: set.root.clone(), directories: directories.collect() }
    }
}

/// Whether drafts are worth a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Drafts {
    /// No: somebody is working on them.
    #[default]
    Welcome,
    /// Yes: they are about to be merged.
    Reported,
}

/// The code beside the migrations.
#[derive(Debug, Clone, Default)]
pub struct Application {
    /// Rust files: path, relative to what the set was read from, and text.
    pub files: Vec<(PathBuf, String)>,
    /// Directories whose code may run migrations: the schema crate's.
    pub exempt: Vec<PathBuf>,
}
