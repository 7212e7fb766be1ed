//! What holds for columns and keys whatever the row is.

use portcullis_database::scratch::shape::{ForeignKey, Shape};
use portcullis_model::sql::fold;

use super::generate::{Character, Wanted};
use super::hints::is_checked;

/// It for one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Facts {
    /// Whether each row must have a value of its own.
    pub(super) distinct: bool,
    /// Whether it is of the primary key.
    pub(super) primary: bool,
    /// Whether something may refuse what is odd.
    pub(super) checked: bool,
}

/// It for every column of a table.
pub(super) fn facts(shape: &Shape, wanted: Wanted) -> Vec<Facts> {
    let of = |at: usize| {
        let mut own = shape.uniques.iter().filter(|unique| unique.columns.contains(&at));
        Facts {
            distinct: own.clone().any(|unique| {
                // One column of several is enough to be distinct.
                let plain = unique.plain && unique.columns.last() == Some(&at);
                plain || (!unique.plain && wanted.character != Character::Twins)
            }),
            primary: own.clone().any(|unique| unique.primary),
            checked: own.any(|unique| !unique.plain)
                || is_checked(&shape.columns[at], shape, wanted.dialect),
        }
    };
    (0..shape.columns.len()).map(of).collect()
}

/// What a foreign key refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) table: usize,
    pub(super) columns: Vec<usize>,
}

/// It for every key of a table; none for a key that can't be followed.
pub(super) fn targets(shape: &Shape, shapes: &[Shape]) -> Vec<Option<Target>> {
    let target = |key: &ForeignKey| {
        let table = shapes.iter().position(|one| fold(&one.sql) == fold(&key.parent))?;
        let place = |name: &String| {
            shapes[table].columns.iter().position(|one| one.name.eq_ignore_ascii_case(name))
        };
        let columns: Vec<usize> = key.referenced.iter().map(place).collect::<Option<_>>()?;
        let fits = columns.len() == key.columns.len() && !columns.is_empty();
        fits.then_some(Target { table, columns })
    };
    shape.keys.iter().map(target).collect()
}
