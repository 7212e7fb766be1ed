//! Which table is filled before which.

use std::collections::BTreeSet;

use portcullis_database::scratch::shape::Shape;
use portcullis_model::sql::fold;

/// An order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Order {
    /// The tables, parents first.
    pub(super) tables: Vec<usize>,
    /// Table and key: what must wait, because tables refer to each other in a circle.
    pub(super) late: BTreeSet<(usize, usize)>,
}

/// Puts tables in order.
pub(super) fn order(shapes: &[Shape]) -> Order {
    let mut order = Order::default();
    let mut left: Vec<usize> = (0..shapes.len()).collect();
    while !left.is_empty() {
        // The keys of a table that refer to one that isn't there yet.
        let waiting = |table: usize, order: &Order| -> Vec<usize> {
            let keys = shapes[table].keys.iter().enumerate();
            keys.filter(|(number, key)| {
                let parent =
                    left.iter().find(|other| fold(&shapes[**other].sql) == fold(&key.parent));
                parent.is_some_and(|parent| *parent != table)
                    && !order.late.contains(&(table, *number))
            })
            .map(|(number, _)| number)
            .collect()
        };
        if let Some(at) = left.iter().position(|table| waiting(*table, &order).is_empty()) {
            order.tables.push(left.remove(at));
            continue;
        }
        let may_wait = |table: &&usize| {
            waiting(**table, &order).iter().all(|number| {
                let columns = &shapes[**table].keys[*number].columns;
                columns.iter().any(|at| shapes[**table].columns[*at].nullable)
            })
        };
        // If none may, what is made will be refused, and that is told.
        let Some(table) = left.iter().find(may_wait).or(left.first()).copied() else { break };
        let keys = waiting(table, &order);
        order.late.extend(keys.into_iter().map(|number| (table, number)));
    }
    order
}
