//! `status`: where a database stands.

use clap::Args;
use portcullis_flow::Stop;
use portcullis_flow::status::status;
use portcullis_model::exit::Exit;

use super::{Format, TargetFlag};
use crate::print;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    cargo xtask status\n  \
    cargo xtask status --all\n  \
    cargo xtask status --target production --format json")]
pub struct Flags {
    #[command(flatten)]
    pub(super) target: TargetFlag,
    /// List every migration, also those that are applied as they are on disk
    #[arg(long)]
    all: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

pub(super) fn run(flags: Flags) -> Result<Exit, Stop> {
    let config = super::config()?;
    let target = flags.target.find(&config)?;
    let status = status(&config.root, target)?;
    let rows = if flags.all { print::Rows::All } else { print::Rows::Notable };
    print::status(&config, target, &status, rows, flags.format);
    Ok(Exit::Done)
}
