//! Records in sqllogictest format.

pub mod answers;
pub mod case;
mod describe;
mod form;
pub mod rewrite;
pub(crate) mod smoke;

use std::sync::Mutex;

use sqllogictest::{DBOutput, DefaultColumnType};

/// Runs one query and returns its rows as text.
pub(crate) type Query<'a> = &'a mut (dyn FnMut(&str) -> Result<Vec<Vec<String>>, String> + Send);

/// Whether rows are what a record expects, blank by blank: the crate's own comparison trims
/// and merges blanks, so that a lost blank passes.
fn same(_: fn(&String) -> String, actual: &[Vec<String>], expected: &[String]) -> bool {
    actual.iter().map(|row| row.join(" ")).eq(expected.iter().cloned())
}

/// A value as sqllogictest writes it.
pub(crate) fn cell(value: Option<String>) -> String {
    match value {
        None => "NULL".to_owned(),
        Some(text) if text.is_empty() => "(empty)".to_owned(),
        Some(text) => text,
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct QueryError(String);

struct Database<'a, 'b> {
    query: &'a Mutex<Query<'b>>,
    engine: &'static str,
}

impl sqllogictest::DB for Database<'_, '_> {
    type Error = QueryError;
    type ColumnType = DefaultColumnType;

    fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, QueryError> {
        let mut query =
            self.query.lock().map_err(|_| QueryError("an earlier query panicked".to_owned()))?;
        let rows = query(sql).map_err(QueryError)?;
        let types = vec![DefaultColumnType::Any; rows.first().map_or(0, Vec::len)];
        Ok(DBOutput::Rows { types, rows })
    }

    fn engine_name(&self) -> &str {
        self.engine
    }
}
