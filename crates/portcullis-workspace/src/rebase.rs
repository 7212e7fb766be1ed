//! `rebase`: fresh versions for a branch's own migrations, after those it was merged with.
//!
//! git's history isn't touched: directories are renamed, their cases with them, and
//! `migrations.sum` is written anew: the lines of the others, then one's own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use portcullis_model::config::Migrations;
use portcullis_model::migration::{File, MigrationSet, name_of, version_of};
use portcullis_model::redact;
use portcullis_model::sum::{self, Sum};

use crate::{CASES, Error, files, new, version};

mod lines;
mod others;
mod own;

pub use others::{others, refuse_unmerged};

use own::Own;

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

/// Decides what the rebase does. `cases` are the directories of [`CASES`].
///
/// # Errors
/// No version sorts after the others', or the sum can't be read at all.
pub fn decide(
    engines: &[Engine<'_>],
    cases: &BTreeSet<String>,
    now: SystemTime,
) -> Result<Rebase, Error> {
    let written = engines.iter().map(lines::written).collect::<Result<Vec<_>, _>>()?;
    let own = own::own(engines, &written, cases);
    let mut rebase = Rebase { renames: renames(engines, &own, now)?, ..Rebase::default() };
    for (engine, written) in engines.iter().zip(&written) {
        let (lines, drafts) = lines::lines(engine, written, &rebase.renames);
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

/// From the first that doesn't come after those before it on, each gets a fresh version.
fn renames(
    engines: &[Engine<'_>],
    own: &[Own<'_>],
    now: SystemTime,
) -> Result<Vec<(String, String)>, Error> {
    let others = engines.iter().flat_map(|engine| &engine.others.directories);
    let mut last = others.map(|directory| version_of(directory)).max();
    let (mut renames, mut late) = (Vec::new(), Vec::new());
    for one in own {
        let version = version_of(one.newest());
        if late.is_empty() && Some(&version) > last.as_ref() {
            renames.extend(one.renames(one.newest()));
            last = Some(version);
        } else {
            late.push(one);
        }
    }
    let fresh = version::after(last.as_deref(), now, late.len())
        .ok_or_else(|| new::nothing_after(OPERATION, &last.unwrap_or_default()))?;
    for (one, version) in late.into_iter().zip(fresh) {
        renames.extend(one.renames(&format!("{version}_{}", name_of(one.newest()))));
    }
    Ok(renames)
}

/// The directories of the cases that are there.
pub fn cases(root: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(root.join(CASES)).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Carries it out: the directories and cases first, the newest before the others so that
/// their order is the same at any time; the sums last. Died half-way, it is finished by
/// running it again.
///
/// # Errors
/// A name is taken, or something can't be renamed or written.
pub fn carry_out(root: &Path, migrations: &[Migrations], rebase: &Rebase) -> Result<(), Error> {
    let places = || migrations.iter().map(|one| one.path.as_path()).chain([Path::new(CASES)]);
    let moves: Vec<(PathBuf, PathBuf)> = rebase
        .renames
        .iter()
        .rev()
        .flat_map(|(old, new)| places().map(move |place| (place.join(old), place.join(new))))
        .map(|(old, new)| (root.join(old), root.join(new)))
        .filter(|(old, _)| std::fs::symlink_metadata(old).is_ok())
        .collect();
    let mut away: BTreeSet<&Path> = BTreeSet::new();
    for (old, new) in &moves {
        if std::fs::symlink_metadata(new).is_ok() && !away.contains(new.as_path()) {
            let place = redact::path(new.strip_prefix(root).unwrap_or(new));
            let next = "wait a second and run it again, or remove that directory";
            return Err(Error::refused(OPERATION, place, "this name is taken", next));
        }
        away.insert(old);
    }
    for (old, new) in &moves {
        std::fs::rename(old, new).map_err(|error| Error::io(OPERATION, old, &error))?;
    }
    let sums = rebase.sums.iter();
    let sums = sums.map(|(path, sum)| (root.join(path).join(sum::FILE), sum.to_string()));
    files::write(&sums.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests;
