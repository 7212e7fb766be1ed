//! A generated row.

use portcullis_database::scratch::shape::{Filled, Shape};
use portcullis_model::sql::Dialect;

use super::values::NULL;

/// A row, or what is done to rows afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// Which table it is of.
    pub(crate) table: usize,
    /// What it says.
    pub(crate) content: Content,
    /// The rows it needs, by their places among all.
    pub(crate) parents: Vec<usize>,
    /// Whether a key of it refers to nothing.
    pub(crate) stray: bool,
    /// The column that is odd in it, where something may refuse that.
    pub(crate) doubt: Option<usize>,
}

/// What a row says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// A value for each column, as SQL.
    Values(Vec<String>),
    /// A statement that has rows refer to each other.
    Link(String),
}

impl Row {
    pub(crate) fn values(&self) -> Option<&[String]> {
        match &self.content {
            Content::Values(values) => Some(values),
            Content::Link(_) => None,
        }
    }

    pub(super) fn values_mut(&mut self) -> Option<&mut Vec<String>> {
        match &mut self.content {
            Content::Values(values) => Some(values),
            Content::Link(_) => None,
        }
    }
}

/// One statement for rows of one table.
pub(crate) fn insert(shape: &Shape, rows: &[&Row]) -> String {
    let writable = |at: &usize| shape.columns[*at].filled != Filled::Computed;
    // What is NULL everywhere needn't be said, unless a default would say something else.
    let is_said = |at: &usize| {
        shape.columns[*at].filled != Filled::Given
            || rows.iter().filter_map(|row| row.values()).any(|values| values[*at] != NULL)
    };
    let all: Vec<usize> = (0..shape.columns.len()).filter(writable).collect();
    let said: Vec<usize> = all.iter().copied().filter(is_said).collect();
    let columns = if said.is_empty() { all.into_iter().take(1).collect() } else { said };
    let names: Vec<&str> = columns.iter().map(|at| shape.columns[*at].sql.as_str()).collect();
    let overriding = match shape.columns.iter().any(|one| one.filled == Filled::CounterAlways) {
        true => " OVERRIDING SYSTEM VALUE",
        false => "",
    };
    let rows: Vec<String> = rows
        .iter()
        .filter_map(|row| row.values())
        .map(|values| {
            let values: Vec<&str> = columns.iter().map(|at| values[*at].as_str()).collect();
            format!("({})", values.join(", "))
        })
        .collect();
    format!(
        "INSERT INTO {} ({}){overriding} VALUES {}",
        shape.sql,
        names.join(", "),
        rows.join(", ")
    )
}

/// Rows as a text that can be pasted into a case, one a line.
pub(crate) fn script(shapes: &[Shape], rows: &[&Row], dialect: Dialect) -> Vec<String> {
    let strays = dialect == Dialect::Sqlite && rows.iter().any(|row| row.stray);
    let mut lines = Vec::new();
    lines.extend(strays.then(|| "PRAGMA defer_foreign_keys = ON;".to_owned()));
    lines.extend(rows.iter().map(|row| match &row.content {
        Content::Values(_) => format!("{};", insert(&shapes[row.table], &[row])),
        Content::Link(sql) => format!("{sql};"),
    }));
    lines.extend(strays.then(|| "PRAGMA defer_foreign_keys = OFF;".to_owned()));
    lines
}
