//! What real data found in the pending migrations: counts and names, no value.

use comfy_table::{Table, presets};
use portcullis_database::VerifiedBackup;
use portcullis_model::exit::Exit;
use portcullis_model::redact;
use portcullis_model::words::{count, duration};
use portcullis_test::{FieldMigration, FieldReport, Found};
use serde_json::{Value, json};

use super::cases::{of_problem, problem};
use super::{BAD, GOOD, document, text};
use crate::command::Format;

pub(crate) fn field(report: &FieldReport, backup: &VerifiedBackup, format: Format) {
    match format {
        Format::Json => document(&as_json(report, backup)),
        Format::Human => as_text(report, backup),
    }
}

fn as_text(report: &FieldReport, backup: &VerifiedBackup) {
    let failed = report.problems().count();
    for found in report.problems() {
        problem(&Found { problem: found, engines: Vec::new(), cases: Vec::new() });
    }
    for migration in &report.migrations {
        let directory = redact::printable(&migration.directory);
        for open in &migration.not_judged {
            text(&format!("{:9}  {directory}: not judged: {}", "", redact::printable(open)));
        }
    }
    let bare: Vec<_> = report.without_rows().map(redact::printable).collect();
    if !bare.is_empty() {
        text(&format!("{:>9}  {}", "no rows", bare.join(", ")));
    }
    if !report.not_tried.is_empty() {
        let names: Vec<_> = report.not_tried.iter().map(|name| redact::printable(name)).collect();
        text(&format!("{:>9}  {}", "not tried", names.join(", ")));
    }
    if !report.migrations.is_empty() {
        text(&table(&report.migrations));
    }
    let (color, word, what) = match (failed, report.migrations.len()) {
        (0, 0) => {
            let applied = backup.sidecar().applied.len();
            let are = if applied == 1 { "is" } else { "are" };
            let applied = count(applied, "migration");
            let what = format!("nothing is pending on this backup: {applied} {are} applied");
            (GOOD, "done", what)
        }
        (0, held) => (GOOD, "done", format!("this data survives {}", count(held, "migration"))),
        (failed, _) => (BAD, "failed", count(failed, "problem")),
    };
    text(&format!("{color}{word:>9}{color:#}  {what}"));
}

fn table(migrations: &[FieldMigration]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["migration", "rows", "came back", "failed", "up took", "took"]);
    for migration in migrations {
        table.add_row([
            redact::printable(&migration.directory).into_owned(),
            migration.rows.to_string(),
            migration.back.name().to_owned(),
            migration.problems.len().to_string(),
            duration(migration.up_took),
            duration(migration.took),
        ]);
    }
    let table = table.to_string();
    let lines: Vec<&str> = table.lines().map(str::trim_end).collect();
    lines.join("\n")
}

fn as_json(report: &FieldReport, backup: &VerifiedBackup) -> Value {
    let exit = if report.problems().next().is_none() { Exit::Done } else { Exit::Refused };
    let sidecar = backup.sidecar();
    let tables = report.tables.iter();
    let tables = tables.map(|table| json!({ "table": table.name, "rows": table.rows }));
    json!({
        "code": exit.code(),
        "engine": report.engine.name(),
        "backup": {
            "file": redact::path(backup.path()), "target": sidecar.target,
            "created": sidecar.created, "bytes": sidecar.bytes, "applied": sidecar.applied,
        },
        "rows": report.rows(),
        "tables": tables.collect::<Vec<_>>(),
        "migrations": report.migrations.iter().map(of_migration).collect::<Vec<_>>(),
        "notTried": report.not_tried,
        "milliseconds": report.took.as_millis() as u64,
    })
}

fn of_migration(migration: &FieldMigration) -> Value {
    json!({
        "migration": migration.directory,
        "rows": migration.rows,
        "cameBack": migration.back.name(),
        "notJudged": migration.not_judged,
        "problems": migration.problems.iter().map(of_problem).collect::<Vec<_>>(),
        "upMilliseconds": migration.up_took.as_millis() as u64,
        "milliseconds": migration.took.as_millis() as u64,
    })
}
