//! Rows that a step takes without naming their table: by a cascade, a trigger, or a
//! constraint that replaces.

use std::collections::BTreeMap;

use portcullis_model::plan::Step;
use portcullis_model::redact;
use portcullis_model::sql::Effects;

use super::{Session, catalog};
use crate::seam::FewerRows;
use crate::step;
use crate::{Error, Result};

/// Row counts, and what had changed on the connection when they were taken.
pub(super) struct Counts {
    tables: BTreeMap<String, u64>,
    as_of: (u64, i64),
}

/// How rows are to be watched.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum How {
    /// All rows are counted before and after.
    Count,
    /// What this connection inserts and deletes is tallied as it happens. Nobody waits for
    /// it, and it misses only what a constraint replaces.
    Tally,
}

/// How a step is watched.
pub(super) enum Watch {
    /// Its text can't remove rows.
    Off,
    /// All rows were counted before it.
    Counted(BTreeMap<String, u64>),
    /// Its changes are being tallied.
    Tallied,
}

/// Begins to watch. Counting all tables for each of many small migrations would take
/// longer than the migrations: it is done only where the text, a trigger or a constraint
/// can remove rows.
pub(super) fn watch(
    session: &mut Session,
    step: &Step,
    effects: &Effects,
    how: How,
) -> Result<Watch> {
    if !may_remove_rows(session, step, effects)? {
        return Ok(Watch::Off);
    }
    if how == How::Count {
        return Ok(Watch::Counted(count(session)?));
    }
    session.tally.start();
    Ok(Watch::Tallied)
}

/// The tables that have fewer rows than before; an error for one that isn't named.
pub(super) fn judge(
    session: &mut Session,
    step: &Step,
    effects: &Effects,
    watch: Watch,
) -> Result<Vec<FewerRows>> {
    let fewer = match watch {
        Watch::Off => Vec::new(),
        Watch::Counted(before) => fewer(&before, &count(session)?, effects),
        Watch::Tallied => tallied(session, &session.tally.stop(), effects)?,
    };
    match fewer.iter().find(|fewer| !is_named(effects, &fewer.table)) {
        Some(fewer) => Err(rows_lost(step, effects, fewer)),
        None => Ok(fewer),
    }
}

/// Whether the migration says that this table may lose rows, by the name it has before or
/// after. A rebuild drops the old table to keep its rows: that says nothing of the kind.
fn is_named(effects: &Effects, table: &str) -> bool {
    let table = table.to_ascii_lowercase();
    let rebuilt = effects.rebuilds().any(|rebuilt| rebuilt == table);
    let names = if rebuilt { &effects.deletes_from } else { &effects.removes_rows_of };
    let after = effects.name_after(&table);
    names.iter().any(|name| *name == table || name == after || effects.name_after(name) == table)
}

fn may_remove_rows(session: &Session, step: &Step, effects: &Effects) -> Result<bool> {
    if !effects.removes_rows_of.is_empty() {
        return Ok(true);
    }
    if !effects.touches_rows {
        return Ok(false);
    }
    let text = step.sql.to_ascii_lowercase();
    if text.contains("trigger") || text.contains("replace") {
        return Ok(true);
    }
    catalog::writes_may_remove(&session.conn)
        .map_err(|error| session.error("look for triggers", &error))
}

/// The row counts now; taken again only if rows or the schema changed since.
fn count(session: &mut Session) -> Result<BTreeMap<String, u64>> {
    let counted = || -> rusqlite::Result<Counts> {
        let schema = session.conn.pragma_query_value(None, "schema_version", |row| row.get(0))?;
        let as_of = (session.conn.total_changes(), schema);
        let tables = match &session.counts {
            Some(counts) if counts.as_of == as_of => counts.tables.clone(),
            _ => catalog::counts(&session.conn, &catalog::relations(&session.conn, "table")?)?,
        };
        Ok(Counts { tables, as_of })
    };
    let counts = counted().map_err(|error| session.error("count rows", &error))?;
    let tables = counts.tables.clone();
    session.counts = Some(counts);
    Ok(tables)
}

fn fewer(
    before: &BTreeMap<String, u64>,
    after: &BTreeMap<String, u64>,
    effects: &Effects,
) -> Vec<FewerRows> {
    let rows_of = |name: &str| {
        after.iter().find(|(table, _)| table.eq_ignore_ascii_case(name)).map(|(_, rows)| *rows)
    };
    before
        .iter()
        .filter_map(|(table, &before)| {
            // A table of the old name may have taken over after a rename.
            let after =
                rows_of(table).or_else(|| rows_of(effects.name_after(&table.to_ascii_lowercase())));
            (after.unwrap_or(0) < before).then(|| FewerRows { table: table.clone(), before, after })
        })
        .collect()
}

/// Only what isn't named is counted, and only after it was seen to fall: there the run
/// ends anyway.
fn tallied(
    session: &Session,
    tally: &BTreeMap<String, i64>,
    effects: &Effects,
) -> Result<Vec<FewerRows>> {
    let tables = catalog::relations(&session.conn, "table")
        .map_err(|error| session.error("list the tables", &error))?;
    let fell = tally.iter().filter(|(table, change)| {
        **change < 0 && !is_named(effects, table) && tables.contains(table)
    });
    fell.map(|(table, change)| {
        let counts = catalog::counts(&session.conn, std::slice::from_ref(table))
            .map_err(|error| session.error("count rows", &error))?;
        let after = counts.get(table).copied();
        let before = after.unwrap_or(0).saturating_add(change.unsigned_abs());
        Ok(FewerRows { table: table.clone(), before, after })
    })
    .collect()
}

fn rows_lost(step: &Step, effects: &Effects, fewer: &FewerRows) -> Error {
    let table = redact::printable(&fewer.table);
    let now = fewer.after.map_or_else(|| "it is gone".to_owned(), |rows| format!("it has {rows}"));
    let had = format!("table {table} had {} rows and now {now}", fewer.before);
    if effects.rebuilds().any(|rebuilt| rebuilt.eq_ignore_ascii_case(&fewer.table)) {
        let cause = format!("{had}: the rebuild left some behind");
        return step::failed(
            step,
            &cause,
            "copy all rows, or delete by name, before the rebuild, what shall go",
        );
    }
    let cause = format!("{had}, but the migration doesn't name it in DELETE, DROP or REPLACE");
    let next = "a cascade or a trigger took them: change the migration so that the rows stay, or delete them by name";
    step::failed(step, &cause, next)
}
