//! Numbers that sequences have given out. No rollback takes one back, and no proof sees who
//! got it: what takes the database's place goes on after them, so that none is given twice.

use crate::postgres::link::conn::{Conn, Failure, literal};

/// A sequence, by name, and the last number that it gave.
pub(crate) struct Given {
    schema: String,
    name: String,
    last: i64,
}

/// Those of a database that have given a number. One that begins again at its end is nobody's
/// promise.
pub(crate) fn given(conn: &mut Conn) -> Result<Vec<Given>, Failure> {
    let rows = conn.ask(
        "SELECT schemaname, sequencename, last_value FROM pg_catalog.pg_sequences
         WHERE last_value IS NOT NULL AND NOT cycle",
    )?;
    let one = |row: Vec<Option<String>>| {
        let [schema, name, last] = <[Option<String>; 3]>::try_from(row).ok()?;
        Some(Given { schema: schema?, name: name?, last: last?.parse().ok()? })
    };
    Ok(rows.into_iter().filter_map(one).collect())
}

/// Brings the sequences of another database forward to where these are.
pub(crate) fn carry_forward(conn: &mut Conn, given: &[Given]) -> Result<(), Failure> {
    let rows: Vec<String> = given
        .iter()
        .map(|one| format!("({}, {}, {})", literal(&one.schema), literal(&one.name), one.last))
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    conn.run(&format!(
        "SELECT pg_catalog.setval(pg_catalog.format('%I.%I', s.schemaname, s.sequencename)::pg_catalog.regclass, given.last)
         FROM (VALUES {}) AS given(schema, name, last)
         JOIN pg_catalog.pg_sequences s ON s.schemaname = given.schema AND s.sequencename = given.name
         WHERE NOT s.cycle AND given.last BETWEEN s.min_value AND s.max_value
           AND CASE WHEN s.increment_by > 0 THEN given.last > coalesce(s.last_value, s.start_value - 1)
                    ELSE given.last < coalesce(s.last_value, s.start_value + 1) END",
        rows.join(", ")
    ))
}
