//! What a case must look like, and what it may not hold.

use std::ops::Range;

use portcullis_model::redact;
use sqllogictest::{Condition, Control, Record, StatementExpect};

use super::case::{Line, Mismatch, Part, location};
use super::describe::said;

/// A case is data: it asks its database, and does nothing else.
pub(super) fn refuse_what_cases_may_not(name: &str, record: &Line) -> Result<(), Mismatch> {
    let refuse = |at: String, what: String| Err(said(at, what));
    match record {
        Record::Statement { retry: Some(_), .. } | Record::Query { retry: Some(_), .. } => {
            refuse(location(record), "a case may not retry: what holds, holds at once".into())
        }
        Record::Statement { expected: StatementExpect::Count(_), .. } => {
            refuse(location(record), "count rows by a query: engines count them differently".into())
        }
        Record::Statement { conditions, .. } | Record::Query { conditions, .. } => {
            let unknown = conditions.iter().find_map(|condition| {
                let (Condition::OnlyIf { label } | Condition::SkipIf { label }) = condition;
                (!["sqlite", "postgres"].contains(&label.as_str())).then_some(label)
            });
            match unknown {
                Some(label) => refuse(
                    location(record),
                    format!("there is no engine {label:?}: it is sqlite or postgres"),
                ),
                None => Ok(()),
            }
        }
        Record::Condition(_)
        | Record::Comment(_)
        | Record::Newline
        | Record::Subtest { .. }
        | Record::HashThreshold { .. }
        | Record::Control(Control::SortMode(_)) => Ok(()),
        other => {
            let text = other.to_string();
            let word = text.split_whitespace().next().unwrap_or_default();
            let at = match other {
                Record::System { loc, .. }
                | Record::Include { loc, .. }
                | Record::Sleep { loc, .. }
                | Record::Halt { loc } => loc.to_string(),
                _ => name.to_owned(),
            };
            refuse(at, format!("a case may not use {}", redact::printable(word)))
        }
    }
}

/// Where each part is.
pub(super) fn parts(name: &str, records: &[Line]) -> Result<Vec<(Part, Range<usize>)>, Mismatch> {
    let mut parts: Vec<(Part, Range<usize>)> = Vec::new();
    for (index, record) in records.iter().enumerate() {
        let Record::Subtest { name: label, .. } = record else {
            let asks = matches!(record, Record::Statement { .. } | Record::Query { .. });
            if asks && parts.is_empty() {
                return Err(said(location(record), "it stands before `subtest before`"));
            }
            continue;
        };
        let at = location(record);
        let Some(part) = Part::ALL.into_iter().find(|part| part.name() == label) else {
            let what = format!(
                "there is no part {}: it is before, after or down",
                redact::printable(label)
            );
            return Err(said(at, what));
        };
        match parts.last_mut() {
            None if part != Part::Before => {
                return Err(said(at, "a case begins with `subtest before`"));
            }
            Some((last, _)) if *last >= part => {
                return Err(said(
                    at,
                    "the parts are before, after, down, in this order, each once",
                ));
            }
            Some((_, range)) => range.end = index,
            None => {}
        }
        parts.push((part, index + 1..records.len()));
    }
    let asserts = |part: Part| {
        parts.iter().any(|(there, range)| {
            *there == part
                && records[range.clone()]
                    .iter()
                    .any(|record| matches!(record, Record::Statement { .. } | Record::Query { .. }))
        })
    };
    if !asserts(Part::After) {
        return Err(said(
            name.to_owned(),
            "nothing is asserted after the migration: it needs a `subtest after` with a query",
        ));
    }
    Ok(parts)
}
