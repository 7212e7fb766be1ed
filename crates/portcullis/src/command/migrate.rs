//! `migrate`: a database through the gate.

use clap::Args;
use portcullis_flow::Stop;
use portcullis_flow::migrate::{Migrated, Request, migrate, preview};
use portcullis_flow::stage::Enrol;
use portcullis_model::exit::Exit;
use portcullis_model::plan::Goal;

use super::{Format, TargetFlag};
use crate::print;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    cargo xtask migrate\n  \
    cargo xtask migrate --plan\n  \
    cargo xtask migrate --target production --reason \"release 2.4\"\n  \
    cargo xtask migrate --to 2024-03-11-110000_add_print_sizes")]
pub struct Flags {
    #[command(flatten)]
    pub(super) target: TargetFlag,
    /// Show what would run, with bytes and minutes, and write nothing
    #[arg(long)]
    plan: bool,
    /// End at this version; an older one is reached through the down.sql files
    #[arg(long, value_name = "VERSION", allow_hyphen_values = true)]
    to: Option<String>,
    /// Why, for the receipt
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Take on a database that something else made or migrated until now
    #[arg(long)]
    enrol: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

pub(super) fn run(flags: Flags) -> Result<Exit, Stop> {
    let config = super::config()?;
    let request = Request {
        root: &config.root,
        default_branch: config.default_branch.as_deref(),
        migrations: &config.migrations,
        target: flags.target.find(&config)?,
        goal: flags.to.map_or(Goal::Latest, Goal::Version),
        reason: flags.reason,
        enrol: if flags.enrol { Enrol::Yes } else { Enrol::No },
    };
    if flags.plan {
        let (plan, estimate) = preview(&request, &mut print::Silent)?;
        print::plan(request.target, &plan, &estimate, flags.format);
        return Ok(Exit::Done);
    }
    let mut stages = print::Stages::new(flags.format);
    let migrated = migrate(&request, &mut stages);
    drop(stages);
    match migrated? {
        Migrated::UpToDate { version, .. } => {
            print::up_to_date(request.target, version.as_deref(), flags.format)
        }
        Migrated::Done(filed) => print::filed(&filed, flags.format),
    }
    Ok(Exit::Done)
}
