//! Everything that people and programs read. Nothing else prints.

mod bars;
mod cases;
mod daily;
mod doctor;
mod drift;
mod field;
mod findings;
mod junit;
mod lists;
mod messy;
mod recovered;
mod stages;
mod status;
mod stop;
mod target;
mod workspace;

use std::io::Write as _;

use anstyle::{AnsiColor, Style};
use portcullis_database::VerifiedBackup;
use portcullis_flow::Estimate;
use portcullis_model::config::Target;
use portcullis_model::exit::Exit;
use portcullis_model::plan::{Direction, Plan, SegmentKind};
use portcullis_model::{redact, words};
use serde_json::json;

use crate::command::Format;

pub(crate) use bars::Bars;
pub(crate) use cases::{cases, problems};
pub(crate) use daily::LOOP;
pub(crate) use doctor::diagnosis;
pub(crate) use drift::drift;
pub(crate) use field::field;
pub(crate) use findings::{findings, history_is_unknown};
pub(crate) use junit::{field_junit, junit};
pub(crate) use lists::{backups, drilled, receipt, receipts, verified};
pub(crate) use recovered::recovered;
pub(crate) use stages::{Silent, Stages};
pub(crate) use status::{Rows, status};
pub(crate) use stop::{bug, note, question, stop, usage};
pub(crate) use target::{database_met, server_shown};
pub(crate) use workspace::{accepted, created, rebased};

/// A record that was filed, as the flow hands it up.
type Filed = portcullis_flow::Filed;

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const QUIET: Style = Style::new().dimmed();

/// Writes to standard output. A reader that went away is no error: there is nobody left
/// to tell.
pub(crate) fn text(text: &str) {
    let mut out = anstream::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    if !text.ends_with('\n') {
        let _ = out.write_all(b"\n");
    }
    let _ = out.flush();
}

fn document(value: &serde_json::Value) {
    text(&serde_json::to_string_pretty(value).unwrap_or_default());
}

pub(crate) fn up_to_date(target: &Target, version: Option<&str>, format: Format) {
    match format {
        Format::Json => {
            document(&json!({ "upToDate": true, "target": target.name, "version": version }))
        }
        Format::Human => {
            let at = version.map_or_else(
                || "no migration is applied".to_owned(),
                |version| format!("at version {version}"),
            );
            text(&format!(
                "{GOOD}{:>9}{GOOD:#}  {} is up to date, {}",
                "done",
                target.name,
                redact::printable(&at)
            ));
        }
    }
}

pub(crate) fn nothing_to_redo(target: &Target, pending: usize, format: Format) {
    if format == Format::Json {
        return document(
            &json!({ "nothingToRedo": true, "target": target.name, "pending": pending }),
        );
    }
    let mut line = format!(
        "{GOOD}{:>9}{GOOD:#}  nothing to redo: what is applied to {} is as it is on disk",
        "done", target.name
    );
    if pending > 0 {
        let pending = words::count(pending, "migration");
        line.push_str(&format!("; {pending} to apply (cargo xtask migrate)"));
    }
    text(&line);
}

pub(crate) fn filed(filed: &Filed, format: Format) {
    match format {
        Format::Json => text(&filed.receipt.to_bytes().unwrap_or_default()),
        Format::Human => {
            let predicate = &filed.receipt.predicate;
            let state = redact::printable(&predicate.outcome.state);
            text(&format!(
                "{GOOD}{:>9}{GOOD:#}  {} is {state}",
                "done", predicate.facts.target.name
            ));
        }
    }
}

/// One line of what was done.
pub(crate) fn done(what: &str) {
    text(&format!("{GOOD}{:>9}{GOOD:#}  {what}", "done"));
}

pub(crate) fn backup(backup: &VerifiedBackup, format: Format) {
    match format {
        Format::Json => {
            document(&json!({ "file": redact::path(backup.path()), "sidecar": backup.sidecar() }))
        }
        Format::Human => {
            text(&format!("{GOOD}{:>9}{GOOD:#}  {}", "done", redact::path(backup.path())))
        }
    }
}

pub(crate) fn plan(target: &Target, plan: &Plan, estimate: &Estimate, format: Format) {
    if format == Format::Json {
        let segments: Vec<_> = plan.segments.iter().map(segment_json).collect();
        return document(&json!({
            "target": target.name, "from": plan.from, "to": plan.to, "direction": plan.direction,
            "digest": plan.digest(), "segments": segments, "estimate": estimate,
        }));
    }
    if plan.is_empty() {
        return up_to_date(target, plan.to.as_deref(), format);
    }
    let mut out = String::new();
    for (index, segment) in plan.segments.iter().enumerate() {
        let kind = match segment.kind {
            SegmentKind::Transaction => "one transaction",
            SegmentKind::Rebuild => {
                "one transaction, foreign keys off and checked before the commit"
            }
            SegmentKind::NoTransaction => "without a transaction; only the backup can undo it",
        };
        out.push_str(&format!("{QUIET}segment {}: {kind}{QUIET:#}\n", index + 1));
        for step in &segment.steps {
            let way = match step.direction {
                Direction::Up => "up",
                Direction::Down => "down",
            };
            out.push_str(&format!("  {way:>4}  {}\n", redact::printable(&step.directory)));
        }
    }
    out.push_str(&format!(
        "{QUIET}backup: {} ({} free), about {}{}{QUIET:#}\n",
        words::bytes(estimate.backup_bytes),
        words::bytes(estimate.backup_free_bytes),
        words::duration(estimate.backup_time().max(std::time::Duration::from_secs(1))),
        if estimate.large { ", before the write lock" } else { ", while other writers wait" },
    ));
    if let Some(proof) = &estimate.backup_proof {
        out.push_str(&format!("{QUIET}proof: {}{QUIET:#}\n", redact::printable(proof)));
    }
    out.push_str(&format!(
        "{} would run, nothing was written",
        words::count(plan.steps().count(), "migration")
    ));
    text(&out);
}

fn segment_json(segment: &portcullis_model::plan::Segment) -> serde_json::Value {
    let steps: Vec<_> = segment
        .steps
        .iter()
        .map(|step| {
            json!({
                "version": step.version, "directory": step.directory,
                "direction": step.direction, "fingerprint": step.fingerprint,
            })
        })
        .collect();
    json!({ "kind": segment.kind, "steps": steps })
}

/// Every rule with its summary, one a line.
pub(crate) fn rules() -> String {
    let width = portcullis_lint::RULES.iter().map(|rule| rule.id.len()).max().unwrap_or(0);
    portcullis_lint::RULES
        .iter()
        .map(|rule| format!("{:width$}  {:7}  {}\n", rule.id, rule.severity.name(), rule.summary))
        .collect()
}

/// Every exit code with its meaning.
pub(crate) fn exit_codes() -> String {
    Exit::ALL.iter().map(|exit| format!("{:>3}  {}\n", exit.code(), exit.meaning())).collect()
}
