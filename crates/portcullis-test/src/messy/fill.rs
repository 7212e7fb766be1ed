//! Puts rows into tables; what the database refuses stays out.

use portcullis_database::scratch::shape::Shape;
use portcullis_database::scratch::{KeyChecks, Refused, Scratch};
use portcullis_model::sql::Dialect;

use super::row::{Content, Row, insert};
use super::shrink::Chosen;

/// How many rows one statement inserts.
const AT_ONCE: usize = 500;

/// After so many refusals of rows of a table, and none that was taken, no more is tried.
const PATIENCE: usize = 48;

/// And of rows that are all in doubt for the same.
const PATIENCE_IN_DOUBT: usize = 7;

/// Puts the chosen of the rows in, in their order; which of them were taken. What is open stays
/// open; otherwise they are committed.
pub(crate) fn fill(
    scratch: &mut dyn Scratch,
    shapes: &[Shape],
    rows: &[Row],
    chosen: &Chosen,
) -> Result<Chosen, Refused> {
    let within = scratch.is_in_transaction();
    let mut filling = Filling { scratch, shapes, rows, taken: Chosen::new() };
    // Where keys are checked, a stray finds no way in.
    for strays in [false, true] {
        let meant: Vec<usize> =
            chosen.iter().copied().filter(|at| rows[*at].stray == strays).collect();
        if meant.is_empty() || (strays && within) {
            continue;
        }
        if within {
            filling.put(&meant)?;
            continue;
        }
        if strays {
            filling.scratch.check_keys(KeyChecks::Off)?;
        }
        filling.scratch.begin()?;
        filling.put(&meant)?;
        filling.scratch.commit()?;
        if strays {
            filling.scratch.check_keys(KeyChecks::On)?;
        }
    }
    Ok(filling.taken)
}

struct Filling<'a> {
    scratch: &'a mut dyn Scratch,
    shapes: &'a [Shape],
    rows: &'a [Row],
    taken: Chosen,
}

impl Filling<'_> {
    fn put(&mut self, meant: &[usize]) -> Result<(), Refused> {
        if self.scratch.dialect() == Dialect::Postgres {
            // What is refused only at the commit would be refused too late.
            self.scratch.ask("SET CONSTRAINTS ALL IMMEDIATE")?;
        }
        let rows = self.rows;
        let is_alike = |a: &usize, b: &usize| {
            let (a, b) = (&rows[*a], &rows[*b]);
            let are_rows = a.values().is_some() && b.values().is_some();
            a.table == b.table && a.doubt == b.doubt && are_rows
        };
        for run in meant.chunk_by(is_alike) {
            let before = self.taken.len();
            let mut refusals = 0;
            // Without its parents a row would be refused, and others with it.
            let has_parents = |at: &&usize| {
                let mut parents = rows[**at].parents.iter();
                parents
                    .all(|parent| self.taken.contains(parent) || run.binary_search(parent).is_ok())
            };
            let run: Vec<usize> = run.iter().filter(has_parents).copied().collect();
            for chunk in run.chunks(AT_ONCE) {
                self.halve(chunk, before, &mut refusals)?;
            }
        }
        Ok(())
    }

    /// Inserts rows at once, or if that is refused each half by itself.
    fn halve(
        &mut self,
        chunk: &[usize],
        before: usize,
        refusals: &mut usize,
    ) -> Result<(), Refused> {
        let Some(first) = chunk.first().map(|at| &self.rows[*at]) else { return Ok(()) };
        let patience = if first.doubt.is_some() { PATIENCE_IN_DOUBT } else { PATIENCE };
        if *refusals >= patience && self.taken.len() == before {
            return Ok(());
        }
        let sql = match &first.content {
            Content::Values(_) => {
                let rows: Vec<&Row> = chunk.iter().map(|at| &self.rows[*at]).collect();
                insert(&self.shapes[first.table], &rows)
            }
            Content::Link(sql) => sql.clone(),
        };
        if guarded(self.scratch, &sql)? {
            self.taken.extend(chunk);
            return Ok(());
        }
        *refusals += 1;
        if chunk.len() > 1 {
            let (left, right) = chunk.split_at(chunk.len() / 2);
            self.halve(left, before, refusals)?;
            self.halve(right, before, refusals)?;
        }
        Ok(())
    }
}

/// Whether a statement was taken; if not, nothing of it stays.
fn guarded(scratch: &mut dyn Scratch, sql: &str) -> Result<bool, Refused> {
    const POINT: &str = "portcullis_messy";
    match scratch.ask(&format!("SAVEPOINT {POINT};\n{sql};\nRELEASE SAVEPOINT {POINT}")) {
        Ok(_) => Ok(true),
        Err(refused) if refused.lost => Err(refused),
        Err(_) => {
            scratch.ask(&format!("ROLLBACK TO SAVEPOINT {POINT}; RELEASE SAVEPOINT {POINT}"))?;
            Ok(false)
        }
    }
}

#[cfg(test)]
mod tests;
