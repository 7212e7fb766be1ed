//! `new`: a draft of a migration.

use std::time::SystemTime;

use clap::Args;
use portcullis_flow::Stop;
use portcullis_model::exit::Exit;
use portcullis_workspace::new::{Request, create};

use super::Format;
use crate::print;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    cargo xtask new add_nickname\n  \
    cargo xtask new add_nickname --sql 'ALTER TABLE customers ADD COLUMN nickname TEXT'")]
pub struct Flags {
    /// What it does, in a few words
    #[arg(value_name = "NAME")]
    name: String,
    /// Its up.sql; the down.sql is derived where the text tells it
    #[arg(long, value_name = "SQL")]
    sql: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

pub(super) fn run(flags: Flags) -> Result<Exit, Stop> {
    let config = super::config()?;
    let created = create(&Request {
        root: &config.root,
        migrations: &config.migrations,
        name: &flags.name,
        sql: flags.sql.as_deref(),
        now: SystemTime::now(),
    })?;
    print::created(&created, flags.format);
    Ok(Exit::Done)
}
