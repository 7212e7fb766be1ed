//! The commands: flags in, a call to the flow, what to print, an exit code.

mod accept;
mod aim;
mod backup;
mod cluster;
mod completions;
mod doctor;
mod drift;
mod explain;
mod hooks;
mod lint;
mod migrate;
mod new;
mod rebase;
mod receipt;
mod recover;
mod redo;
mod restore;
mod status;
mod target;
mod test_migration;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use portcullis_flow::Stop;
use portcullis_model::config::{Config, Target};
use portcullis_model::exit::Exit;

use crate::print;

pub(crate) use completions::remember;
pub(crate) use lint::LintFormat;

/// What the gate can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a draft of a migration, for each engine, with a stub of its test case
    New(new::Flags),
    /// Take a database through the gate: lint, back up, apply, smoke-test, receipt
    Migrate(migrate::Flags),
    /// Say where a database stands beside the migrations, and what to type next
    Status(status::Flags),
    /// Find out what became of a run that died, and complete the record; nothing is applied
    Recover(recover::Flags),
    /// On a bad night: the state, the last run, which backups are good, and what to type
    Doctor(doctor::Flags),
    /// Apply an edited migration again: undo it as it was applied, then as it is now
    Redo(redo::Flags),
    /// Check that nothing else has changed a database's schema
    Drift(drift::Flags),
    /// Check the migrations; no database is opened
    Lint(lint::Flags),
    /// Prove every migration before and after, on databases of its own
    TestMigration(test_migration::Flags),
    /// List drafts in migrations.sum: from the merge on they are frozen
    Accept(accept::Flags),
    /// After a merge: give your branch's own migrations fresh versions
    Rebase(rebase::Flags),
    /// Have git lint what is staged before each commit
    Hooks(hooks::Flags),
    /// Say more about a lint rule, the configuration, or the exit codes
    Explain(explain::Flags),
    /// Take a verified backup, or list those that there are
    Backup(backup::Flags),
    /// Put a backup back; the present state is kept first
    Restore(restore::Flags),
    /// Read the record of what was done to a database
    Receipt(receipt::Flags),
    /// Run a PostgreSQL of your own, for development
    Cluster(cluster::Flags),
    /// Add a database on a PostgreSQL server, once the server is proved
    Target(target::Flags),
    /// Print what a shell needs to complete `cargo xtask …`
    Completions(completions::Flags),
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Human,
    /// One JSON document.
    Json,
}

#[derive(Debug, Args)]
struct TargetFlag {
    /// The database, by its name in portcullis.toml [default: default-target there]
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
}

impl TargetFlag {
    fn find<'a>(&self, config: &'a Config) -> Result<&'a Target, Stop> {
        Ok(config.target(self.target.as_deref())?)
    }
}

impl Command {
    /// The target that was typed; none for a command that has no target, and within that
    /// none for one that was given none.
    pub(crate) fn target_flag(&self) -> Option<Option<&str>> {
        let flag = match self {
            Command::Migrate(flags) => &flags.target,
            Command::Status(flags) => &flags.target,
            Command::Recover(flags) => &flags.target,
            Command::Doctor(flags) => &flags.target,
            Command::Redo(flags) => &flags.target,
            Command::Drift(flags) => &flags.target,
            Command::Restore(flags) => &flags.target,
            Command::Backup(flags) => flags.target(),
            Command::Receipt(flags) => flags.target(),
            _ => return None,
        };
        Some(flag.target.as_deref())
    }

    /// Whether it is about servers, whatever the configuration says.
    pub(crate) fn is_about_servers(&self) -> bool {
        matches!(self, Command::Cluster(_) | Command::Target(_))
    }

    /// Whether it is of use even where the server can't be asked.
    pub(crate) fn helps_without(&self) -> bool {
        matches!(self, Command::Doctor(_))
    }

    /// The engines whose migrations it tests, if it does.
    pub(crate) fn tests_on(&self) -> Option<test_migration::EngineFlag> {
        match self {
            Command::TestMigration(flags) => Some(flags.engine),
            Command::Accept(flags) if flags.tests() => Some(test_migration::EngineFlag::All),
            _ => None,
        }
    }

    /// The backup whose data it tests on, if it does.
    pub(crate) fn tests_backup(&self) -> Option<&Path> {
        match self {
            Command::TestMigration(flags) => flags.from.as_deref(),
            _ => None,
        }
    }

    /// Whether it asks the protected databases what they have.
    pub(crate) fn asks_protected(&self) -> bool {
        matches!(self, Command::Accept(_))
    }
}

pub(crate) fn run(command: Command) -> Exit {
    let target = command.target_flag().flatten().map(str::to_owned);
    let (format, result) = match command {
        Command::New(flags) => (flags.format, new::run(flags)),
        Command::Migrate(flags) => (flags.format, migrate::run(flags)),
        Command::Lint(flags) => (flags.format(), lint::run(flags)),
        Command::TestMigration(flags) => (flags.format, test_migration::run(flags)),
        Command::Accept(flags) => (flags.format, accept::run(flags)),
        Command::Rebase(flags) => (flags.format, rebase::run(flags)),
        Command::Hooks(flags) => (Format::Human, hooks::run(flags)),
        Command::Status(flags) => (flags.format, status::run(flags)),
        Command::Recover(flags) => (flags.format, recover::run(flags)),
        Command::Doctor(flags) => (flags.format, doctor::run(flags)),
        Command::Redo(flags) => (flags.format, redo::run(flags)),
        Command::Drift(flags) => (flags.format, drift::run(flags)),
        Command::Explain(flags) => (Format::Human, explain::run(flags)),
        Command::Backup(flags) => (flags.format(), backup::run(flags)),
        Command::Restore(flags) => (flags.format, restore::run(flags)),
        Command::Receipt(flags) => (flags.format(), receipt::run(flags)),
        Command::Cluster(flags) => (Format::Human, cluster::run(flags)),
        Command::Target(flags) => (Format::Human, target::run(flags)),
        Command::Completions(flags) => (Format::Human, completions::run(flags)),
    };
    result.unwrap_or_else(|mut stop| {
        if let Some(target) = target {
            aim::stop(&mut stop, &target);
        }
        print::stop(&stop, format);
        stop.exit
    })
}

/// Advice about a target, as it is to be typed.
pub(crate) fn aimed(config: &Config, target: &Target, text: &str) -> String {
    if target.name == config.default_target {
        text.to_owned()
    } else {
        aim::text(text, &target.name)
    }
}

fn config() -> Result<Config, Stop> {
    Ok(Config::find(&here()?)?)
}

/// What a build without PostgreSQL says of a command that needs it, where cargo couldn't be
/// asked for another.
#[cfg(not(feature = "postgres"))]
fn without_postgres() -> Stop {
    Stop::new(
        Exit::Usage,
        "run this command",
        "this program",
        "it was built without PostgreSQL",
        "cargo run --package xtask --features postgres -- …",
    )
}

/// The directory that the command was typed in.
pub(crate) fn here() -> Result<PathBuf, Stop> {
    std::env::current_dir().map_err(|error| {
        Stop::new(
            Exit::Usage,
            "find the workspace",
            ".",
            error.to_string(),
            "run it in a directory that exists",
        )
    })
}
