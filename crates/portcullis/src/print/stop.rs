//! Why a command stopped: operation, place, cause, next step.

use std::io::Write as _;

use portcullis_flow::Stop;
use portcullis_model::redact;
use serde_json::json;

use super::{BAD, QUIET};
use crate::command::Format;

pub(crate) fn stop(stop: &Stop, format: Format) {
    match format {
        Format::Json => super::document(&json!({
            "exit": stop.exit,
            "code": stop.exit.code(),
            "operation": stop.operation,
            "place": stop.place,
            "cause": redact::urls(&stop.cause),
            "nextStep": stop.next_step,
            "notes": stop.notes,
            "findings": stop.findings.as_ref().map(|refused| &refused.1),
        })),
        Format::Human => error(&human(stop)),
    }
}

fn human(stop: &Stop) -> String {
    let mut out = String::new();
    if let Some(refused) = &stop.findings {
        out.push_str(&portcullis_lint::render::human(&refused.1, &refused.0, true));
        out.push('\n');
    }
    out.push_str(&format!("{BAD}error{BAD:#}: couldn't {}\n", redact::printable(&stop.operation)));
    out.push_str(&format!("  {QUIET}where{QUIET:#}  {}\n", redact::printable(&stop.place)));
    out.push_str(&format!(
        "    {QUIET}why{QUIET:#}  {}\n",
        redact::printable(&redact::urls(&stop.cause))
    ));
    for note in &stop.notes {
        out.push('\n');
        out.push_str(note.trim_end());
        out.push('\n');
    }
    if !stop.notes.is_empty() {
        out.push('\n');
    }
    out.push_str(&format!("   {QUIET}next{QUIET:#}  {}\n", redact::printable(&stop.next_step)));
    out.push_str(&format!(
        "   {QUIET}exit{QUIET:#}  {}, {}\n",
        stop.exit.code(),
        stop.exit.meaning()
    ));
    out
}

/// A bug of ours, in one line.
pub(crate) fn bug(what: &str) {
    let state = if portcullis_flow::has_begun() {
        "a run had begun: the next cargo xtask migrate finds out how far it got"
    } else {
        "no database was changed"
    };
    let what = redact::printable(&redact::urls(what)).into_owned();
    error(&format!(
        "{BAD}internal error{BAD:#}: {what}\n   {QUIET}next{QUIET:#}  please report this; {state}\n"
    ));
}

fn error(text: &str) {
    let mut err = anstream::stderr().lock();
    let _ = err.write_all(text.as_bytes());
    let _ = err.flush();
}
