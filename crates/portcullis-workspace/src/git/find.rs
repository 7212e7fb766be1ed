//! Finds the repository that a workspace is in.

use std::env;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use portcullis_model::redact;

use super::program::{self, Program};
use super::repository::Repository;
use crate::Error;

const FIND: &str = "find the git repository";

/// What became of looking for a repository.
#[derive(Debug, Clone)]
pub enum Search {
    /// It is there.
    Found(Repository),
    /// The directory is in no repository's work tree.
    NoRepository(PathBuf),
    /// There is no git program.
    NoProgram(PathBuf),
}

impl Search {
    /// The repository, if there is one.
    pub fn found(self) -> Option<Repository> {
        match self {
            Search::Found(repository) => Some(repository),
            Search::NoRepository(_) | Search::NoProgram(_) => None,
        }
    }

    /// The repository, by a command that can't do without.
    ///
    /// # Errors
    /// There is none, or no git.
    pub fn require(self, operation: &str) -> Result<Repository, Error> {
        match self {
            Search::Found(repository) => Ok(repository),
            Search::NoRepository(root) => Err(Error::usage(
                operation,
                redact::path(&root),
                "this is not in a git work tree",
                "run it in a checkout, or make one: git init",
            )),
            Search::NoProgram(root) => {
                let (cause, next_step) = program::no_program();
                Err(Error::usage(operation, redact::path(&root), cause, next_step))
            }
        }
    }
}

impl Repository {
    /// Looks for the repository whose work tree `root` is in. What a hook says about it in
    /// `GIT_DIR`, `GIT_WORK_TREE` and `GIT_INDEX_FILE` is honoured.
    ///
    /// # Errors
    /// Git refuses to look, or what it says makes no sense.
    pub fn find(root: &Path) -> Result<Search, Error> {
        let unreadable = |error: std::io::Error| {
            Error::usage(
                FIND,
                redact::path(root),
                error.to_string(),
                "run it in a directory that exists",
            )
        };
        let root = root.canonicalize().map_err(unreadable)?;
        let here = env::current_dir().map_err(unreadable)?;
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        let directory = set("GIT_DIR").map(|value| here.join(value));
        let answer = match set("GIT_WORK_TREE").map(|value| here.join(value)) {
            Some(work_tree) => ask(&root, directory.as_deref(), Some(&work_tree)),
            // Without GIT_WORK_TREE, GIT_DIR makes git take the directory it runs in for the
            // top. It is that for the hook, but not for `root`: better find it again.
            None => match ask(&root, None, None) {
                Ok(found) if !is_other(found.as_ref(), directory.as_deref()) => Ok(found),
                Err(Refusal::NoProgram) => Err(Refusal::NoProgram),
                Ok(_) | Err(Refusal::Error(_)) => ask(&here, directory.as_deref(), None),
            },
        };
        let answer = match answer {
            Ok(Some(answer)) if answer.in_work_tree && root.starts_with(&answer.toplevel) => answer,
            Ok(_) => return Ok(Search::NoRepository(root)),
            Err(Refusal::NoProgram) => return Ok(Search::NoProgram(root)),
            Err(Refusal::Error(error)) => return Err(error),
        };
        let mut variables = vec![
            ("GIT_DIR", answer.directory.clone().into_os_string()),
            ("GIT_WORK_TREE", answer.toplevel.clone().into_os_string()),
        ];
        // Git takes this one from the top, wherever it runs.
        if let Some(index) = set("GIT_INDEX_FILE") {
            variables.push(("GIT_INDEX_FILE", answer.toplevel.join(index).into_os_string()));
        }
        let program = Program { directory: root, variables };
        let Answer { toplevel, directory, is_shallow, .. } = answer;
        Ok(Search::Found(Self::new(program, toplevel, directory, is_shallow)))
    }
}

/// What git says about a directory.
struct Answer {
    in_work_tree: bool,
    is_shallow: bool,
    toplevel: PathBuf,
    directory: PathBuf,
}

enum Refusal {
    NoProgram,
    Error(Error),
}

/// Whether another repository was found than the one that the environment names.
fn is_other(found: Option<&Answer>, named: Option<&Path>) -> bool {
    let Some(named) = named else { return false };
    let named = named.canonicalize().unwrap_or_else(|_| named.to_owned());
    found.is_none_or(|found| found.directory != named)
}

/// Asks git about the repository at a place; none if there is none.
fn ask(
    place: &Path,
    directory: Option<&Path>,
    work_tree: Option<&Path>,
) -> Result<Option<Answer>, Refusal> {
    let variables = [("GIT_DIR", directory), ("GIT_WORK_TREE", work_tree)];
    let variables =
        variables.into_iter().filter_map(|(name, value)| Some((name, value?.into()))).collect();
    let program = Program { directory: place.to_owned(), variables };
    // The way up has no name in it, and the git directory comes last: names with line
    // breaks do no harm.
    let output = program
        .command()
        .args(["rev-parse", "--is-inside-work-tree", "--is-shallow-repository"])
        .args(["--show-cdup", "--absolute-git-dir"])
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Refusal::NoProgram);
        }
        Err(error) => return Err(Refusal::Error(program::not_started(FIND, place, &error))),
    };
    if !output.status.success() {
        let nothing = String::from_utf8_lossy(&output.stderr).contains("not a git repository");
        let error = program::failed(FIND, place, &output);
        return if nothing { Ok(None) } else { Err(Refusal::Error(error)) };
    }
    let mut fields = output.stdout.splitn(4, |byte| *byte == b'\n');
    let mut field = || fields.next().unwrap_or_default().to_vec();
    let (in_work_tree, is_shallow, up, mut directory) = (field(), field(), field(), field());
    directory.pop();
    let path = |bytes| PathBuf::from(OsString::from_vec(bytes));
    let real = |path: PathBuf| path.canonicalize().unwrap_or(path);
    Ok(Some(Answer {
        in_work_tree: in_work_tree == b"true",
        is_shallow: is_shallow == b"true",
        toplevel: real(place.join(path(up))),
        directory: real(path(directory)),
    }))
}
