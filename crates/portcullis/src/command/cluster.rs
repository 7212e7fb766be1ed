//! `cluster`: a PostgreSQL of one's own, for development.

#[cfg(feature = "postgres")]
mod act;

use clap::{Args, Subcommand};
use portcullis_flow::Stop;
use portcullis_model::exit::Exit;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    cargo xtask cluster start\n  \
    cargo xtask cluster url\n  \
    cargo xtask cluster stop\n  \
    cargo xtask cluster stop --remove")]
pub struct Flags {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Start it, and make it in var/cluster if there is none; its data stays
    Start,
    /// Stop it; its data stays
    Stop {
        /// Remove it with all its data
        #[arg(long)]
        remove: bool,
    },
    /// Print where it is, and where its password and its authority's certificate are
    Url,
}

#[cfg(feature = "postgres")]
pub(super) fn run(flags: Flags) -> Result<Exit, Stop> {
    act::run(flags.action)
}

#[cfg(not(feature = "postgres"))]
pub(super) fn run(_: Flags) -> Result<Exit, Stop> {
    Err(super::without_postgres())
}
