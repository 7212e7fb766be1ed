//! `rebase`: a branch's own migrations come last again.

use std::collections::HashSet;
use std::time::SystemTime;

use clap::Args;
use portcullis_flow::Stop;
use portcullis_model::exit::Exit;
use portcullis_workspace::CASES;
use portcullis_workspace::git::Repository;
use portcullis_workspace::rebase::{Engine, carry_out, cases, decide, others, refuse_unmerged};
use portcullis_workspace::source::{Source, Wanted};

use super::Format;
use crate::print;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    git merge main; cargo xtask rebase\n  \
    cargo xtask rebase --format json")]
pub struct Flags {
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

pub(super) fn run(flags: Flags) -> Result<Exit, Stop> {
    let source = Source::open(&super::here()?, Wanted::WorkingTree)?;
    let config = &source.config;
    let repository = Repository::find(&config.root)?.require("rebase the migrations")?;
    let directories: Vec<_> = config.migrations.iter().map(|one| one.path.clone()).collect();
    let mut places = directories.clone();
    places.push(CASES.into());
    refuse_unmerged(&repository.unmerged(&places)?)?;
    let others = others(&repository, config.default_branch.as_deref(), &directories)?;
    let mut engines = Vec::new();
    for (migrations, others) in config.migrations.iter().zip(others) {
        let working = source.migrations(&migrations.path, &HashSet::new())?;
        engines.push(Engine { migrations, working, others });
    }
    let rebase = decide(&engines, &cases(&config.root), SystemTime::now())?;
    carry_out(&config.root, &config.migrations, &rebase)?;
    print::rebased(&rebase, repository.underway(), flags.format);
    Ok(Exit::Done)
}
