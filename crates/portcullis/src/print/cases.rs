//! What the tests of migrations found.

use comfy_table::{Table, presets};
use portcullis_model::exit::Exit;
use portcullis_model::{redact, words};
use portcullis_test::{EngineReport, Problem};
use serde_json::{Value, json};

use super::{BAD, GOOD, QUIET, document, text};
use crate::command::Format;

pub(crate) fn cases(reports: &[EngineReport], format: Format) {
    match format {
        Format::Json => document(&as_json(reports)),
        Format::Human => as_text(reports),
    }
}

fn as_text(reports: &[EngineReport]) {
    for report in reports {
        for problem in report.problems() {
            text(&format!(
                "{BAD}{:>9}{BAD:#}  {}, on {}",
                "failed",
                redact::printable(&problem.at),
                report.engine.name()
            ));
            for line in problem.what.lines() {
                text(&format!("           {}", redact::printable(line)));
            }
            text(&format!(
                "{QUIET}     next  {}{QUIET:#}\n",
                redact::printable(&problem.next_step)
            ));
        }
    }
    super::messy::as_text(reports);
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "engine",
        "migrations",
        "cases",
        "records",
        "up·down·up",
        "messy rows",
        "failed",
        "took",
    ]);
    for report in reports {
        table.add_row([
            report.engine.name().to_owned(),
            report.migrations.len().to_string(),
            report.cases().to_string(),
            report.records().to_string(),
            report.round_trips().to_string(),
            report.messy_rows().to_string(),
            report.problems().count().to_string(),
            words::duration(report.took),
        ]);
    }
    text(&table.to_string());
    let failed: usize = reports.iter().map(|report| report.problems().count()).sum();
    let (color, word, what) = match failed {
        0 => (GOOD, "done", "every case holds".to_owned()),
        _ => (BAD, "failed", words::count(failed, "problem")),
    };
    text(&format!("{color}{word:>9}{color:#}  {what}"));
}

fn as_json(reports: &[EngineReport]) -> Value {
    let problem = |problem: &Problem| json!({ "at": problem.at, "what": problem.what, "next": problem.next_step });
    let failed = reports.iter().any(|report| report.problems().next().is_some());
    let engines: Vec<Value> = reports
        .iter()
        .map(|report| {
            let migrations: Vec<Value> = report
                .migrations
                .iter()
                .map(|migration| {
                    let cases: Vec<Value> = migration
                        .cases
                        .iter()
                        .map(|case| {
                            json!({
                                "name": case.name,
                                "records": case.outcome.as_ref().ok(),
                                "problem": case.outcome.as_ref().err().map(problem),
                                "milliseconds": case.took.as_millis() as u64,
                            })
                        })
                        .collect();
                    json!({
                        "migration": migration.directory, "cases": cases,
                        "roundTrip": migration.round_trip.as_ref().map(|trip| match trip {
                            Ok(trip) => json!({ "orderOnly": trip.order_only, "rows": trip.rows }),
                            Err(found) => json!({ "problem": problem(found) }),
                        }),
                        "messy": migration.messy.as_ref().map(super::messy::as_json),
                        "problems": migration.problems.iter().map(problem).collect::<Vec<_>>(),
                    })
                })
                .collect();
            json!({
                "engine": report.engine.name(), "migrations": migrations,
                "stopped": report.stopped.as_ref().map(problem),
                "milliseconds": report.took.as_millis() as u64,
            })
        })
        .collect();
    let exit = if failed { Exit::Refused } else { Exit::Done };
    json!({ "code": exit.code(), "engines": engines })
}
