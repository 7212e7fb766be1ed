//! Earlier versions of a directory.

use std::ffi::OsStr;
use std::path::Path;

use super::repository::{Commit, Repository};
use super::tree::GitTree;
use crate::Error;

/// How far back is looked.
const COMMITS: &str = "--max-count=200";

impl Repository {
    /// The newest commit, from `start` back, whose version of a directory is the wanted one.
    /// Only commits that changed the directory are looked at, and no more than 200.
    ///
    /// # Errors
    /// Git can't be read.
    pub fn find_earlier(
        &self,
        start: &Commit,
        directory: &Path,
        mut wanted: impl FnMut(&GitTree) -> bool,
    ) -> Result<Option<Commit>, Error> {
        let arguments = ["rev-list", COMMITS, start.id(), "--"].map(OsStr::new);
        let arguments = arguments.into_iter().chain([directory.as_os_str()]);
        let printed = self.program().read("look through the history", arguments)?;
        let printed = String::from_utf8_lossy(&printed);
        let mut commits = printed.lines().map(|id| Commit(id.to_owned()));
        Ok(commits.find(|commit| wanted(&self.commit(commit))))
    }
}
