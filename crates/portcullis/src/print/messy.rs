//! What messy data found in migrations, and where there was none.

use portcullis_model::redact;
use portcullis_test::{EngineReport, MessyReport};
use serde_json::{Value, json};

use super::{QUIET, text};

/// How many rows each table took, and which tables took none.
pub(super) fn as_text(reports: &[EngineReport]) {
    for report in reports {
        for migration in &report.migrations {
            let Some(messy) = &migration.messy else { continue };
            let taken = messy.tables.iter().filter(|table| table.accepted > 0);
            let taken: Vec<String> = taken
                .map(|table| {
                    format!(
                        "{} {}/{}",
                        redact::printable(&table.name),
                        table.accepted,
                        table.offered
                    )
                })
                .collect();
            let bare: Vec<String> =
                messy.not_covered().map(|name| redact::printable(name).into_owned()).collect();
            let place =
                format!("{}, on {}", redact::printable(&migration.directory), report.engine.name());
            if !taken.is_empty() {
                text(&format!("{QUIET}    messy  {place}: {}{QUIET:#}", taken.join(", ")));
            }
            if !bare.is_empty() {
                text(&format!("           {place}: not covered, took no row: {}", bare.join(", ")));
            }
        }
    }
}

pub(super) fn as_json(messy: &MessyReport) -> Value {
    let tables: Vec<Value> = messy
        .tables
        .iter()
        .map(|table| {
            json!({
                "table": table.name, "offered": table.offered, "accepted": table.accepted,
                "covered": table.accepted > 0,
            })
        })
        .collect();
    let problems: Vec<Value> = messy
        .problems
        .iter()
        .map(|problem| json!({ "at": problem.at, "what": problem.what, "next": problem.next_step }))
        .collect();
    json!({ "tables": tables, "problems": problems })
}
