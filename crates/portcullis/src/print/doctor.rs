//! The technician's page.

use portcullis_flow::doctor::{Condition, Diagnosis, Examined, Health, Source};
use portcullis_model::config::{Config, Target};
use portcullis_model::exit::Exit;
use portcullis_model::{redact, words};
use serde_json::{Value, json};

use super::status::last;
use super::{BAD, GOOD, QUIET, document, text};
use crate::command::{Format, aimed};

/// How many backups are listed.
const LISTED: usize = 10;

pub(crate) fn diagnosis(config: &Config, target: &Target, found: &Diagnosis, format: Format) {
    match format {
        Format::Json => document(&as_json(config, target, found)),
        Format::Human => as_text(config, target, found),
    }
}

fn as_text(config: &Config, target: &Target, found: &Diagnosis) {
    line("target", &format!("{} ({})", target.name, target.shown_from(&config.root)));
    let (state, details) = words_of(&found.condition);
    let color = if found.exit() == Exit::Done { GOOD } else { BAD };
    text(&format!("{color}{:>9}{color:#}  {}", "database", redact::printable(state)));
    details.iter().for_each(|detail| line("", detail));
    match &found.last {
        Some((receipt, source)) => {
            let source = if *source == Source::File { " (from its file)" } else { "" };
            line("last run", &format!("{}{source}", last(receipt)));
            if let Some(failure) = &receipt.predicate.outcome.failure {
                line("", &format!("{}: {}", failure.operation, failure.cause));
            }
        }
        None => line("last run", "none is recorded here"),
    }
    backups(target, found);
    for step in found.next_steps() {
        line("next", &aimed(config, target, &step));
    }
    if found.exit() == Exit::Done && found.next_steps().is_empty() {
        line("next", "nothing: nobody is needed");
    }
}

fn line(name: &str, words: &str) {
    text(&format!("{name:>9}  {}", redact::printable(words)));
}

fn backups(target: &Target, found: &Diagnosis) {
    let place = redact::path(&target.backups);
    if let Some(why) = &found.backups_unreadable {
        return line("backups", &format!("can't be listed: {why}"));
    }
    if found.backups.is_empty() {
        return line("backups", &format!("none in {place}"));
    }
    line("backups", &format!("{} in {place}", found.backups.len()));
    for one in found.backups.iter().take(LISTED) {
        text(&format!("{:9}  {}", "", told(one)));
    }
    if let Some(more) = found.backups.len().checked_sub(LISTED).filter(|more| *more > 0) {
        line("", &format!("and {more} older ones: cargo xtask backup list"));
    }
}

/// A backup, and how it is.
pub(super) fn told(one: &Examined) -> String {
    let (color, health) = match &one.health {
        Health::Good => (GOOD, "good".to_owned()),
        Health::Bad(why) => (BAD, format!("BAD: {why}")),
        Health::Unread => (QUIET, "not read; --all reads it".to_owned()),
    };
    format!("{}: {color}{}{color:#}", about(one), redact::printable(&health))
}

pub(super) fn examined(one: &Examined) -> Value {
    let (health, why) = match &one.health {
        Health::Good => ("good", None),
        Health::Bad(why) => ("bad", Some(why)),
        Health::Unread => ("unread", None),
    };
    json!({
        "file": redact::path(&one.path), "health": health, "cause": why, "sidecar": one.sidecar,
    })
}

/// Its name, when it was taken, how large it is, and at which version.
fn about(one: &Examined) -> String {
    let name = one.path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let version = one.sidecar.applied.last().map_or("-", String::as_str);
    let said = format!(
        "{name}, {}, {}, version {version}",
        one.sidecar.created,
        words::bytes(one.sidecar.bytes)
    );
    redact::printable(&said).into_owned()
}

/// The state in a line, and what is to be said of it.
fn words_of(condition: &Condition) -> (&'static str, Vec<String>) {
    match condition {
        Condition::Well { version, unread } => {
            let at = version.as_deref().map_or("no migration is applied".to_owned(), |version| {
                format!("at version {version}")
            });
            let mut details = vec![at];
            if *unread {
                let why = "it is larger than hold-writes-max: its rows weren't all read";
                details.push(why.to_owned());
            }
            ("well: as its last run left it", details)
        }
        Condition::New => ("not made yet", Vec::new()),
        Condition::Missing => ("GONE: there is none at this place", Vec::new()),
        Condition::Unreachable(why, _) => ("can't be asked now", vec![why.clone()]),
        Condition::Unreadable(why) => {
            ("DAMAGED: it can't be read as a database", vec![why.clone()])
        }
        Condition::Stranger(why) => ("another one, it seems", vec![why.clone()]),
        Condition::Damaged(faults) => ("DAMAGED: it isn't what was written", faults.clone()),
        Condition::Faulty(faults) => ("with faults: something in it can't be used", faults.clone()),
        Condition::Open(runs) => {
            let runs = words::count(*runs, "run");
            ("a run is at work, or died", vec![format!("{runs} without a receipt")])
        }
        Condition::Drifted(words) => ("changed by something else than the gate", words.clone()),
    }
}

fn as_json(config: &Config, target: &Target, found: &Diagnosis) -> Value {
    let state = match &found.condition {
        Condition::Well { .. } => "well",
        Condition::New => "new",
        Condition::Missing => "missing",
        Condition::Unreachable(..) => "unreachable",
        Condition::Unreadable(_) => "unreadable",
        Condition::Stranger(_) => "stranger",
        Condition::Damaged(_) => "damaged",
        Condition::Faulty(_) => "faulty",
        Condition::Open(_) => "open-runs",
        Condition::Drifted(_) => "drifted",
    };
    let next = found.next_steps();
    json!({
        "code": found.exit().code(), "target": target.name, "state": state,
        "details": words_of(&found.condition).1,
        "lastReceipt": found.last.as_ref().map(|(receipt, _)| receipt),
        "lastReceiptFrom": found.last.as_ref().map(|(_, source)| match source {
            Source::Database => "database",
            Source::File => "file",
        }),
        "backups": found.backups.iter().map(examined).collect::<Vec<_>>(),
        "backupsUnreadable": found.backups_unreadable,
        "steps": found.steps.as_deref().map(redact::path),
        "next": next.iter().map(|step| aimed(config, target, step)).collect::<Vec<_>>(),
    })
}
