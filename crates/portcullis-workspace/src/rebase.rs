//! `rebase`: fresh versions for a branch's own migrations, after those it was merged with.
//!
//! git's history isn't touched: directories are renamed, their cases with them, and
//! `migrations.sum` is written anew: the lines of the others, then one's own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use portcullis_model::config::Migrations;
use portcullis_model::migration::{File, Migration, MigrationSet, name_of, version_of};
use portcullis_model::redact;
use portcullis_model::sum::{self, Digests, Line, Sum};

use crate::{CASES, Error, files, new, version};

mod others;

pub use others::{others, refuse_unmerged};

const OPERATION: &str = "rebase the migrations";

/// One engine's migrations: as they are in the working tree, and as the others have them.
#[derive(Debug, Clone)]
pub struct Engine<'a> {
    /// Whose they are.
    pub migrations: &'a Migrations,
    /// The working tree's, after the merge.
    pub working: MigrationSet,
    /// What the default branch has, and what was merged with.
    pub others: Others,
}

/// What others have in one directory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Others {
    /// Their migrations' directories.
    pub directories: BTreeSet<String>,
    /// What they have accepted.
    pub sum: Sum,
}

/// What is to be done, decided before anything is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rebase {
    /// Old and new names of directories, in order.
    pub renames: Vec<(String, String)>,
    /// The sums to write, by engine's directory; only those that change.
    pub sums: BTreeMap<PathBuf, Sum>,
    /// Own migrations that are drafts afterwards though they had been accepted: their
    /// text isn't what the line says.
    pub drafts: Vec<String>,
}

impl Rebase {
    /// Whether everything is as it has to be.
    pub fn is_empty(&self) -> bool {
        self.renames.is_empty() && self.sums.is_empty()
    }
}

/// Decides what the rebase does.
///
/// # Errors
/// No version sorts after the others', or the sum can't be read at all.
pub fn decide(engines: &[Engine<'_>], now: SystemTime) -> Result<Rebase, Error> {
    let renames = renames(engines, now)?;
    let mut rebase = Rebase { renames, ..Rebase::default() };
    for engine in engines {
        let (lines, drafts) = lines(engine, &rebase.renames)?;
        rebase.drafts.extend(drafts);
        let sum = Sum { lines };
        let there = engine.working.sum_file.text().unwrap_or_default();
        let wanted = sum.to_string();
        let needless = sum.lines.is_empty() && engine.working.sum_file == File::Missing;
        if wanted != there.replace("\r\n", "\n") && !needless {
            rebase.sums.insert(engine.migrations.path.clone(), sum);
        }
    }
    rebase.drafts.sort();
    rebase.drafts.dedup();
    Ok(rebase)
}

fn renames(engines: &[Engine<'_>], now: SystemTime) -> Result<Vec<(String, String)>, Error> {
    let others: BTreeSet<&str> =
        engines.iter().flat_map(|engine| &engine.others.directories).map(String::as_str).collect();
    let newest = others.iter().map(|directory| version_of(directory)).max();
    let mut own: Vec<(String, &str)> = engines
        .iter()
        .flat_map(|engine| &engine.working.migrations)
        .filter(|migration| !others.contains(migration.directory.as_str()))
        .map(|migration| (migration.version.clone(), migration.directory.as_str()))
        .collect();
    own.sort();
    own.dedup();
    if own.iter().all(|(version, _)| Some(version) > newest.as_ref()) {
        return Ok(Vec::new());
    }
    let fresh = version::after(newest.as_deref(), now, own.len())
        .ok_or_else(|| new::nothing_after(OPERATION, &newest.unwrap_or_default()))?;
    let renamed = |((_, directory), version): (&(String, &str), String)| {
        ((*directory).to_owned(), format!("{version}_{}", name_of(directory)))
    };
    Ok(own.iter().zip(fresh).map(renamed).collect())
}

/// The others' lines, then one's own under their new names; and which of one's own have
/// lost theirs.
fn lines(
    engine: &Engine<'_>,
    renames: &[(String, String)],
) -> Result<(Vec<Line>, Vec<String>), Error> {
    let (written, problems) = sum::lines(engine.working.sum_file.text().unwrap_or_default());
    if let Some(problem) = problems.iter().find(|problem| !is_settled_by_rebase(&problem.kind)) {
        let path = engine.migrations.path.join(sum::FILE);
        let (cause, next) = (problem.kind.message(), problem.kind.help());
        return Err(Error::refused(OPERATION, redact::path(&path), cause, next));
    }
    let mut lines = engine.others.sum.lines.clone();
    let mut drafts = Vec::new();
    let dialect = engine.migrations.dialect;
    let own = engine
        .working
        .migrations
        .iter()
        .filter(|migration| !engine.others.directories.contains(&migration.directory));
    for migration in own {
        // Under its old name, should a rebase have died between the renames and the sum.
        let is_its = |line: &&Line| {
            name_of(&line.directory) == name_of(&migration.directory)
                && !engine.others.directories.contains(&line.directory)
        };
        let is_unchanged = |line: &Line| {
            named(migration, &line.directory).fingerprint() == line.digests.fingerprint
        };
        let mut accepted = written.iter().filter(is_its).peekable();
        if accepted.peek().is_none() {
            continue;
        }
        let new = renames.iter().find(|(old, _)| *old == migration.directory);
        let moved = named(migration, new.map_or(&migration.directory, |(_, new)| new));
        match accepted.find(|line| is_unchanged(line)) {
            Some(line) => {
                let digests = Digests::of(&moved, dialect);
                lines.push(Line { directory: moved.directory, digests, ..line.clone() });
            }
            None => drafts.push(moved.directory),
        }
    }
    lines.sort_by_cached_key(|line| (version_of(&line.directory), line.directory.clone()));
    Ok((lines, drafts))
}

fn is_settled_by_rebase(kind: &sum::ProblemKind) -> bool {
    matches!(kind, sum::ProblemKind::ConflictMarker)
}

/// The migration, were its directory called so.
fn named(migration: &Migration, directory: &str) -> Migration {
    let (directory, version) = (directory.to_owned(), version_of(directory));
    Migration { version, directory, ..migration.clone() }
}

/// Carries it out: the directories and cases first, the sums last. Died half-way, it is
/// finished by running it again.
///
/// # Errors
/// A name is taken, or something can't be renamed or written.
pub fn carry_out(root: &Path, migrations: &[Migrations], rebase: &Rebase) -> Result<(), Error> {
    let places = || migrations.iter().map(|one| one.path.as_path()).chain([Path::new(CASES)]);
    let moves: Vec<(PathBuf, PathBuf)> = rebase
        .renames
        .iter()
        .flat_map(|(old, new)| places().map(move |place| (place.join(old), place.join(new))))
        .map(|(old, new)| (root.join(old), root.join(new)))
        .filter(|(old, _)| std::fs::symlink_metadata(old).is_ok())
        .collect();
    for (_, new) in &moves {
        if std::fs::symlink_metadata(new).is_ok() {
            let place = redact::path(new.strip_prefix(root).unwrap_or(new));
            let next = "wait a second and run it again, or remove that directory";
            return Err(Error::refused(OPERATION, place, "this name is taken", next));
        }
    }
    for (old, new) in &moves {
        std::fs::rename(old, new).map_err(|error| Error::io(OPERATION, old, &error))?;
    }
    for (path, sum) in &rebase.sums {
        files::write(&root.join(path).join(sum::FILE), &sum.to_string())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
