//! `backup`: take one now, list them, read them, try one out.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use portcullis_flow::doctor::Health;
use portcullis_flow::{Stop, backup};
use portcullis_model::config::Target;
use portcullis_model::exit::Exit;

use super::{Format, TargetFlag};
use crate::print;

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  \
    cargo xtask backup\n  \
    cargo xtask backup --to /mnt/elsewhere/app\n  \
    cargo xtask backup list --target production\n  \
    cargo xtask backup drill --in /mnt/elsewhere/app"
)]
pub struct Flags {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    common: Common,
    /// Where it goes, for instance another disk; it must be there [default: the target's place]
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Place {
    #[command(flatten)]
    common: Common,
    /// Where the backups are [default: the target's place]
    #[arg(long = "in", value_name = "DIR")]
    place: Option<PathBuf>,
}

impl Place {
    fn of<'a>(&'a self, target: &'a Target) -> &'a std::path::Path {
        self.place.as_deref().unwrap_or(&target.backups)
    }
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
    List(Place),
    /// Read every byte of them, and compare with what was backed up
    Verify(Place),
    /// Restore one where nobody needs it, and compare it with what was backed up
    Drill {
        /// A name that `list` shows, or a path [default: the newest]
        backup: Option<PathBuf>,
        #[command(flatten)]
        place: Place,
    },
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
            Some(Action::List(place) | Action::Verify(place) | Action::Drill { place, .. }) => {
                &place.common
            }
            None => &self.common,
        }
    }
}

pub(super) fn run(flags: Flags) -> Result<Exit, Stop> {
    let config = super::config()?;
    let (target, format) = (flags.target().find(&config)?, flags.format());
    match &flags.action {
        Some(Action::List(place)) => {
            let place = place.of(target);
            print::backups(&backup::list_in(target, place)?, target, place, format);
        }
        Some(Action::Verify(place)) => {
            let place = place.of(target);
            let examined = backup::verify(target, place)?;
            print::verified(&examined, target, place, format);
            if examined.iter().any(|one| matches!(one.health, Health::Bad(_))) {
                return Ok(Exit::Refused);
            }
        }
        Some(Action::Drill { backup: name, place }) => {
            let mut stages = print::Stages::new(format);
            let drilled = backup::drill(target, place.of(target), name.as_deref(), &mut stages);
            drop(stages);
            let (backup, drilled) = drilled?;
            print::drilled(&backup, drilled, format);
        }
        None => {
            let mut stages = print::Stages::new(format);
            let backup = backup::back_up(target, flags.to.as_deref(), &mut stages);
            drop(stages);
            print::backup(&backup?, format);
        }
    }
    Ok(Exit::Done)
}
