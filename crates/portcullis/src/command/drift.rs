//! `drift`: whether something else has changed a database.

use clap::Args;
use portcullis_flow::{Stop, drift};
use portcullis_model::exit::Exit;

use super::{Format, TargetFlag};
use crate::print;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    cargo xtask drift\n  \
    cargo xtask drift --target production --format json")]
pub struct Flags {
    #[command(flatten)]
    pub(super) target: TargetFlag,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

pub(super) fn run(flags: Flags) -> Result<Exit, Stop> {
    let config = super::config()?;
    let target = flags.target.find(&config)?;
    let found = drift::look(target)?;
    print::drift(&config, target, &found, flags.format);
    Ok(if found.drift.is_empty() { Exit::Done } else { Exit::Refused })
}
