//! Smoke queries: records in sqllogictest format, held to reading.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use portcullis_model::redact;
use sqllogictest::{DefaultColumnType, Record, Runner};

use super::{Database, Query, same};

/// How many records held.
pub(crate) type Held = usize;

/// The `.slt` files that a list of files and directories names, in order.
pub(crate) fn files(places: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    for place in places {
        if place.is_dir() {
            let entries = std::fs::read_dir(place)
                .map_err(|error| format!("{}: {error}", redact::path(place)))?;
            let mut inside: Vec<PathBuf> = entries
                .filter_map(|entry| Some(entry.ok()?.path()))
                .filter(|path| path.extension().is_some_and(|extension| extension == "slt"))
                .collect();
            inside.sort();
            found.append(&mut inside);
        } else {
            found.push(place.clone());
        }
    }
    Ok(found)
}

/// Runs the records of a file; the error names file and line.
pub(crate) fn run(path: &Path, engine: &'static str, query: Query<'_>) -> Result<Held, String> {
    let name = redact::path(path);
    let text = std::fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
    let records =
        sqllogictest::parser::parse_with_name::<DefaultColumnType>(&text, Arc::from(name.as_str()))
            .map_err(|error| error.to_string())?;
    let query = Mutex::new(query);
    let mut runner = Runner::new(|| async { Ok(Database { query: &query, engine }) });
    runner.with_normalizer(String::clone);
    runner.with_validator(same);
    let mut held = 0;
    for record in records {
        match &record {
            Record::Statement { .. } | Record::Query { .. } => held += 1,
            Record::Condition(_)
            | Record::Comment(_)
            | Record::Newline
            | Record::Subtest { .. } => {}
            Record::Control(_) | Record::HashThreshold { .. } => {}
            Record::Halt { .. } => break,
            other => {
                let text = other.to_string();
                let word = text.split_whitespace().next().unwrap_or_default();
                return Err(format!("{name}: a smoke query may not use {word:?}"));
            }
        }
        runner.run(record).map_err(|error| describe(&error))?;
    }
    Ok(held)
}

/// Where and how a record failed, without its SQL and without rows: the text goes into
/// receipts.
fn describe(error: &sqllogictest::TestError) -> String {
    use sqllogictest::TestErrorKind as Kind;
    let how = match error.kind() {
        Kind::Fail { err, .. } => err.to_string(),
        Kind::Ok { .. } => "it succeeded, but it was expected to fail".to_owned(),
        Kind::QueryResultMismatch { .. } => "the result is not the expected one".to_owned(),
        Kind::QueryResultColumnsMismatch { .. } => {
            "the result has other columns than expected".to_owned()
        }
        _ => "the record doesn't hold".to_owned(),
    };
    format!("{}: {how}", error.location())
}
