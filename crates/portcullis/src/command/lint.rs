//! `lint`: the migrations of every engine, without a database.

use clap::Args;
use portcullis_flow::Stop;
use portcullis_lint::Severity;
use portcullis_model::exit::Exit;

use super::Format;
use crate::print;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    cargo xtask lint\n  \
    cargo xtask lint --format json\n  \
    cargo xtask explain empty-down")]
pub struct Flags {
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

pub(super) fn run(flags: Flags) -> Result<Exit, Stop> {
    let config = super::config()?;
    let mut results = Vec::new();
    for migrations in &config.migrations {
        let set = portcullis_flow::stage::read(&config.root, &migrations.path)?;
        let findings = portcullis_lint::lint(&set, migrations.dialect);
        results.push((set, findings));
    }
    print::findings(&results, flags.format);
    let errors = results
        .iter()
        .flat_map(|(_, findings)| findings)
        .any(|finding| finding.severity == Severity::Error);
    Ok(if errors { Exit::Refused } else { Exit::Done })
}
