//! Chores of this repository, which other workspaces don't need.

mod bench;
mod ci;
mod docs;
mod postgres;
mod test;
mod tidy;

use std::process::ExitCode;

use clap::Subcommand;
use xshell::Shell;

#[derive(Debug, Subcommand)]
pub(crate) enum Chore {
    /// Run all tests of this repository
    Test(test::Flags),
    /// Measure the gate beside the tools that people would pick instead
    Bench(bench::Flags),
    /// Write the pages of docs/ that are made from the code
    Docs,
    /// Check what no compiler checks: file lengths, headers, blanks
    Tidy,
    /// Run what continuous integration runs
    Ci(ci::Flags),
}

pub(crate) fn run(chore: Chore) -> ExitCode {
    let result = Shell::new().map_err(Into::into).and_then(|shell| {
        shell.change_dir(root());
        match chore {
            Chore::Test(flags) => test::run(&shell, &flags),
            Chore::Bench(flags) => bench::run(&shell, &flags),
            Chore::Docs => docs::run(&shell),
            Chore::Tidy => tidy::run(&shell),
            Chore::Ci(flags) => ci::run(&shell, &flags),
        }
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "chores speak to developers directly")]
fn say(text: &str) {
    eprintln!("{text}");
}

/// This repository: the directory above this crate's.
fn root() -> std::path::PathBuf {
    let xtask = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_owned()
}
