//! The default branch, and where another one left it.

use portcullis_model::redact;

use super::repository::{Commit, Repository};
use crate::Error;

/// A branch, and what it points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// Its name as people write it, such as `origin/main`.
    pub name: String,
    /// Its newest commit.
    pub commit: Commit,
}

/// Where the default branch is looked for, when neither the configuration nor the remote
/// names it. The remote's state counts before a local branch that may be behind.
const USUAL: [&str; 4] = [
    "refs/remotes/origin/main",
    "refs/remotes/origin/master",
    "refs/heads/main",
    "refs/heads/master",
];

/// What the remote says is its default branch.
const REMOTE_HEAD: &str = "refs/remotes/origin/HEAD";

const DEFAULT: &str = "find the default branch";

impl Repository {
    /// The branch that others start from: the configured one, the remote's default, or one
    /// of the usual names. None if there is none of all these.
    ///
    /// # Errors
    /// The configured branch doesn't exist, or git can't be read.
    pub fn default_branch(&self, configured: Option<&str>) -> Result<Option<Branch>, Error> {
        if let Some(name) = configured {
            let places = [
                format!("refs/remotes/origin/{name}"),
                format!("refs/heads/{name}"),
                format!("refs/remotes/{name}"),
            ];
            let found = self.first(places.iter().map(String::as_str))?;
            return found.map(Some).ok_or_else(|| self.no_such_branch(name));
        }
        // Where there is no remote, one run of git less.
        if self.resolve(REMOTE_HEAD)?.is_none() {
            return self.first(USUAL.into_iter());
        }
        let printed = self.program().run(DEFAULT, ["symbolic-ref", "--quiet", REMOTE_HEAD])?.stdout;
        let head = String::from_utf8_lossy(&printed);
        let head = Some(head.trim_end()).filter(|name| !name.is_empty());
        self.first(head.into_iter().chain(USUAL))
    }

    fn first<'a>(&self, places: impl Iterator<Item = &'a str>) -> Result<Option<Branch>, Error> {
        for place in places {
            if let Some(commit) = self.resolve(place)? {
                let name = place.trim_start_matches("refs/heads/");
                let name = name.trim_start_matches("refs/remotes/").to_owned();
                return Ok(Some(Branch { name, commit }));
            }
        }
        Ok(None)
    }

    fn no_such_branch(&self, name: &str) -> Error {
        let printable = redact::printable(&redact::urls(name)).into_owned();
        let fetch = if self.is_shallow() {
            format!("fetch it (git fetch --unshallow origin {printable}; {GITHUB})")
        } else {
            format!("fetch it (git fetch origin {printable})")
        };
        Error::usage(
            DEFAULT,
            "portcullis.toml: default-branch",
            format!("there is no branch {printable}, neither here nor of the remote origin"),
            format!("{fetch}, or correct default-branch"),
        )
    }

    /// The newest commit that is in the history of both; none if they have none in common.
    ///
    /// # Errors
    /// None was found, and the history is cut off; or git can't be read.
    pub fn merge_base(&self, commit: &Commit, branch: &Branch) -> Result<Option<Commit>, Error> {
        const FIND: &str = "find where this branch left the other";
        let arguments = ["merge-base", commit.id(), branch.commit.id()];
        let output = self.program().run(FIND, arguments)?;
        let printed = String::from_utf8_lossy(&output.stdout);
        match (output.status.code(), printed.lines().next()) {
            (Some(0), Some(id)) => Ok(Some(Commit(id.to_owned()))),
            (Some(1), _) if self.is_shallow() => {
                let name = redact::printable(&redact::urls(&branch.name)).into_owned();
                Err(Error::refused(
                    FIND,
                    redact::path(self.toplevel()),
                    format!(
                        "this clone is shallow: the commit where this branch left {name} isn't in it"
                    ),
                    format!("git fetch --unshallow ({GITHUB})"),
                ))
            }
            (Some(1), _) => Ok(None),
            _ => Err(super::program::failed(FIND, self.root(), &output)),
        }
    }
}

/// Where a clone is shallow unless somebody asked for more.
pub(crate) const GITHUB: &str = "in GitHub Actions: fetch-depth: 0 for actions/checkout";
