//! What the default branch has, and what was merged with.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use portcullis_model::migration::{MAX_FILE, version_of};
use portcullis_model::redact::{self, printable};
use portcullis_model::sum;
use portcullis_model::tree::{Bytes, EntryKind, Tree as _};

use super::{OPERATION, Others};
use crate::Error;
use crate::git::{Commit, GitTree, Repository, Underway};
use crate::inspect::sum_at;
use crate::mainline::Mainline;

/// What others have in each of these directories.
///
/// # Errors
/// There is no commit or no default branch, or git can't be read.
pub fn others(
    repository: &Repository,
    configured: Option<&str>,
    directories: &[PathBuf],
) -> Result<Vec<Others>, Error> {
    let place = redact::path(repository.root());
    let head = repository.head()?.ok_or_else(|| {
        let next = "there is nothing to come after yet: commit first";
        Error::refused(OPERATION, &place, "there is no commit yet", next)
    })?;
    let mainline = Mainline::find(repository, configured)?;
    let tips = mainline.iter().flat_map(|mainline| &mainline.tips);
    let mut commits: Vec<Commit> = tips.map(|tip| tip.commit.clone()).collect();
    if repository.underway() == Some(Underway::Merge)
        && let Some(incoming) = repository.resolve("MERGE_HEAD")?
    {
        // On the default branch it is what comes in that has to wait.
        let waits = mainline.is_some_and(|mainline| mainline.is_checked_out);
        commits.push(if waits && !commits.contains(&incoming) { head } else { incoming });
    }
    if commits.is_empty() {
        return Err(Error::usage(
            OPERATION,
            &place,
            "there is no default branch: neither origin/HEAD, nor main or master",
            "name it in portcullis.toml: default-branch = \"…\"",
        ));
    }
    let commits = commits.into_iter().map(|commit| settled(repository, commit, directories));
    let commits = commits.collect::<Result<Vec<_>, _>>()?;
    directories.iter().map(|directory| at(repository, &commits, directory)).collect()
}

/// How many commits with a conflict in them are passed over.
const BACK: usize = 50;

/// The newest commit, from this one back, that git's conflict isn't part of: in one that is,
/// nothing is decided yet.
fn settled(
    repository: &Repository,
    mut commit: Commit,
    directories: &[PathBuf],
) -> Result<Commit, Error> {
    for _ in 0..BACK {
        let is_marker = |problem: &sum::Problem| problem.kind == sum::ProblemKind::ConflictMarker;
        let tree = repository.commit(&commit);
        let has_conflict = directories.iter().any(|directory| match read_sum(&tree, directory) {
            Some(text) => sum::lines(&text).1.iter().any(is_marker),
            None => false,
        });
        let parent = format!("{}^", commit.id());
        match repository.resolve(&parent)? {
            Some(parent) if has_conflict => commit = parent,
            _ => break,
        }
    }
    Ok(commit)
}

fn read_sum(tree: &GitTree, directory: &Path) -> Option<String> {
    match tree.read(&directory.join(sum::FILE), MAX_FILE) {
        Ok(Bytes::Whole(bytes)) => String::from_utf8(bytes).ok(),
        _ => None,
    }
}

fn at(repository: &Repository, commits: &[Commit], directory: &Path) -> Result<Others, Error> {
    let mut others = Others::default();
    for commit in commits {
        others.directories.extend(migrations(repository, commit, directory)?);
        let lines = sum_at(repository, commit, directory)?.lines;
        let known = |directory: &str| others.sum.line(directory).is_some();
        let new: Vec<_> = lines.into_iter().filter(|line| !known(&line.directory)).collect();
        others.sum.lines.extend(new);
    }
    let version = |line: &sum::Line| (version_of(&line.directory), line.directory.clone());
    others.sum.lines.sort_by_cached_key(version);
    Ok(others)
}

/// The directories in a commit's directory of migrations.
fn migrations(
    repository: &Repository,
    commit: &Commit,
    directory: &Path,
) -> Result<BTreeSet<String>, Error> {
    let tree = repository.commit(commit);
    // It says more about what is in the way than the entries can.
    tree.list(&[directory.to_owned()])?;
    let entries = tree.entries(directory).unwrap_or_default().into_iter();
    let directories = entries.filter(|entry| entry.kind == EntryKind::Directory);
    Ok(directories.map(|entry| entry.name.to_string_lossy().into_owned()).collect())
}

/// Refuses what git left unmerged in migrations; a conflict in a sum is what `rebase` is for.
///
/// # Errors
/// The first such file.
pub fn refuse_unmerged(unmerged: &[PathBuf]) -> Result<(), Error> {
    let is_sum = |path: &&PathBuf| path.file_name().is_some_and(|name| name == sum::FILE);
    match unmerged.iter().find(|path| !is_sum(path)) {
        None => Ok(()),
        Some(path) => Err(Error::refused(
            OPERATION,
            printable(&path.to_string_lossy()).into_owned(),
            "git left a conflict in a migration or its cases: both sides wrote this file",
            "settle that conflict by hand (git add it), then run cargo xtask rebase again",
        )),
    }
}
