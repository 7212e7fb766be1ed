//! `backup`: take one now, or list them.

use clap::{Args, Subcommand};
use portcullis_flow::Stop;
use portcullis_model::exit::Exit;

use super::{Format, TargetFlag};
use crate::print;

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  cargo xtask backup\n  cargo xtask backup list --target production"
)]
pub struct Flags {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct Common {
    #[command(flatten)]
    target: TargetFlag,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the backups of a target, oldest first
    List(Common),
}

impl Flags {
    pub(super) fn format(&self) -> Format {
        self.given().format
    }

    pub(super) fn target(&self) -> &TargetFlag {
        &self.given().target
    }

    fn given(&self) -> &Common {
        match &self.action {
            Some(Action::List(common)) => common,
            None => &self.common,
        }
    }
}

pub(super) fn run(flags: Flags) -> Result<Exit, Stop> {
    let config = super::config()?;
    match flags.action {
        Some(Action::List(common)) => {
            let target = common.target.find(&config)?;
            print::backups(&portcullis_flow::backup::list(target)?, target, common.format);
        }
        None => {
            let target = flags.common.target.find(&config)?;
            let mut stages = print::Stages::new(flags.common.format);
            let backup = portcullis_flow::backup::back_up(target, &mut stages);
            drop(stages);
            print::backup(&backup?, flags.common.format);
        }
    }
    Ok(Exit::Done)
}
