//! Where git takes hooks from, and who else does.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use portcullis_model::redact;

use crate::Error;
use crate::git::Repository;

/// A directory that git takes hooks from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The repository's own.
    Own(PathBuf),
    /// In the checkout: what is there is everybody's.
    Shared(PathBuf),
    /// Somewhere else: other repositories use it too.
    Global(PathBuf),
}

const FIND: &str = "find git's hooks";

impl Place {
    /// The directory.
    pub fn directory(&self) -> &Path {
        match self {
            Place::Own(directory) | Place::Shared(directory) | Place::Global(directory) => {
                directory
            }
        }
    }

    /// Why no hook may be written there, if so.
    pub fn objection(&self) -> Option<String> {
        match self {
            Place::Own(_) => None,
            Place::Shared(_) => Some(
                "core.hooksPath puts git's hooks into the checkout: a hook there is everybody's"
                    .to_owned(),
            ),
            Place::Global(_) => Some(
                "core.hooksPath puts git's hooks outside the repository: a hook there runs for others too"
                    .to_owned(),
            ),
        }
    }

    /// What to do instead of having a hook written there.
    pub fn next_step(&self) -> String {
        let hook = redact::path(&self.directory().join(super::HOOK));
        format!("add this line to {hook}: cargo xtask lint --staged || exit 1")
    }

    pub(super) fn require_own(&self, operation: &str) -> Result<(), Error> {
        self.objection().map_or(Ok(()), |cause| {
            let place = redact::path(self.directory());
            Err(Error::refused(operation, place, cause, self.next_step()))
        })
    }
}

/// Asks git, from the top: a relative `core.hooksPath` is meant from there.
pub(super) fn find(repository: &Repository) -> Result<Place, Error> {
    let ask = |arguments: &[&str]| -> Result<PathBuf, Error> {
        let mut printed = repository.read_at_top(FIND, arguments)?;
        printed.pop();
        let path = repository.toplevel().join(OsString::from_vec(printed));
        Ok(path.canonicalize().unwrap_or(path))
    };
    let directory = ask(&["rev-parse", "--git-path", "hooks"])?;
    let own = ask(&["rev-parse", "--git-common-dir"])?;
    Ok(if directory.starts_with(own) {
        Place::Own(directory)
    } else if directory.starts_with(repository.toplevel()) {
        Place::Shared(directory)
    } else {
        Place::Global(directory)
    })
}
