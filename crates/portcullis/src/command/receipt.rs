//! `receipt`: the record of a database.

use clap::{Args, Subcommand};
use portcullis_flow::Stop;
use portcullis_model::exit::Exit;

use super::{Format, TargetFlag};
use crate::print;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    cargo xtask receipt list\n  \
    cargo xtask receipt show\n  \
    cargo xtask receipt show 3 --format json")]
pub struct Flags {
    #[command(subcommand)]
    action: Action,
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
    /// List the receipts of a target, oldest first, with their chain verified
    List(Common),
    /// Show one receipt
    Show {
        /// Its number, or the beginning of its run's id [default: the newest]
        #[arg(value_name = "RECEIPT")]
        receipt: Option<String>,
        #[command(flatten)]
        common: Common,
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
            Action::List(common) | Action::Show { common, .. } => common,
        }
    }
}

pub(super) fn run(flags: Flags) -> Result<Exit, Stop> {
    let config = super::config()?;
    match flags.action {
        Action::List(common) => {
            let target = common.target.find(&config)?;
            print::receipts(&portcullis_flow::receipts::read(target)?, target, common.format);
        }
        Action::Show { receipt, common } => {
            let target = common.target.find(&config)?;
            let receipts = portcullis_flow::receipts::read(target)?;
            let wanted = receipt.as_deref().unwrap_or_default();
            let found = match wanted.parse::<u64>() {
                _ if wanted.is_empty() => receipts.last(),
                Ok(number) => receipts.iter().find(|(stored, _)| stored.link.sequence == number),
                Err(_) => {
                    receipts.iter().find(|(stored, _)| stored.run.to_string().starts_with(wanted))
                }
            };
            let Some((stored, receipt)) = found else {
                return Err(none(&target.name, receipts.len()));
            };
            print::receipt(stored, receipt, common.format);
        }
    }
    Ok(Exit::Done)
}

fn none(target: &str, count: usize) -> Stop {
    Stop::new(
        Exit::Usage,
        "show a receipt",
        target,
        match count {
            0 => "this database has no receipts".to_owned(),
            count => format!("there is no such receipt; the newest is number {count}"),
        },
        "cargo xtask receipt list",
    )
}
