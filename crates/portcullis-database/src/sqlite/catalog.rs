//! Reading the schema, the sizes and the counts.

use std::collections::BTreeMap;
use std::path::Path;

use portcullis_model::catalog::{Catalog, Object, ObjectKind, is_bookkeeping};
use portcullis_model::redact;
use portcullis_model::sql::Dialect;
use rusqlite::{Connection, Result as SqlResult};

use super::ledger;
use crate::error::sqlite_words;
use crate::seam::{Column, Survey, Table};
use crate::{Error, Result};

pub(super) fn survey(conn: &Connection, path: &Path) -> Result<Survey> {
    let read = || -> SqlResult<Survey> {
        Ok(Survey {
            engine_version: rusqlite::version().to_owned(),
            bytes: bytes(conn)?,
            identity: ledger::identity(conn)?,
            is_copy: false,
            hindrances: Vec::new(),
            applied: ledger::applied(conn)?,
            catalog: catalog(conn)?,
            open_runs: ledger::open_runs(conn)?,
            last_receipt: ledger::last_receipt(conn)?,
            head: ledger::head(conn)?,
            connection: None,
        })
    };
    // One snapshot for all of it, whether or not a transaction is open already; closed
    // whatever happens, so that it never outlives the look.
    conn.execute_batch("SAVEPOINT portcullis_survey")
        .and_then(|()| {
            let survey = read();
            conn.execute_batch("RELEASE portcullis_survey").and(survey)
        })
        .map_err(|error| Error::sqlite("read the database", path, &error))
}

/// The size of the database: its pages, whether or not they are in the file yet.
pub(super) fn bytes(conn: &Connection) -> SqlResult<u64> {
    let pragma = |name| conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let bytes = pragma("page_count")?.saturating_mul(pragma("page_size")?);
    Ok(u64::try_from(bytes).unwrap_or_default())
}

pub(super) fn journal_mode(conn: &Connection) -> SqlResult<String> {
    conn.pragma_query_value(None, "journal_mode", |row| row.get(0))
}

/// An object as SQLite keeps it.
#[derive(Debug, Clone)]
pub(super) struct Definition {
    pub(super) kind: String,
    pub(super) name: String,
    /// What an index or a trigger is on.
    pub(super) table: String,
    pub(super) sql: String,
}

/// The object. SQLite's own (`sqlite_…`) and bookkeeping are none, nor is an index or trigger on
/// a bookkeeping table.
pub(super) fn object(definition: Definition) -> Option<Object> {
    let Definition { kind, name, table, sql } = definition;
    let kind = match kind.as_str() {
        "table" => ObjectKind::Table,
        "view" => ObjectKind::View,
        "index" => ObjectKind::Index,
        _ => ObjectKind::Trigger,
    };
    let is_own = name.get(..7).is_some_and(|head| head.eq_ignore_ascii_case("sqlite_"));
    (!is_own && !is_bookkeeping(&table)).then(|| Object::new(kind, name, sql, Dialect::Sqlite))
}

/// Every object with a text of its own.
pub(super) fn catalog(conn: &Connection) -> SqlResult<Catalog> {
    let mut statement = conn.prepare(
        "SELECT type, name, tbl_name, sql FROM main.sqlite_schema WHERE sql IS NOT NULL",
    )?;
    let rows = statement.query_map([], |row| {
        let (kind, name) = (row.get(0)?, row.get(1)?);
        Ok(Definition { kind, name, table: row.get(2)?, sql: row.get(3)? })
    })?;
    let definitions = rows.collect::<SqlResult<Vec<_>>>()?;
    Ok(Catalog::new(definitions.into_iter().filter_map(object)))
}

/// Ordinary tables and views, by name. Virtual tables need modules that only the
/// application may have, and their shadow tables are their own affair.
pub(super) fn relations(conn: &Connection, kind: &str) -> SqlResult<Vec<String>> {
    let mut statement = conn.prepare(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = ?1
         AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
    )?;
    let names = statement
        .query_map([kind], |row| row.get::<_, String>(0))?
        .collect::<SqlResult<Vec<_>>>()?;
    Ok(names.into_iter().filter(|name| !is_bookkeeping(name)).collect())
}

/// The columns of every ordinary table.
pub(super) fn columns(conn: &Connection) -> SqlResult<Vec<Table>> {
    let table = |name: String| Ok(Table { columns: columns_of(conn, &name)?, name });
    relations(conn, "table")?.into_iter().map(table).collect()
}

/// The columns of one table.
pub(super) fn columns_of(conn: &Connection, table: &str) -> SqlResult<Vec<Column>> {
    // Hidden columns are those of a virtual table; generated ones have a number of their own.
    let mut statement = conn.prepare(
        "SELECT name, type, \"notnull\" = 0 FROM pragma_table_xinfo(?1) WHERE hidden <> 1",
    )?;
    let rows = statement.query_map([table], |row| {
        Ok(Column { name: row.get(0)?, declared: row.get(1)?, nullable: row.get(2)? })
    })?;
    rows.collect()
}

/// Row counts of tables.
pub(super) fn counts(conn: &Connection, tables: &[String]) -> SqlResult<BTreeMap<String, u64>> {
    let count = |table: &String| {
        let sql = format!("SELECT count(*) FROM main.{}", quoted(table));
        let rows: i64 = conn.query_row(&sql, [], |row| row.get(0))?;
        Ok((table.clone(), u64::try_from(rows).unwrap_or_default()))
    };
    tables.iter().map(count).collect()
}

/// Foreign-key violations per table and referenced table.
pub(super) type Violations = BTreeMap<(String, String), u64>;

/// Foreign-key violations, counted: of all tables, or of these. A key that SQLite can't
/// check (its parent has no unique column for it) counts as one, with SQLite's words in
/// place of the parent.
pub(super) fn violations(conn: &Connection, tables: Option<&[String]>) -> SqlResult<Violations> {
    let mut found = Violations::new();
    let all;
    let tables = match tables {
        Some(tables) => tables,
        None => {
            all = relations(conn, "table")?;
            &all
        }
    };
    for table in tables {
        let sql = format!("PRAGMA main.foreign_key_check({})", quoted(table));
        let checked = conn.prepare(&sql).and_then(|mut statement| {
            let mut rows = statement.query([])?;
            let mut parents = BTreeMap::new();
            while let Some(row) = rows.next()? {
                *parents.entry(row.get::<_, String>(2)?).or_default() += 1;
            }
            Ok(parents)
        });
        match checked {
            Ok(parents) => found
                .extend(parents.into_iter().map(|(parent, rows)| ((table.clone(), parent), rows))),
            Err(error) if sqlite_words(&error).starts_with(MISMATCH) => {
                found.insert((table.clone(), sqlite_words(&error)), 1);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// How SQLite begins to speak of a key that it can't check.
const MISMATCH: &str = "foreign key mismatch";

/// What is worse now than before, in words; tables that were renamed are followed.
pub(super) fn worse(
    before: &Violations,
    now: &Violations,
    renames: &[(String, String)],
) -> Option<String> {
    let follow = |name: &str| {
        let name = name.to_ascii_lowercase();
        renames.iter().fold(name, |name, (from, to)| if *from == name { to.clone() } else { name })
    };
    let known: BTreeMap<(String, String), u64> = before
        .iter()
        .map(|((table, parent), rows)| ((follow(table), follow(parent)), *rows))
        .collect();
    let key = |(table, parent): &(String, String)| {
        (table.to_ascii_lowercase(), parent.to_ascii_lowercase())
    };
    let ((table, parent), rows) =
        now.iter().find(|(pair, rows)| **rows > known.get(&key(pair)).copied().unwrap_or(0))?;
    let (table, parent) = (redact::printable(table), redact::printable(parent));
    Some(if parent.starts_with(MISMATCH) {
        parent.into_owned()
    } else {
        format!("{rows} rows of {table} reference rows of {parent} that don't exist")
    })
}

/// These tables, and every table that references one of them.
pub(super) fn with_children(conn: &Connection, tables: &[String]) -> SqlResult<Vec<String>> {
    let mut statement = conn
        .prepare("SELECT count(*) FROM pragma_foreign_key_list(?1) WHERE lower(\"table\") = ?2")?;
    let mut found = Vec::new();
    for candidate in relations(conn, "table")? {
        let mut concerned = tables.iter().any(|table| table.eq_ignore_ascii_case(&candidate));
        for table in tables {
            concerned |= statement.query_row([&candidate, table], |row| row.get::<_, i64>(0))? > 0;
        }
        if concerned {
            found.push(candidate);
        }
    }
    Ok(found)
}

/// Whether a plain INSERT or UPDATE may remove rows here: by a trigger, or by a
/// constraint that says `ON CONFLICT REPLACE`.
pub(super) fn writes_may_remove(conn: &Connection) -> SqlResult<bool> {
    conn.query_row(
        "SELECT EXISTS (SELECT 1 FROM main.sqlite_schema WHERE type = 'trigger' OR sql LIKE '%replace%')",
        [],
        |row| row.get(0),
    )
}

/// A name as SQL.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
