//! What is in tables, without a value of it.

use std::collections::BTreeMap;

use portcullis_database::scratch::shape::Shape;
use portcullis_database::scratch::{Refused, Scratch, Sums};

/// The sums of each table, by its name as SQL, in the order of its columns; none for one that
/// can't be read.
pub(super) type Contents = BTreeMap<String, Option<Sums>>;

/// Reads every table.
pub(super) fn contents(scratch: &mut dyn Scratch, shapes: &[Shape]) -> Result<Contents, Refused> {
    let mut found = Contents::new();
    for shape in shapes {
        let sums = match sums(scratch, shape) {
            Err(refused) if refused.lost => return Err(refused),
            sums => sums.ok(),
        };
        found.insert(shape.sql.clone(), sums);
    }
    Ok(found)
}

/// A table that can't be read mustn't end the transaction.
fn sums(scratch: &mut dyn Scratch, shape: &Shape) -> Result<Sums, Refused> {
    let mut columns: Vec<String> = shape.columns.iter().map(|one| one.sql.clone()).collect();
    if columns.is_empty() {
        columns.push("1".to_owned());
    }
    if !scratch.is_in_transaction() {
        return scratch.sums(&shape.sql, &columns);
    }
    scratch.ask("SAVEPOINT portcullis_sums")?;
    let sums = scratch.sums(&shape.sql, &columns);
    scratch.ask(match &sums {
        Ok(_) => "RELEASE SAVEPOINT portcullis_sums",
        Err(_) => "ROLLBACK TO SAVEPOINT portcullis_sums; RELEASE SAVEPOINT portcullis_sums",
    })?;
    sums
}
