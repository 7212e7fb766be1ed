//! `explain`: the long text for a word that another command printed.

use clap::Args;
use portcullis_flow::Stop;
use portcullis_model::config::{REFERENCE, like};
use portcullis_model::exit::Exit;
use portcullis_model::redact;

use crate::print;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    cargo xtask explain empty-down\n  \
    cargo xtask explain config\n  \
    cargo xtask explain exit-codes\n  \
    cargo xtask explain rules")]
pub struct Flags {
    /// A rule's id, or one of: rules, config, exit-codes
    #[arg(value_name = "WORD")]
    word: String,
}

pub(super) fn run(flags: Flags) -> Result<Exit, Stop> {
    match flags.word.as_str() {
        "rules" => print::text(&print::rules()),
        "config" => print::text(REFERENCE),
        "exit-codes" => print::text(&print::exit_codes()),
        word => match portcullis_lint::rule(word) {
            Some(rule) => print::text(&portcullis_lint::explain(rule)),
            None => return Err(unknown(word)),
        },
    }
    Ok(Exit::Done)
}

fn unknown(word: &str) -> Stop {
    let known: Vec<&str> = portcullis_lint::RULES
        .iter()
        .map(|rule| rule.id)
        .chain(["rules", "config", "exit-codes"])
        .collect();
    Stop::new(
        Exit::Usage,
        "explain",
        redact::printable(&redact::urls(word)).into_owned(),
        "there is no rule or page of this name",
        match like(word, &known) {
            Some(suggestion) => format!("did you mean {suggestion}?"),
            None => "cargo xtask explain rules lists them".to_owned(),
        },
    )
}
