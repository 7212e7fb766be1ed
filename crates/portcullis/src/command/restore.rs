//! `restore`: put a backup back.

use std::path::PathBuf;

use clap::Args;
use portcullis_flow::Stop;
use portcullis_flow::restore::{Request, restore};
use portcullis_model::exit::Exit;

use super::{Format, TargetFlag};
use crate::print;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    cargo xtask backup list\n  \
    cargo xtask restore 20261122T090000Z-1a2b3c4d.db\n  \
    cargo xtask restore /backups/app/20261122T090000Z-1a2b3c4d.db --target production --reason \"bad release\"")]
pub struct Flags {
    /// The backup: a name that `backup list` shows, or a path
    #[arg(value_name = "BACKUP")]
    backup: PathBuf,
    #[command(flatten)]
    pub(super) target: TargetFlag,
    /// Why, for the receipt
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

pub(super) fn run(flags: Flags) -> Result<Exit, Stop> {
    let config = super::config()?;
    let target = flags.target.find(&config)?;
    let mut stages = print::Stages::new(flags.format);
    let request =
        Request { root: &config.root, target, backup: &flags.backup, reason: flags.reason };
    let filed = restore(&request, &mut stages);
    drop(stages);
    print::filed(&filed?, flags.format);
    Ok(Exit::Done)
}
