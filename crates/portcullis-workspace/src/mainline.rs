//! What the default branch has: where this branch left it, and how far it has come since.

use crate::Error;
use crate::git::{Branch, Commit, Repository};

/// The default branch, here and at the remote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mainline {
    /// Its newest commits: the remote's, the local branch's. Not that of the branch that is
    /// checked out, where the remote has one too: what isn't pushed is still one's own.
    pub tips: Vec<Branch>,
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
        let is_checked_out =
            |branch: &Branch| checked_out(repository).as_deref() == Some(branch.name.as_str());
        let here = here.filter(|here| there.is_none() || !is_checked_out(here));
        Ok(Some(Self { tips: there.into_iter().chain(here).collect() }))
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

/// The branch that is checked out; none if it is a commit.
fn checked_out(repository: &Repository) -> Option<String> {
    let head = std::fs::read_to_string(repository.directory().join("HEAD")).ok()?;
    head.trim().strip_prefix("ref: refs/heads/").map(str::to_owned)
}
