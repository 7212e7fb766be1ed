//! What the tests of migrations found.

use anstyle::{AnsiColor, Style};
use comfy_table::{Table, presets};
use portcullis_model::config::Engine;
use portcullis_model::exit::Exit;
use portcullis_model::{redact, words};
use portcullis_test::{
    DIRECTORY, EngineReport, Found, MigrationReport, Problem, Report, RoundTrip,
};
use serde_json::{Value, json};

use super::{BAD, GOOD, QUIET, document, text};
use crate::command::Format;

/// Lines that were expected, and lines that are there.
const EXPECTED: Style = AnsiColor::Red.on_default();
const ACTUAL: Style = AnsiColor::Green.on_default();

/// How many migrations that no case proves are told of each by itself, and how many are named.
const EACH: usize = 3;
const NAMED: usize = 10;

/// How many cases are named that meet the same problem.
const SHOWN: usize = 3;

/// `good` is what is said where nothing is wrong.
pub(crate) fn cases(report: &Report, good: &str, format: Format) {
    match format {
        Format::Json => document(&as_json(report)),
        Format::Human => as_text(report, good),
    }
}

fn as_text(report: &Report, good: &str) {
    for file in &report.adopted.files {
        let results = words::count(file.queries, "result");
        text(&format!(
            "{GOOD}{:>9}{GOOD:#}  {}, {results}",
            "wrote",
            redact::printable(&file.path)
        ));
    }
    for engine in &report.engines {
        for (directory, name) in skipped(engine) {
            let what = redact::printable(directory);
            let name = redact::printable(name);
            text(&format!("{:>9}  {what}::{name} on {}", "skipped", engine.engine.name()));
        }
    }
    let problems = report.problems();
    let together = report.uncovered.len() > EACH;
    let is_together = |found: &Found<'_>| together && is_uncovered(report, found);
    problems.iter().filter(|found| !is_together(found)).for_each(problem);
    if together {
        uncovered(report);
    }
    super::messy::as_text(&report.engines);
    if !report.engines.is_empty() {
        text(&table(&report.engines));
    }
    let (color, word, what) = match problems.len() {
        0 => (GOOD, "done", good.to_owned()),
        failed => (BAD, "failed", words::count(failed, "problem")),
    };
    text(&format!("{color}{word:>9}{color:#}  {what}"));
}

/// Every problem, in lines.
pub(crate) fn problems(report: &Report) -> Vec<String> {
    let words = |found: &Found<'_>| {
        let Problem { at, what, next_step } = found.problem;
        let engines = engines(found);
        format!("{at}\n  {engines}{}\n  next: {next_step}", what.replace('\n', "\n  "))
    };
    report.problems().iter().map(words).collect()
}

fn engines(found: &Found<'_>) -> String {
    let names: Vec<&str> = found.engines.iter().map(|engine| engine.name()).collect();
    match names.as_slice() {
        [] => String::new(),
        names => format!("on {}: ", names.join(" and ")),
    }
}

fn is_uncovered(report: &Report, found: &Found<'_>) -> bool {
    report.uncovered.iter().any(|one| one.problem == *found.problem)
}

/// Whoever begins has many of these: they are told once.
fn uncovered(report: &Report) {
    let all = &report.uncovered;
    let Some(first) = all.first() else { return };
    let number = words::count(all.len(), "migration");
    text(&format!("{BAD}{:>9}{BAD:#}  {number} that no case proves", "failed"));
    for Problem { at, what, .. } in all.iter().take(NAMED).map(|one| &one.problem) {
        text(&format!("{:9}  {}: {what}", "", redact::printable(at)));
    }
    if let Some(more) = all.len().checked_sub(NAMED).filter(|more| *more > 0) {
        text(&format!("{:9}  and {more} more", ""));
    }
    let next = redact::printable(&first.problem.next_step);
    text(&format!("{QUIET}{:>9}  {next}{QUIET:#}\n\n", "next"));
}

/// Where, on which engines, what, and what to do.
pub(super) fn problem(found: &Found<'_>) {
    let Problem { at, what, next_step } = found.problem;
    text(&format!("{BAD}{:>9}{BAD:#}  {}", "failed", redact::printable(at)));
    let engines = engines(found);
    for (index, line) in what.lines().enumerate() {
        let engines = if index == 0 { engines.as_str() } else { "" };
        let style = match line.get(..4) {
            Some("-   ") => EXPECTED,
            Some("+   ") => ACTUAL,
            _ => Style::new(),
        };
        text(&format!("{:9}  {style}{engines}{}{style:#}", "", redact::printable(line)));
    }
    if !at.starts_with(DIRECTORY) && !found.cases.is_empty() {
        let shown = found.cases.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
        let more = match found.cases.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        text(&format!("{:9}  with what is seeded by {}{more}", "", redact::printable(&shown)));
    }
    text(&format!("{QUIET}{:>9}  {}{QUIET:#}\n\n", "next", redact::printable(next_step)));
}

fn skipped(report: &EngineReport) -> impl Iterator<Item = (&str, &str)> {
    report.migrations.iter().flat_map(|migration| {
        let skipped = migration.cases.iter().filter(|case| case.skipped);
        skipped.map(|case| (migration.directory.as_str(), case.name.as_str()))
    })
}

fn table(reports: &[EngineReport]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "engine",
        "migrations",
        "cases",
        "checks",
        "round trips",
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
    let table = table.to_string();
    let lines: Vec<&str> = table.lines().map(str::trim_end).collect();
    lines.join("\n")
}

fn as_json(report: &Report) -> Value {
    let exit = if report.problems().is_empty() { Exit::Done } else { Exit::Refused };
    let uncovered = report
        .uncovered
        .iter()
        .map(|one| json!({ "migration": one.directory, "problem": of_problem(&one.problem) }));
    let written = report.adopted.files.iter();
    let written = written.map(|file| json!({ "file": file.path, "queries": file.queries }));
    json!({
        "code": exit.code(),
        "engines": report.engines.iter().map(of_engine).collect::<Vec<_>>(),
        "uncovered": uncovered.collect::<Vec<_>>(),
        "written": written.collect::<Vec<_>>(),
        "notWritten": report.adopted.refused.iter().map(of_problem).collect::<Vec<_>>(),
    })
}

fn of_engine(report: &EngineReport) -> Value {
    json!({
        "engine": Engine::name(report.engine),
        "migrations": report.migrations.iter().map(of_migration).collect::<Vec<_>>(),
        "stopped": report.stopped.as_ref().map(of_problem),
        "milliseconds": report.took.as_millis() as u64,
    })
}

fn of_migration(migration: &MigrationReport) -> Value {
    let cases = migration.cases.iter().map(|case| {
        json!({
            "name": case.name,
            "records": case.outcome.as_ref().ok(),
            "skipped": case.skipped,
            "problem": case.outcome.as_ref().err().map(of_problem),
            "milliseconds": case.took.as_millis() as u64,
        })
    });
    json!({
        "migration": migration.directory,
        "cases": cases.collect::<Vec<_>>(),
        "roundTrip": migration.round_trip.as_ref().map(|trip| {
            let milliseconds = migration.round_trip_took.as_millis() as u64;
            match trip {
                Ok(RoundTrip { order_only, rows }) => {
                    json!({ "orderOnly": order_only, "rows": rows, "milliseconds": milliseconds })
                }
                Err(found) => {
                    json!({ "problem": of_problem(found), "milliseconds": milliseconds })
                }
            }
        }),
        "messy": migration.messy.as_ref().map(|messy| {
            super::messy::as_json(messy, migration.messy_took)
        }),
        "problems": migration.problems.iter().map(of_problem).collect::<Vec<_>>(),
    })
}

pub(super) fn of_problem(problem: &Problem) -> Value {
    json!({ "at": problem.at, "what": problem.what, "next": problem.next_step })
}
