//! The stages of a run in words, each on one line.

use std::path::Path;

use portcullis_database::VerifiedBackup;
use portcullis_model::plan::{Direction, Plan};
use portcullis_model::redact;
use portcullis_model::words::{bytes, count};
use portcullis_receipt::{Action, Arrival, Facts, FewerRows, MigrationFacts};

use crate::record::Filed;
use crate::stage::Locked;

pub(crate) fn plan(plan: &Plan, locked: &Locked) -> String {
    let unknown = locked.survey.applied.iter().filter(|applied| applied.noted.is_none()).count();
    let mut text = if plan.is_empty() {
        "no migration to run".to_owned()
    } else {
        format!("{}, in {}", ways(plan), count(plan.segments.len(), "segment"))
    };
    if locked.arrival == Arrival::Enrolled && unknown > 0 {
        text.push_str(&format!("; {unknown} applied before, accepted by nobody"));
    }
    if !locked.drift.is_empty() {
        text.push_str(&format!("; {} taken as they are", count(locked.drift.len(), "object")));
    }
    text
}

fn ways(plan: &Plan) -> String {
    match (plan.count(Direction::Down), plan.count(Direction::Up)) {
        (0, up) => format!("{} up", count(up, "migration")),
        (down, 0) => format!("{} down", count(down, "migration")),
        (down, up) => format!("{} down and {up} up", count(down, "migration")),
    }
}

pub(crate) fn backup(backup: &VerifiedBackup, root: &Path) -> String {
    let shown = backup.path().strip_prefix(root).unwrap_or(backup.path());
    format!("{}, read back and verified, {}", bytes(backup.sidecar().bytes), redact::path(shown))
}

pub(crate) fn applied(facts: &Facts) -> String {
    let mut text =
        format!("{}, smoke-tested before each commit", count(facts.migrations.len(), "migration"));
    let of = |direction: Option<Direction>| {
        let meant =
            move |one: &&MigrationFacts| direction.is_none_or(|wanted| one.direction == wanted);
        facts.migrations.iter().filter(meant).flat_map(|migration| &migration.fewer_rows)
    };
    // What a redo has undone it may have brought back: what was there before is what counts.
    let undone = facts.action == Action::Redo;
    let fewer: Vec<String> = of(undone.then_some(Direction::Up)).map(fewer_rows).collect();
    if !fewer.is_empty() {
        text.push_str(&format!("; {}", fewer.join(", ")));
    }
    let held: Vec<String> = of(Some(Direction::Down))
        .filter(|_| undone)
        .map(|fewer| format!("{} {}", redact::printable(&fewer.table), fewer.before))
        .collect();
    if !held.is_empty() {
        text.push_str(&format!(
            "; what was undone held rows ({}): the backup has them",
            held.join(", ")
        ));
    }
    text
}

fn fewer_rows(fewer: &FewerRows) -> String {
    let table = redact::printable(&fewer.table);
    let before =
        if fewer.before == 1 { "1 row".to_owned() } else { format!("{} rows", fewer.before) };
    match fewer.after {
        Some(after) => format!("{table}: {before}, {after} now"),
        None => format!("{table}: {before}, and the table is gone"),
    }
}

pub(crate) fn receipt(filed: &Filed, root: &Path) -> String {
    let file = filed.file.as_deref().map(|file| file.strip_prefix(root).unwrap_or(file));
    let file = file.map(redact::path).unwrap_or_default();
    format!("number {}, sha256 {}, {file}", filed.link.sequence, filed.link.digest.short())
}
