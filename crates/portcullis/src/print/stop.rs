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
            "place": redact::urls(&stop.place),
            "cause": redact::urls(&stop.cause),
            "nextStep": redact::urls(&stop.next_step),
            "notes": stop.notes.iter().map(|note| redact::urls(note)).collect::<Vec<_>>(),
            "findings": stop.findings.as_ref().map(|refused| &refused.findings),
        })),
        Format::Human => error(&human(stop)),
    }
}

fn human(stop: &Stop) -> String {
    let mut out = String::new();
    if let Some(refused) = &stop.findings {
        out.push_str(&portcullis_lint::render::human(refused, true));
        out.push('\n');
    }
    out.push_str(&format!("{BAD}error{BAD:#}: couldn't {}\n", safe(&stop.operation)));
    out.push_str(&format!("  {QUIET}where{QUIET:#}  {}\n", safe(&stop.place)));
    out.push_str(&format!("    {QUIET}why{QUIET:#}  {}\n", safe(&stop.cause)));
    for note in &stop.notes {
        out.push('\n');
        for line in note.trim_end().lines() {
            out.push_str(&safe(line));
            out.push('\n');
        }
    }
    if !stop.notes.is_empty() {
        out.push('\n');
    }
    out.push_str(&format!("   {QUIET}next{QUIET:#}  {}\n", safe(&stop.next_step)));
    out.push_str(&format!(
        "   {QUIET}exit{QUIET:#}  {}, {}\n",
        stop.exit.code(),
        stop.exit.meaning()
    ));
    out
}

/// One line without credentials and without control over the terminal.
fn safe(text: &str) -> String {
    redact::printable(&redact::urls(text)).into_owned()
}

/// Help that was asked for, or what is wrong with the command line.
pub(crate) fn usage(problem: &clap::Error) {
    let rendered = problem.render().ansi().to_string();
    if problem.use_stderr() { error(&redact::urls(&rendered)) } else { super::text(&rendered) }
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

/// A question; the answer is typed behind it.
pub(crate) fn question(text: &str) {
    error(&safe(text));
}

pub(super) fn error(text: &str) {
    let mut err = anstream::stderr().lock();
    let _ = err.write_all(text.as_bytes());
    let _ = err.flush();
}

/// Something to know while one waits.
pub(crate) fn note(what: &str) {
    error(&format!("   {QUIET}note{QUIET:#}  {what}\n"));
}
