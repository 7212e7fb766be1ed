//! `hooks`: have git lint what is staged before each commit.

use clap::{Args, Subcommand};
use portcullis_flow::Stop;
use portcullis_model::config::Config;
use portcullis_model::exit::Exit;
use portcullis_model::redact;
use portcullis_workspace::git::Repository;
use portcullis_workspace::hooks::{self, Change, Present, Status};

use crate::print;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    cargo xtask hooks install\n  \
    cargo xtask hooks status\n  \
    cargo xtask hooks uninstall")]
pub struct Flags {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Install the pre-commit hook; one that is there is kept and called first
    Install,
    /// Take it away, and put the one back that was there before
    Uninstall,
    /// Say what is installed
    Status,
}

pub(super) fn run(flags: Flags) -> Result<Exit, Stop> {
    let root = Config::find_root(&super::here()?)?;
    let repository = Repository::find(&root)?.require("find git's hooks")?;
    let said = match flags.action {
        Action::Install => {
            let program = std::env::current_exe().map_err(no_program)?;
            installed(&hooks::install(&repository, &program)?)
        }
        Action::Uninstall => uninstalled(&hooks::uninstall(&repository)?),
        Action::Status => described(&hooks::status(&repository)?),
    };
    print::done(&said);
    Ok(Exit::Done)
}

fn installed(change: &Change) -> String {
    match change {
        Change::None => "the pre-commit hook is already installed".to_owned(),
        Change::Updated => "the pre-commit hook is installed, in place of an older one".to_owned(),
        Change::Kept(kept) => format!(
            "the pre-commit hook is installed; the one that was there is called first, as {}",
            redact::path(kept)
        ),
        Change::Done | Change::PutBack => "the pre-commit hook is installed".to_owned(),
    }
}

fn uninstalled(change: &Change) -> String {
    match change {
        Change::PutBack => "the pre-commit hook is gone; the one before it is back".to_owned(),
        Change::None => "the pre-commit hook isn't installed: nothing to take away".to_owned(),
        Change::Done | Change::Updated | Change::Kept(_) => {
            "the pre-commit hook is gone".to_owned()
        }
    }
}

fn described(status: &Status) -> String {
    let hook = redact::path(&status.hook);
    let first = match &status.kept {
        Some(kept) => format!("; {} is called first", redact::path(kept)),
        None => String::new(),
    };
    match (status.present, status.place.objection()) {
        (Present::Ours, _) => format!("the pre-commit hook is installed: {hook}{first}"),
        (_, Some(objection)) => {
            format!(
                "the pre-commit hook isn't installed; {objection}; {}",
                status.place.next_step()
            )
        }
        (Present::Foreign, None) => format!(
            "the pre-commit hook isn't installed; {hook} is another one, which cargo xtask hooks install keeps"
        ),
        (Present::Nothing, None) => {
            "the pre-commit hook isn't installed; cargo xtask hooks install does it".to_owned()
        }
    }
}

fn no_program(error: std::io::Error) -> Stop {
    Stop::new(
        Exit::Usage,
        "install the hook",
        "this program",
        format!("its own place can't be found: {error}"),
        "run it again: cargo xtask hooks install",
    )
}
