//! Tables of backups and receipts.

use std::path::{Path, PathBuf};

use comfy_table::{Table, presets};
use portcullis_database::drill::Drilled;
use portcullis_database::seam::StoredReceipt;
use portcullis_database::{Sidecar, VerifiedBackup};
use portcullis_flow::doctor::{Examined, Health};
use portcullis_model::config::Target;
use portcullis_model::exit::Exit;
use portcullis_model::plan::Direction;
use portcullis_model::smoke::{Check, Verdict};
use portcullis_model::{redact, words};
use portcullis_receipt::Receipt;
use serde_json::json;

use super::doctor::{examined, told};
use super::{BAD, GOOD, document, text};
use crate::command::Format;

pub(crate) fn backups(
    backups: &[(PathBuf, Sidecar)],
    target: &Target,
    place: &Path,
    format: Format,
) {
    if format == Format::Json {
        let all: Vec<_> = backups
            .iter()
            .map(|(path, sidecar)| json!({ "file": redact::path(path), "sidecar": sidecar }))
            .collect();
        return document(&json!({ "target": target.name, "backups": all }));
    }
    if backups.is_empty() {
        return text(&format!("{} has no backups in {}", target.name, redact::path(place)));
    }
    let mut table = table(["backup", "taken", "size", "version", "sha256"]);
    for (path, sidecar) in backups {
        table.add_row([
            path.file_name()
                .map(|name| redact::printable(&name.to_string_lossy()).into_owned())
                .unwrap_or_default(),
            sidecar.created.clone(),
            words::bytes(sidecar.bytes),
            redact::printable(sidecar.applied.last().map_or("-", String::as_str)).into_owned(),
            sidecar.sha256.short(),
        ]);
    }
    text(&format!("{table}\n\nin {}", redact::path(place)));
}

pub(crate) fn verified(all: &[Examined], target: &Target, place: &Path, format: Format) {
    let bad = all.iter().filter(|one| matches!(one.health, Health::Bad(_))).count();
    if format == Format::Json {
        let backups: Vec<_> = all.iter().map(examined).collect();
        let exit = if bad == 0 { Exit::Done } else { Exit::Refused };
        return document(
            &json!({ "code": exit.code(), "target": target.name, "backups": backups }),
        );
    }
    for one in all {
        text(&format!("{:>9}  {}", "backup", told(one)));
    }
    let (color, word) = if bad == 0 { (GOOD, "done") } else { (BAD, "failed") };
    let number = words::count(all.len(), "backup");
    let place = redact::path(place);
    text(&format!("{color}{word:>9}{color:#}  {number} of {} in {place}, {bad} bad", target.name));
}

pub(crate) fn drilled(backup: &VerifiedBackup, drilled: Drilled, format: Format) {
    let file = redact::path(backup.path());
    if format == Format::Json {
        return document(&json!({
            "code": Exit::Done.code(), "file": file, "tables": drilled.tables,
            "rows": drilled.rows, "sidecar": backup.sidecar(),
        }));
    }
    text(&format!("{GOOD}{:>9}{GOOD:#}  {file} comes back as it was", "done"));
}

pub(crate) fn receipts(receipts: &[(StoredReceipt, Receipt)], target: &Target, format: Format) {
    if format == Format::Json {
        let all: Vec<_> = receipts.iter().map(|(_, receipt)| receipt).collect();
        return document(&json!({ "target": target.name, "receipts": all }));
    }
    if receipts.is_empty() {
        return text(&format!("{} has no receipts", target.name));
    }
    let mut table = table(["number", "finished", "action", "exit", "to version", "who", "reason"]);
    for (stored, receipt) in receipts {
        let facts = &receipt.predicate.facts;
        table.add_row([
            stored.link.sequence.to_string(),
            facts.finished.clone(),
            facts.action.name().to_owned(),
            receipt.predicate.outcome.code.to_string(),
            redact::printable(facts.set.to.as_deref().unwrap_or("-")).into_owned(),
            redact::printable(&facts.who.user).into_owned(),
            redact::printable(facts.reason.as_deref().unwrap_or_default()).into_owned(),
        ]);
    }
    text(&table.to_string());
}

fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    table
}

pub(crate) fn receipt(stored: &StoredReceipt, receipt: &Receipt, format: Format) {
    if format == Format::Json {
        // The very bytes that were filed.
        return text(&stored.body);
    }
    text(&human(stored, receipt));
}

fn human(stored: &StoredReceipt, receipt: &Receipt) -> String {
    let facts = &receipt.predicate.facts;
    let outcome = &receipt.predicate.outcome;
    let mut lines: Vec<(&str, String)> = vec![
        ("receipt", format!("number {}, sha256 {}", stored.link.sequence, stored.link.digest)),
        (
            "outcome",
            format!(
                "{} (exit {}): {}",
                if outcome.code == 0 { "done" } else { "not done" },
                outcome.code,
                outcome.state
            ),
        ),
    ];
    if let Some(failure) = &outcome.failure {
        lines.push((
            "failure",
            format!("{}: {}: {}", failure.operation, failure.place, failure.cause),
        ));
    }
    lines.extend(outcome.undo.clone().map(|undo| ("undo", undo)));
    lines.push((
        "run",
        format!("{} {}, {} to {}", facts.action.name(), facts.run, facts.started, facts.finished),
    ));
    lines.extend(facts.reason.clone().map(|reason| ("reason", reason)));
    lines.push((
        "who",
        format!(
            "{} on {}, {} {}",
            facts.who.user, facts.who.host, facts.tool.name, facts.tool.version
        ),
    ));
    lines.extend(facts.commit.as_ref().map(|commit| {
        (
            "commit",
            format!(
                "{}{}",
                commit.revision,
                if commit.dirty { ", with uncommitted changes" } else { "" }
            ),
        )
    }));
    let target = &facts.target;
    lines.push((
        "target",
        format!(
            "{}: {} {}, {}, identity {}",
            target.name, target.engine, target.engine_version, target.place, target.identity
        ),
    ));
    for migration in &facts.migrations {
        let way = match migration.direction {
            Direction::Up => "up",
            Direction::Down => "down",
        };
        let stands = if migration.stands { "" } else { ", undone" };
        let tested = migration.tested.map(|tested| format!(", tested: {}", tested.words()));
        lines.push((
            "migration",
            format!(
                "{way} {} {}{stands}{}",
                migration.directory,
                migration.fingerprint.short(),
                tested.unwrap_or_default()
            ),
        ));
    }
    if !facts.set.accepted_by_nobody.is_empty() {
        lines.push((
            "before",
            format!(
                "{}, accepted by nobody",
                words::count(facts.set.accepted_by_nobody.len(), "version")
            ),
        ));
    }
    lines.extend(
        facts
            .lint
            .allowed
            .iter()
            .map(|one| ("allowed", format!("{} in {}: {}", one.rule, one.migration, one.reason))),
    );
    lines.extend(facts.drift.iter().map(|object| ("taken", format!("{object}, as it was found"))));
    lines.push((
        "schema",
        format!("{} → {}", facts.schema_before.short(), facts.schema_after.short()),
    ));
    for (name, backup) in [("backup", &facts.backup), ("restored", &facts.restored_from)] {
        lines.extend(backup.as_ref().map(|backup| {
            (
                name,
                format!(
                    "{}, {}, sha256 {}",
                    backup.file,
                    words::bytes(backup.bytes),
                    backup.sha256.short()
                ),
            )
        }));
    }
    lines.extend(
        receipt.predicate.smoke_after_commit.iter().map(|check| ("smoke", describe(check))),
    );
    lines.iter().map(|(name, value)| format!("{name:>9}  {}\n", redact::printable(value))).collect()
}

fn describe(check: &Check) -> String {
    match &check.verdict {
        Verdict::Passed => check.name.clone(),
        Verdict::Noted(detail) | Verdict::Skipped(detail) => format!("{}: {detail}", check.name),
        Verdict::Failed(detail) => format!("{}: FAILED: {detail}", check.name),
    }
}
