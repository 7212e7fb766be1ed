//! Where a database stands, a row a migration.

use portcullis_flow::status::{Row, State, Status, SumState};
use portcullis_model::config::{Config, Target};
use portcullis_model::sum::{Acceptance, Change};
use portcullis_model::{redact, words};
use portcullis_receipt::Receipt;
use serde_json::{Value, json};

use super::drift::drift_json;
use super::{document, text};
use crate::command::{Format, aimed};

/// Which migrations are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rows {
    /// Every one.
    All,
    /// Those that aren't simply applied and unchanged.
    Notable,
}

pub(crate) fn status(
    config: &Config,
    target: &Target,
    status: &Status,
    rows: Rows,
    format: Format,
) {
    match format {
        Format::Json => document(&json(config, target, status)),
        Format::Human => text(&human(config, target, status, rows)),
    }
}

fn human(config: &Config, target: &Target, status: &Status, rows: Rows) -> String {
    let mut lines: Vec<(&str, String)> = Vec::new();
    let place = target.shown_from(&config.root);
    let state = if status.exists { "" } else { ", not made yet" };
    lines.push(("target", format!("{} ({place}{state})", target.name)));
    let is_listed = |row: &&Row| rows == Rows::All || !row.is_settled(&status.sum);
    let settled: Vec<&Row> = status.rows.iter().filter(|row| !is_listed(row)).collect();
    if let Some(newest) = settled.last() {
        lines.push(("applied", format!("{}, up to {}", settled.len(), newest.name)));
    }
    for row in status.rows.iter().filter(is_listed) {
        lines.push((word(row.state), format!("{}{}", row.name, remark(row, status))));
    }
    match &status.sum {
        SumState::Read => {}
        SumState::None => lines.push((
            "accepted",
            "there is no migrations.sum: every migration is a draft".to_owned(),
        )),
        SumState::Broken(why, _) => {
            lines.push(("accepted", format!("migrations.sum can't be read: {why}")))
        }
    }
    lines.extend(status.stranger.iter().map(|why| ("identity", why.clone())));
    lines.extend(status.drift.words().into_iter().map(|word| ("drift", word)));
    if status.open_runs > 0 {
        let runs = words::count(status.open_runs, "run");
        lines.push(("open", format!("{runs} without a receipt: at work, or died")));
    }
    lines.extend(status.last.as_ref().map(|receipt| ("receipt", last(receipt))));
    for file in status.schema_files.iter().filter(|file| !file.behind.is_empty()) {
        let behind = file.behind.join("; ");
        lines.push(("schema", format!("{} is behind: {behind}", redact::path(&file.file))));
    }
    if !status.others.is_empty() {
        // The gate is the only way only where there are none.
        lines.push(("around", format!("may change the schema too: {}", status.others.join(", "))));
    }
    lines.push(("next", aimed(config, target, &status.next_step())));
    lines.iter().map(|(name, value)| format!("{name:>9}  {}\n", redact::printable(value))).collect()
}

fn word(state: State) -> &'static str {
    match state {
        State::Applied => "applied",
        State::Pending => "pending",
        State::OutOfOrder => "too early",
        State::Edited => "edited",
        State::Missing => "gone",
        State::Foreign => "foreign",
    }
}

/// What the word leaves out.
fn remark(row: &Row, status: &Status) -> String {
    let mut remarks = Vec::new();
    match row.state {
        State::OutOfOrder => remarks.push("not applied, but it sorts before one that is"),
        State::Edited => remarks.push("edited after it was applied"),
        State::Missing => remarks.push("applied, but not on disk any more"),
        State::Foreign => remarks.push("applied by something else than the gate"),
        State::Applied | State::Pending => {}
    }
    if status.sum == SumState::Read {
        remarks.extend(row.acceptance.and_then(acceptance));
    }
    remarks.iter().map(|remark| format!(", {remark}")).collect()
}

fn acceptance(acceptance: Acceptance) -> Option<&'static str> {
    match acceptance {
        Acceptance::Accepted => None,
        Acceptance::Draft => Some("draft"),
        Acceptance::Changed(Change::Comments) => Some("comments changed since it was accepted"),
        Acceptance::Changed(_) => Some("changed since it was accepted"),
    }
}

pub(super) fn last(receipt: &Receipt) -> String {
    let predicate = &receipt.predicate;
    let outcome = &predicate.outcome;
    format!(
        "number {}, {}, {}: {} (exit {})",
        predicate.facts.sequence,
        predicate.facts.finished,
        predicate.facts.action.name(),
        outcome.state,
        outcome.code
    )
}

fn json(config: &Config, target: &Target, status: &Status) -> Value {
    let row = |row: &Row| {
        let acceptance = row.acceptance.map(|acceptance| match acceptance {
            Acceptance::Draft => "draft",
            Acceptance::Accepted => "accepted",
            Acceptance::Changed(_) => "changed",
        });
        json!({
            "version": row.version, "name": row.name, "state": row.state, "acceptance": acceptance,
        })
    };
    let last = status.last.as_ref().map(|receipt| {
        let predicate = &receipt.predicate;
        json!({
            "number": predicate.facts.sequence, "finished": predicate.facts.finished,
            "action": predicate.facts.action, "code": predicate.outcome.code,
            "state": predicate.outcome.state,
        })
    });
    let sum = match &status.sum {
        SumState::Read => json!({ "state": "read" }),
        SumState::None => json!({ "state": "none" }),
        SumState::Broken(why, _) => json!({ "state": "broken", "cause": why }),
    };
    json!({
        "target": target.name, "exists": status.exists, "protected": status.protected,
        "migrations": status.rows.iter().map(row).collect::<Vec<_>>(),
        "sum": sum, "stranger": status.stranger, "drift": drift_json(&status.drift),
        "openRuns": status.open_runs, "lastReceipt": last, "othersWhoMayChange": status.others, "schemaFiles": status.schema_files,
        "nextStep": aimed(config, target, &status.next_step()),
    })
}
