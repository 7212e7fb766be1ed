//! `recover`: what became of a run that died.

use clap::Args;
use portcullis_flow::Stop;
use portcullis_flow::migrate::Request;
use portcullis_flow::recover::recover;
use portcullis_flow::stage::Enrol;
use portcullis_model::exit::Exit;
use portcullis_model::plan::Goal;

use super::{Format, TargetFlag};
use crate::print;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    cargo xtask recover\n  \
    cargo xtask recover --target production")]
pub struct Flags {
    #[command(flatten)]
    pub(super) target: TargetFlag,
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
        goal: Goal::Latest,
        reason: None,
        enrol: Enrol::No,
    };
    let mut stages = print::Stages::new(flags.format);
    let recovered = recover(&request, &mut stages);
    drop(stages);
    print::recovered(&config, request.target, &recovered?, flags.format);
    Ok(Exit::Done)
}
