//! What is in tables, value by value.

use std::collections::BTreeMap;

use portcullis_database::scratch::Scratch;
use portcullis_database::scratch::shape::{Filled, Shape};
use portcullis_model::sql::Dialect;

/// The values of a row, in the order of the columns, each as a text that tells it from others.
pub(super) type Values = Vec<Option<String>>;

/// The rows of each table that can be read, by the table's name as SQL.
pub(super) type Contents = BTreeMap<String, Vec<Values>>;

/// Reads every table.
pub(super) fn contents(scratch: &mut dyn Scratch, shapes: &[Shape]) -> Contents {
    let mut found = Contents::new();
    for shape in shapes {
        let columns = shape.columns.iter().map(|column| match scratch.dialect() {
            // A type of somebody's may have no text.
            Dialect::Postgres => format!("{}::text", column.sql),
            Dialect::Sqlite => {
                format!("CASE WHEN {0} IS NOT NULL THEN quote({0}) END", column.sql)
            }
        });
        let columns: Vec<String> = columns.collect();
        let columns = if columns.is_empty() { "1".to_owned() } else { columns.join(", ") };
        if let Ok(mut rows) = scratch.ask(&format!("SELECT {columns} FROM {}", shape.sql)) {
            // Whatever order they lie in, the same is found.
            rows.sort();
            found.insert(shape.sql.clone(), rows);
        }
    }
    found
}

/// The columns that two tables have in common: by name and type, and not computed.
pub(crate) fn common(a: &Shape, b: &Shape) -> Vec<(usize, usize)> {
    let pair = |(at, column): (usize, &portcullis_database::scratch::shape::Column)| {
        let other = b.columns.iter().position(|other| {
            other.name.eq_ignore_ascii_case(&column.name)
                && other.declared.eq_ignore_ascii_case(&column.declared)
                && other.filled != Filled::Computed
        })?;
        (column.filled != Filled::Computed).then_some((at, other))
    };
    a.columns.iter().enumerate().filter_map(pair).collect()
}

/// The first of these rows that isn't among the others, and how it differs from the one that
/// has its key: the column and the values then and now.
pub(super) fn missing<'a>(
    (shape, before): (&Shape, &'a [Values]),
    now: &'a [Values],
    columns: &[(usize, usize)],
) -> Option<Missing> {
    let mut there: BTreeMap<Vec<&Option<String>>, usize> = BTreeMap::new();
    for row in now {
        *there.entry(columns.iter().map(|(_, at)| &row[*at]).collect()).or_default() += 1;
    }
    let gone = before.iter().find(|row| {
        match there.get_mut(&columns.iter().map(|(at, _)| &row[*at]).collect::<Vec<_>>()) {
            Some(left) if *left > 0 => {
                *left -= 1;
                false
            }
            _ => true,
        }
    })?;
    let primary = shape.uniques.iter().find(|unique| unique.primary);
    let primary = primary.map_or(&[][..], |unique| &unique.columns);
    let key: Option<Vec<(usize, usize)>> =
        primary.iter().map(|at| columns.iter().copied().find(|(own, _)| own == at)).collect();
    let heir = key.filter(|key| !key.is_empty()).and_then(|key| {
        now.iter().find(|row| key.iter().all(|(own, other)| gone[*own] == row[*other]))
    });
    let changed = match heir {
        Some(heir) => columns.iter().find(|(own, other)| gone[*own] != heir[*other]).copied(),
        // Without a key: the only column that has none such any more, if there is one.
        None => columns
            .iter()
            .find(|(own, other)| !now.iter().any(|row| row[*other] == gone[*own]))
            .copied(),
    };
    let column = changed.map(|(own, other)| Changed {
        column: shape.columns[own].name.clone(),
        was: gone[own].clone(),
        is: heir.map(|heir| heir[other].clone()),
    });
    Some(Missing { has_heir: heir.is_some(), changed: column })
}

/// A row that isn't there as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Missing {
    /// Whether a row with its key is.
    pub(super) has_heir: bool,
    /// What is different.
    pub(super) changed: Option<Changed>,
}

/// A value that isn't what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Changed {
    pub(super) column: String,
    pub(super) was: Option<String>,
    /// None if nobody knows where it went.
    pub(super) is: Option<Option<String>>,
}
