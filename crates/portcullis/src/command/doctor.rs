//! `doctor`: the technician's page.

use clap::Args;
use portcullis_flow::Stop;
use portcullis_flow::doctor::{Depth, examine};
use portcullis_model::exit::Exit;

use super::{Format, TargetFlag};
use crate::print;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    cargo xtask doctor\n  \
    cargo xtask doctor --target production --all")]
pub struct Flags {
    #[command(flatten)]
    pub(super) target: TargetFlag,
    /// Read every backup, not only from the newest on until one is good
    #[arg(long)]
    all: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

pub(super) fn run(flags: Flags) -> Result<Exit, Stop> {
    let config = super::config()?;
    let target = flags.target.find(&config)?;
    let diagnosis = examine(target, if flags.all { Depth::All } else { Depth::UntilGood });
    print::diagnosis(&config, target, &diagnosis, flags.format);
    Ok(diagnosis.exit())
}
