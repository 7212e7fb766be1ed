//! Runs the `git` program, and puts what it says into an [`Error`].

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use portcullis_model::redact;

use crate::Error;

/// Variables that choose a repository. A hook sets some, relative to where git ran it, so
/// none is inherited: they are made absolute and handed on.
const CHOOSERS: [&str; 3] = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"];

/// Variables that change what a pathspec means.
const PATHSPECS: [&str; 3] = ["GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS"];

/// Where git runs, and which repository it is told to look at.
#[derive(Debug, Clone)]
pub(super) struct Program {
    pub(super) directory: PathBuf,
    pub(super) variables: Vec<(&'static str, OsString)>,
}

impl Program {
    /// A git that changes nothing, speaks English and takes paths literally.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new("git");
        for name in CHOOSERS.iter().chain(&PATHSPECS) {
            command.env_remove(name);
        }
        command
            .current_dir(&self.directory)
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_LITERAL_PATHSPECS", "1")
            .env("LC_ALL", "C")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// What git prints, and how it ends.
    pub(super) fn run(
        &self,
        operation: &str,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Result<Output, Error> {
        let output = self.command().args(arguments).output();
        output.map_err(|error| not_started(operation, &self.directory, &error))
    }

    /// What git prints, if it succeeds.
    pub(super) fn read(
        &self,
        operation: &str,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Result<Vec<u8>, Error> {
        let output = self.run(operation, arguments)?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        Err(failed(operation, &self.directory, &output))
    }
}

/// Git couldn't be started.
pub(super) fn not_started(operation: &str, directory: &Path, error: &io::Error) -> Error {
    let (cause, next_step) = match error.kind() {
        io::ErrorKind::NotFound => no_program(),
        _ => (format!("git can't be started: {error}"), "make git work: git --version"),
    };
    Error::refused(operation, redact::path(directory), cause, next_step)
}

pub(super) fn no_program() -> (String, &'static str) {
    ("there is no git program in the PATH".to_owned(), "install git, or put it into the PATH")
}

/// Git ran, and said no.
pub(super) fn failed(operation: &str, directory: &Path, output: &Output) -> Error {
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("it failed silently");
    let said = said.trim_start_matches("fatal: ").trim_start_matches("error: ");
    let next_step = match said.split('\'').nth(1) {
        Some(top) if said.contains("dubious ownership") => {
            format!("if you trust it: git config --global --add safe.directory '{top}'")
        }
        _ => "see what git says there: git status".to_owned(),
    };
    Error::refused(operation, redact::path(directory), format!("git says: {said}"), next_step)
}
