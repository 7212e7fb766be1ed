//! Rows that a step takes without naming their table: by a cascade, a trigger, or a
//! constraint that replaces.

use std::collections::BTreeMap;

use portcullis_model::plan::Step;
use portcullis_model::redact;
use portcullis_model::sql::Effects;

use super::{Session, catalog, step};
use crate::seam::FewerRows;
use crate::{Error, Result};

/// Row counts, and how many changes the connection had made when they were taken.
pub(super) struct Counts {
    tables: BTreeMap<String, u64>,
    total_changes: u64,
}

/// How a step is watched.
pub(super) enum Watch {
    /// Its text can't remove rows.
    Off,
    /// All rows were counted before it.
    Counted(BTreeMap<String, u64>),
    /// The database is too large to count while writers wait: what is inserted and deleted
    /// is tallied as it happens. That misses only what a constraint replaces.
    Tallied,
}

/// Begins to watch. Counting all tables for each of many small migrations would take
/// longer than the migrations: it is done only where the text, a trigger or a constraint
/// can remove rows.
pub(super) fn watch(session: &mut Session, step: &Step, effects: &Effects) -> Result<Watch> {
    if !may_remove_rows(session, step, effects)? {
        return Ok(Watch::Off);
    }
    if !session.is_large() {
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
    let named =
        |fewer: &&FewerRows| effects.removes_rows_of.contains(&fewer.table.to_ascii_lowercase());
    match fewer.iter().find(|fewer| !named(fewer)) {
        Some(fewer) => Err(rows_lost(step, fewer)),
        None => Ok(fewer),
    }
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

/// The row counts now; taken again only if anything changed since the last time.
fn count(session: &mut Session) -> Result<BTreeMap<String, u64>> {
    let total_changes = session.conn.total_changes();
    let tables = catalog::relations(&session.conn, "table")
        .map_err(|error| session.error("list the tables", &error))?;
    if let Some(counts) = &session.counts
        && counts.total_changes == total_changes
        && tables.iter().eq(counts.tables.keys())
    {
        return Ok(counts.tables.clone());
    }
    let tables = catalog::counts(&session.conn, &tables)
        .map_err(|error| session.error("count rows", &error))?;
    session.counts = Some(Counts { tables: tables.clone(), total_changes });
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
            let after = rows_of(effects.name_after(&table.to_ascii_lowercase()));
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
        **change < 0
            && !effects.removes_rows_of.contains(&table.to_ascii_lowercase())
            && tables.contains(table)
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

fn rows_lost(step: &Step, fewer: &FewerRows) -> Error {
    let table = redact::printable(&fewer.table);
    let now = fewer.after.map_or_else(|| "it is gone".to_owned(), |rows| format!("it has {rows}"));
    let cause = format!(
        "table {table} had {} rows and now {now}, but the migration doesn't name it in DELETE, DROP or REPLACE",
        fewer.before
    );
    let next = "a cascade or a trigger took them: change the migration so that the rows stay, or delete them by name";
    step::failed(step, &cause, next)
}
