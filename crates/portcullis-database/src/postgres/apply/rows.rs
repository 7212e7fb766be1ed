//! Rows that a step takes without naming their table: by a cascade or a trigger. The
//! server counts what each transaction inserts and deletes; nothing is read for it.

use std::collections::BTreeMap;

use portcullis_model::plan::Step;
use portcullis_model::redact;
use portcullis_model::sql::{Dialect, Effects, statements};

use crate::postgres::catalog::{self, Relation};
use crate::postgres::link::conn::{Conn, Failure};
use crate::seam::FewerRows;
use crate::step::failed;
use crate::{Error, Result};

/// Tables with more rows than this, by the statistics or else by their size, aren't counted
/// row by row.
const COUNTED: f64 = 1_000_000.0;

/// What was there before a step.
pub(crate) struct Watch {
    /// What this transaction has done so far, by table.
    changes: BTreeMap<u32, i64>,
    /// The tables. Without, the step leaves them as they are: then they are only looked up
    /// if rows are missing, because most of many steps take none.
    tables: Option<Vec<Seen>>,
}

struct Seen {
    relation: Relation,
    /// How many rows it has, where the server's own count wouldn't tell.
    rows: Option<u64>,
}

/// Begins to watch a step that may remove rows.
pub(crate) fn watch(
    conn: &mut Conn,
    step: &Step,
    effects: &Effects,
) -> Result<Option<Watch>, Failure> {
    let text = step.sql.to_ascii_lowercase();
    // A function that is selected from may do anything.
    let calls = text.contains("select");
    if !effects.touches_rows && effects.removes_rows_of.is_empty() && !calls {
        return Ok(None);
    }
    if is_plain(step, effects) && !may_remove(conn)? {
        return Ok(None);
    }
    let changes = changes(conn)?;
    let is_counted = goes_unseen(&text, effects);
    let changes_tables = calls || ["create", "alter"].iter().any(|word| text.contains(word));
    let tables = if is_counted || changes_tables { Some(seen(conn, is_counted)?) } else { None };
    Ok(Some(Watch { changes, tables }))
}

/// Whether a step is of statements that by themselves remove no row, and make nothing that does.
fn is_plain(step: &Step, effects: &Effects) -> bool {
    const PLAIN: [&[&str]; 7] = [
        &["insert"],
        &["update"],
        &["create", "table"],
        &["create", "index"],
        &["create", "unique", "index"],
        &["alter", "table"],
        &["comment"],
    ];
    let text = step.sql.to_ascii_lowercase();
    effects.removes_rows_of.is_empty()
        && !["delete", "truncate", "cascade", "partition", "rule"]
            .iter()
            .any(|word| text.contains(word))
        && statements(&step.sql, Dialect::Postgres)
            .iter()
            .all(|statement| PLAIN.iter().any(|keywords| statement.has_keywords(0, keywords)))
}

/// Whether anything here may remove rows when others are written: a trigger, a rule, or a
/// function, of whoever has made it.
fn may_remove(conn: &mut Conn) -> Result<bool, Failure> {
    let row = conn.ask_one(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE NOT tgisinternal)
             OR EXISTS (SELECT FROM pg_catalog.pg_rewrite WHERE ev_type <> '1' AND oid >= 16384)
             OR EXISTS (SELECT FROM pg_catalog.pg_proc WHERE oid >= 16384)",
    )?;
    Ok(row.first().cloned().flatten().as_deref() != Some("f"))
}

fn seen(conn: &mut Conn, is_counted: bool) -> Result<Vec<Seen>, Failure> {
    let tables = catalog::relations(conn)?.into_iter().filter(Relation::is_table);
    tables
        .map(|relation| {
            let rows = if is_counted { Some(rows(conn, &relation)?) } else { None };
            Ok(Seen { relation, rows })
        })
        .collect()
}

/// Whether rows may go that the server doesn't count as deleted: with their table, or by
/// TRUNCATE, both of which may take tables with them that aren't named. Then the rows are
/// counted before.
fn goes_unseen(text: &str, effects: &Effects) -> bool {
    !effects.drops.is_empty() || text.contains("truncate") || text.contains("cascade")
}

/// What this transaction has inserted less what it has deleted, by table. Of the server's
/// own, below the first number that it gives to others, nothing is told; its view for this
/// would add up all the indexes, too.
fn changes(conn: &mut Conn) -> Result<BTreeMap<u32, i64>, Failure> {
    let rows = conn.ask(
        "SELECT c.oid, x.inserted - x.deleted
         FROM pg_catalog.pg_class c,
              LATERAL (SELECT pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid),
                              pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid)) x(inserted, deleted)
         WHERE c.relkind IN ('r', 'p', 'm') AND c.oid >= 16384
           AND (x.inserted <> 0 OR x.deleted <> 0)",
    )?;
    let pair = |row: Vec<Option<String>>| {
        let [oid, change] = <[Option<String>; 2]>::try_from(row).ok()?;
        Some((oid?.parse().ok()?, change?.parse().ok()?))
    };
    Ok(rows.into_iter().filter_map(pair).collect())
}

/// How many rows a table has; of a large one, about how many.
fn rows(conn: &mut Conn, relation: &Relation) -> Result<u64, Failure> {
    let about = if relation.about < 0.0 { by_size(conn, relation)? } else { relation.about };
    if about > COUNTED { Ok(about as u64) } else { catalog::count(conn, relation) }
}

/// About how many rows a table has that no statistics are of.
fn by_size(conn: &mut Conn, relation: &Relation) -> Result<f64, Failure> {
    const BYTES_A_ROW: f64 = 100.0;
    let row = conn.ask_one(&format!("SELECT pg_catalog.pg_relation_size({})", relation.oid))?;
    let bytes = row.first().cloned().flatten().and_then(|text| text.parse::<f64>().ok());
    Ok(bytes.unwrap_or_default() / BYTES_A_ROW)
}

/// The tables that have fewer rows than before; an error for one that isn't named.
pub(crate) fn judge(
    conn: &mut Conn,
    step: &Step,
    effects: &Effects,
    watch: Option<Watch>,
) -> Result<Vec<FewerRows>> {
    let Some(watch) = watch else { return Ok(Vec::new()) };
    let fewer = fewer(conn, watch).map_err(|failure| {
        failed(step, &failure.to_string(), "its rows couldn't be counted; run it again")
    })?;
    match fewer.iter().find(|(relation, _)| !is_named(effects, relation)) {
        Some((_, fewer)) => Err(rows_lost(step, fewer)),
        None => Ok(fewer.into_iter().map(|(_, fewer)| fewer).collect()),
    }
}

fn fewer(conn: &mut Conn, watch: Watch) -> Result<Vec<(Relation, FewerRows)>, Failure> {
    let changes = changes(conn)?;
    let change = |oid: u32| {
        let of = |changes: &BTreeMap<u32, i64>| changes.get(&oid).copied().unwrap_or_default();
        of(&changes) - of(&watch.changes)
    };
    if watch.tables.is_none() && !changes.keys().any(|oid| change(*oid) < 0) {
        return Ok(Vec::new());
    }
    let now = catalog::relations(conn)?;
    let tables = match watch.tables {
        Some(tables) => tables,
        None => seen(conn, false)?,
    };
    let mut fewer = Vec::new();
    for Seen { relation: table, rows: counted } in tables {
        let name = table.shown();
        let Some(relation) = now.iter().find(|relation| relation.oid == table.oid) else {
            // Another may have taken its name: then its rows were copied, and that is what
            // counts.
            let heir = now.iter().find(|one| one.shown() == name);
            let after = heir.map(|heir| rows(conn, heir)).transpose()?;
            let before = counted.unwrap_or_default();
            if after.is_none_or(|after| after < before) && before > 0 {
                fewer.push((table, FewerRows { table: name, before, after }));
            }
            continue;
        };
        if let Some(before) = counted {
            let after = rows(conn, relation)?;
            if after < before {
                fewer.push((table, FewerRows { table: name, before, after: Some(after) }));
            }
            continue;
        }
        let change = change(table.oid);
        if change < 0 {
            let after = rows(conn, relation)?;
            let before = after.saturating_add(change.unsigned_abs());
            fewer.push((table, FewerRows { table: name, before, after: Some(after) }));
        }
    }
    Ok(fewer)
}

/// Whether the migration says that this table may lose rows, by the name it has before or
/// after, or by that of a table that it is a part of.
fn is_named(effects: &Effects, relation: &Relation) -> bool {
    let own = relation.name.to_lowercase();
    std::iter::once(&own).chain(&relation.ancestors).any(|table| {
        let after = effects.name_after(table);
        let names = &effects.removes_rows_of;
        names.iter().any(|name| name == table || name == after || effects.name_after(name) == table)
    })
}

fn rows_lost(step: &Step, fewer: &FewerRows) -> Error {
    let table = redact::printable(&fewer.table);
    let now = fewer.after.map_or_else(|| "it is gone".to_owned(), |rows| format!("it has {rows}"));
    let cause = format!(
        "table {table} had {} rows and now {now}, but the migration doesn't name it in DELETE, DROP or TRUNCATE",
        fewer.before
    );
    let next = "a cascade or a trigger took them: change the migration so that the rows stay, or delete them by name";
    failed(step, &cause, next)
}
