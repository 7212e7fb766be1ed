//! What messy data found in migrations, and where there was none.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_model::{redact, words};
use portcullis_test::{EngineReport, MessyReport, MessyTable};
use serde_json::{Value, json};

use super::{QUIET, text};

/// Of how many migrations each is told of by itself.
const EACH: usize = 3;

/// How many rows each table took, and which tables took none.
pub(super) fn as_text(reports: &[EngineReport]) {
    for report in reports {
        let engine = report.engine.name();
        let tried = report.migrations.iter().filter_map(|migration| {
            migration.messy.as_ref().map(|messy| (migration.directory.as_str(), messy))
        });
        let tried: Vec<(&str, &MessyReport)> = tried.collect();
        if tried.len() <= EACH {
            for (directory, messy) in &tried {
                taken(&format!("{directory}, on {engine}"), messy.tables.iter());
            }
        } else {
            let place = format!("{} on {engine}", words::count(tried.len(), "migration"));
            taken(&place, tried.iter().flat_map(|(_, messy)| &messy.tables));
        }
        for (directory, messy) in &tried {
            let bare: Vec<_> = messy.not_covered().map(redact::printable).collect();
            if !bare.is_empty() {
                let place = redact::printable(directory);
                let bare = bare.join(", ");
                text(&format!("           {place}, on {engine}: not covered, took no row: {bare}"));
            }
        }
    }
}

fn taken<'a>(place: &str, tables: impl Iterator<Item = &'a MessyTable>) {
    let mut sums: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for table in tables {
        let (accepted, offered) = sums.entry(&table.name).or_default();
        *accepted += table.accepted;
        *offered += table.offered;
    }
    let taken: Vec<String> = sums
        .iter()
        .filter(|(_, (accepted, _))| *accepted > 0)
        .map(|(name, (accepted, offered))| {
            format!("{} {accepted}/{offered}", redact::printable(name))
        })
        .collect();
    if !taken.is_empty() {
        let place = redact::printable(place);
        text(&format!("{QUIET}    messy  {place}: {}{QUIET:#}", taken.join(", ")));
    }
}

pub(super) fn as_json(messy: &MessyReport, took: Duration) -> Value {
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
    let milliseconds = took.as_millis() as u64;
    json!({ "tables": tables, "problems": problems, "milliseconds": milliseconds })
}
