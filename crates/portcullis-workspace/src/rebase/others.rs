//! What the default branch has, and what was merged with.

use std::path::{Path, PathBuf};

use portcullis_model::migration::version_of;
use portcullis_model::redact::{self, printable};
use portcullis_model::sum;
use portcullis_model::tree::{EntryKind, Tree as _};

use super::{OPERATION, Others};
use crate::Error;
use crate::git::{Commit, Repository, Underway};
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
    let mut commits: Vec<Commit> =
        mainline.iter().flat_map(|mainline| &mainline.tips).map(|tip| tip.commit.clone()).collect();
    // On the default branch it is what comes in that has to wait.
    if repository.underway() == Some(Underway::Merge) && !commits.contains(&head) {
        commits.extend(repository.resolve("MERGE_HEAD")?);
    }
    if commits.is_empty() {
        return Err(Error::usage(
            OPERATION,
            &place,
            "there is no default branch: neither origin/HEAD, nor main or master",
            "name it in portcullis.toml: default-branch = \"…\"",
        ));
    }
    directories.iter().map(|directory| at(repository, &commits, directory)).collect()
}

fn at(repository: &Repository, commits: &[Commit], directory: &Path) -> Result<Others, Error> {
    let mut others = Others::default();
    for commit in commits {
        let entries = repository.commit(commit).entries(directory).unwrap_or_default();
        let directories = entries.into_iter().filter(|entry| entry.kind == EntryKind::Directory);
        let names = directories.map(|entry| entry.name.to_string_lossy().into_owned());
        others.directories.extend(names);
        let lines = sum_at(repository, commit, directory)?.lines;
        let known = |directory: &str| others.sum.line(directory).is_some();
        let new: Vec<_> = lines.into_iter().filter(|line| !known(&line.directory)).collect();
        others.sum.lines.extend(new);
    }
    let version = |line: &sum::Line| (version_of(&line.directory), line.directory.clone());
    others.sum.lines.sort_by_cached_key(version);
    Ok(others)
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
            "git left a conflict in a migration: both sides wrote this file",
            "settle that conflict by hand (git add it), then run cargo xtask rebase again",
        )),
    }
}
