//! Chores of this repository, which other workspaces don't need.

mod ci;
mod test;

use std::process::ExitCode;

use clap::Subcommand;
use xshell::Shell;

#[derive(Debug, Subcommand)]
pub(crate) enum Chore {
    /// Run all tests of this repository
    Test(test::Flags),
    /// Run what continuous integration runs
    Ci,
}

pub(crate) fn run(chore: Chore) -> ExitCode {
    let result = Shell::new().map_err(Into::into).and_then(|shell| {
        shell.change_dir(root());
        match chore {
            Chore::Test(flags) => test::run(&shell, &flags),
            Chore::Ci => ci::run(&shell),
        }
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            anstream_error(&error);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "chores speak to developers directly")]
fn anstream_error(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}

/// This repository: the directory above this crate's.
fn root() -> std::path::PathBuf {
    let xtask = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_owned()
}
