//! What the default branch has: where this branch left it, and how far it has come since.

use crate::Error;
use crate::git::{Branch, Commit, Repository};

/// The default branch, here and at the remote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mainline {
    /// Its newest commits: the remote's, the local branch's. Not that of the branch that is
    /// checked out, where the remote has one too: what isn't pushed is still one's own.
    pub tips: Vec<Branch>,
    /// Whether it is the branch that is checked out.
    pub is_checked_out: bool,
}

impl Mainline {
    /// Finds the default branch; none if there is none.
    ///
    /// # Errors
    /// The configured branch doesn't exist, or git can't be read.
    pub fn find(repository: &Repository, configured: Option<&str>) -> Result<Option<Self>, Error> {
        let Some(branch) = repository.default_branch(configured)? else { return Ok(None) };
        let (here, there) = match branch.name.strip_prefix("origin/") {
            Some(name) => (named(repository, "refs/heads/", name)?, Some(branch.clone())),
            None => {
                let there = named(repository, "refs/remotes/origin/", &branch.name)?;
                (Some(branch.clone()), there)
            }
        };
        let current = checked_out(repository);
        let is_checked_out =
            here.as_ref().is_some_and(|here| current.as_deref() == Some(here.name.as_str()));
        let here = here.filter(|_| there.is_none() || !is_checked_out);
        Ok(Some(Self { tips: there.into_iter().chain(here).collect(), is_checked_out }))
    }

    /// Where a commit left the default branch; several where the local branch isn't the
    /// remote's.
    ///
    /// # Errors
    /// The history is cut off, or git can't be read.
    pub fn bases(&self, repository: &Repository, commit: &Commit) -> Result<Vec<Commit>, Error> {
        let mut bases = Vec::new();
        for tip in &self.tips {
            let base = if tip.commit == *commit {
                Some(commit.clone())
            } else {
                repository.merge_base(commit, tip)?
            };
            bases.extend(base.filter(|base| !bases.contains(base)));
        }
        Ok(bases)
    }
}

fn named(repository: &Repository, place: &str, name: &str) -> Result<Option<Branch>, Error> {
    let commit = repository.resolve(&format!("{place}{name}"))?;
    let shown = format!(
        "{}{name}",
        place.trim_start_matches("refs/heads/").trim_start_matches("refs/remotes/")
    );
    Ok(commit.map(|commit| Branch { name: shown, commit }))
}

/// The branch that is checked out, or that `git rebase` is moving; none if it is a commit.
fn checked_out(repository: &Repository) -> Option<String> {
    let head = |file: &str| std::fs::read_to_string(repository.directory().join(file)).ok();
    let rebased = || head("rebase-merge/head-name").or_else(|| head("rebase-apply/head-name"));
    let current = head("HEAD").and_then(|head| Some(head.strip_prefix("ref: ")?.to_owned()));
    current.or_else(rebased)?.trim().strip_prefix("refs/heads/").map(str::to_owned)
}
