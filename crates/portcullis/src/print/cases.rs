//! What the tests of migrations found.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anstyle::Style;
use comfy_table::{Table, presets};
use portcullis_model::exit::Exit;
use portcullis_model::{redact, words};
use portcullis_test::{EngineReport, Outcome, Problem};
use serde_json::{Value, json};

use super::{BAD, GOOD, QUIET, document, text};
use crate::command::Format;

pub(crate) fn cases(reports: &[EngineReport], format: Format) {
    match format {
        Format::Json => document(&as_json(reports)),
        Format::Human => as_text(reports),
    }
}

/// Every problem, in lines.
pub(crate) fn problems(report: &EngineReport) -> impl Iterator<Item = String> {
    let engine = report.engine.name();
    report.problems().map(move |problem| {
        let what = problem.what.replace('\n', "\n  ");
        format!("{}, on {engine}\n  {what}\n  next: {}", problem.at, problem.next_step)
    })
}

pub(crate) fn overridden(written: &[PathBuf], format: Format) {
    if format == Format::Human {
        for path in written {
            text(&format!("{GOOD}{:>9}{GOOD:#}  {}", "written", redact::path(path)));
        }
    }
}

pub(crate) fn nothing_new(format: Format) {
    match format {
        Format::Json => document(&as_json(&[])),
        Format::Human => {
            text(&format!(
                "{GOOD}{:>9}{GOOD:#}  the default branch has accepted every migration",
                "done"
            ));
        }
    }
}

/// How many migrations without a case are named.
const NAMED: usize = 10;

fn as_text(reports: &[EngineReport]) {
    for Told { problem, engines } in together(reports) {
        tell(&problem.at, &engines.join(" and "), &problem.what, &problem.next_step);
    }
    tell_lacking(reports);
    super::messy::as_text(reports);
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "engine",
        "migrations",
        "cases",
        "skipped",
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
            report.skipped().to_string(),
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

/// A problem, and the engines that have it alike.
struct Told<'a> {
    problem: &'a Problem,
    engines: Vec<&'static str>,
}

fn together(reports: &[EngineReport]) -> Vec<Told<'_>> {
    let mut all: Vec<Told<'_>> = Vec::new();
    for report in reports {
        for problem in report.problems().filter(|problem| !lacks_case(report, problem)) {
            match all.iter_mut().find(|told| told.problem == problem) {
                Some(told) => told.engines.push(report.engine.name()),
                None => all.push(Told { problem, engines: vec![report.engine.name()] }),
            }
        }
    }
    all
}

/// Whether a problem is that a migration has no case.
fn lacks_case(report: &EngineReport, problem: &Problem) -> bool {
    report.migrations.iter().any(|migration| migration.problems.iter().any(|one| one == problem))
}

/// Whoever begins has many of these: they are told once.
fn tell_lacking(reports: &[EngineReport]) {
    let mut lacking: BTreeMap<&str, (&str, Vec<&str>)> = BTreeMap::new();
    for report in reports {
        for problem in report.migrations.iter().flat_map(|migration| &migration.problems) {
            let (_, engines) =
                lacking.entry(&problem.at).or_insert_with(|| (&problem.what, Vec::new()));
            engines.push(report.engine.name());
        }
    }
    let next = reports.iter().flat_map(|report| &report.migrations);
    let Some(next) = next.flat_map(|migration| &migration.problems).next() else { return };
    match lacking.iter().next() {
        Some((at, (what, engines))) if lacking.len() == 1 => {
            tell(at, &engines.join(" and "), what, &next.next_step);
        }
        _ => {
            let mut names: Vec<String> = lacking
                .iter()
                .take(NAMED)
                .map(|(at, (_, engines))| format!("{at} ({})", engines.join(" and ")))
                .collect();
            if let Some(more) = lacking.len().checked_sub(NAMED).filter(|more| *more > 0) {
                names.push(format!("and {more} more"));
            }
            let at = words::count(lacking.len(), "migration");
            tell(&at, "", &format!("without a case:\n  {}", names.join("\n  ")), &next.next_step);
        }
    }
}

fn tell(at: &str, engines: &str, what: &str, next_step: &str) {
    let on = if engines.is_empty() { String::new() } else { format!(", on {engines}") };
    text(&format!("{BAD}{:>9}{BAD:#}  {}{on}", "failed", redact::printable(at)));
    for line in what.lines() {
        let color = match line.trim_start().chars().next() {
            Some('-') => BAD,
            Some('+') => GOOD,
            _ => Style::new(),
        };
        text(&format!("           {color}{}{color:#}", redact::printable(line)));
    }
    text(&format!("{QUIET}     next  {}{QUIET:#}\n", redact::printable(next_step)));
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
                                "records": case.outcome.records(),
                                "skipped": case.outcome == Outcome::Skipped,
                                "problem": case.outcome.problem().map(problem),
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
