//! What is done to rows once all are there: keys that had to wait, and children of nobody.

use portcullis_database::scratch::shape::{ForeignKey, Kind, Shape};
use portcullis_model::sql::fold;

use super::generate::Maker;
use super::order::Order;
use super::row::{Content, Row};
use super::values::NULL;

impl<'a> Maker<'a> {
    /// Closes circles: keys that had to wait for their parents, and two rows of one table that
    /// refer to each other.
    pub(super) fn link(&mut self, order: &Order) {
        for table in 0..self.shapes.len() {
            let shape = &self.shapes[table];
            let Some(primary) = shape.uniques.iter().find(|unique| unique.primary) else {
                continue;
            };
            for (number, key) in shape.keys.iter().enumerate() {
                let Some(parent) =
                    self.shapes.iter().position(|one| fold(&one.sql) == fold(&key.parent))
                else {
                    continue;
                };
                let late = order.late.contains(&(table, number));
                let own = self.of[table].clone();
                let pairs: Vec<(usize, usize)> = match (late, own.as_slice()) {
                    (true, rows) => {
                        let parents = &self.of[parent];
                        rows.iter().zip(parents).map(|(row, parent)| (*row, *parent)).collect()
                    }
                    (false, [first, .., last]) if parent == table => vec![(*first, *last)],
                    _ => Vec::new(),
                };
                for (row, parent_row) in pairs {
                    let linked = linked(
                        &self.rows,
                        (row, parent_row),
                        key,
                        (shape, &self.shapes[parent]),
                        &primary.columns,
                    );
                    self.rows.extend(linked);
                }
            }
        }
    }

    /// Children of nobody.
    pub(super) fn stray(&mut self) {
        for table in 0..self.shapes.len() {
            let shape: &'a Shape = &self.shapes[table];
            for key in &shape.keys {
                let Some(model) = self.of[table].first().copied() else { continue };
                self.number += 1;
                let mut row = Row { stray: true, doubt: None, ..self.rows[model].clone() };
                let fresh: Vec<String> =
                    (0..shape.columns.len()).map(|at| self.value(table, at)).collect();
                let Some(values) = row.values_mut() else { continue };
                for unique in shape.uniques.iter().flat_map(|unique| &unique.columns) {
                    values[*unique] = fresh[*unique].clone();
                }
                for at in &key.columns {
                    let column = &shape.columns[*at];
                    let nobody =
                        if matches!(column.kind, Kind::Integer(_)) { "404" } else { "'nobody'" };
                    values[*at] = nobody.to_owned();
                }
                self.keep(table, row);
            }
        }
    }
}

fn linked(
    rows: &[Row],
    (row, parent): (usize, usize),
    key: &ForeignKey,
    (shape, parent_shape): (&Shape, &Shape),
    primary: &[usize],
) -> Option<Row> {
    let (own, there) = (rows.get(row)?.values()?, rows.get(parent)?.values()?);
    let mut assigned = Vec::new();
    for (at, name) in key.columns.iter().zip(&key.referenced) {
        let referred =
            parent_shape.columns.iter().position(|one| one.name.eq_ignore_ascii_case(name))?;
        if there[referred] == NULL || primary.contains(at) {
            return None;
        }
        assigned.push(format!("{} = {}", shape.columns[*at].sql, there[referred]));
    }
    let found: Vec<String> =
        primary.iter().map(|at| format!("{} = {}", shape.columns[*at].sql, own[*at])).collect();
    Some(Row {
        table: rows.get(row)?.table,
        content: Content::Link(format!(
            "UPDATE {} SET {} WHERE {}",
            shape.sql,
            assigned.join(", "),
            found.join(" AND ")
        )),
        parents: vec![row, parent],
        stray: false,
        doubt: None,
    })
}
