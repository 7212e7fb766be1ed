//! What tables look like to somebody who wants to put rows into them.

use portcullis_model::sql::{Dialect, TokenKind, fold, lex};
use rusqlite::{Connection, Result as SqlResult};

use super::catalog;
use crate::scratch::shape::{Column, Filled, ForeignKey, Kind, Shape, Unique};

/// The words that SQLite takes for no name unless they are quoted.
const RESERVED: &str = " add all alter and as autoincrement between case check collate commit constraint create default deferrable delete distinct drop else escape except exists foreign from group having in index insert intersect into is isnull join limit not notnull null on or order primary references returning select set table then to transaction union unique update using values when where ";

/// Every ordinary table of the application.
pub(super) fn shapes(conn: &Connection) -> SqlResult<Vec<Shape>> {
    catalog::relations(conn, "table")?.into_iter().map(|name| shape(conn, name)).collect()
}

fn shape(conn: &Connection, name: String) -> SqlResult<Shape> {
    let strict: bool = conn.query_row(
        "SELECT strict FROM pragma_table_list WHERE schema = 'main' AND name = ?1",
        [&name],
        |row| row.get(0),
    )?;
    let text: Option<String> = conn.query_row(
        "SELECT sql FROM main.sqlite_schema WHERE type = 'table' AND name = ?1",
        [&name],
        |row| row.get(0),
    )?;
    let mut statement = conn.prepare(
        "SELECT name, type, \"notnull\", dflt_value IS NOT NULL, pk, hidden
         FROM pragma_table_xinfo(?1) WHERE hidden <> 1 ORDER BY cid",
    )?;
    let mut primary = Vec::new();
    let mut columns = Vec::new();
    let mut rows = statement.query([&name])?;
    while let Some(row) = rows.next()? {
        let (column, declared): (String, String) = (row.get(0)?, row.get(1)?);
        let (not_null, has_default): (bool, bool) = (row.get(2)?, row.get(3)?);
        let (place, hidden): (u32, i64) = (row.get(4)?, row.get(5)?);
        if place > 0 {
            primary.push((place, columns.len()));
        }
        let filled = match (hidden, has_default) {
            (2 | 3, _) => Filled::Computed,
            (_, true) => Filled::Default,
            _ => Filled::Given,
        };
        columns.push(Column {
            sql: sql(&column),
            name: column,
            kind: kind(&declared),
            declared,
            nullable: !(not_null || strict && place > 0),
            filled,
            loose: !strict,
        });
    }
    primary.sort_unstable();
    let primary: Vec<usize> = primary.into_iter().map(|(_, column)| column).collect();
    // The number of the row itself: it takes numbers only, and counts by itself.
    if let [only] = primary[..]
        && columns[only].declared.eq_ignore_ascii_case("integer")
    {
        columns[only].loose = false;
        columns[only].nullable = false;
        columns[only].filled = Filled::Counter;
    }
    let mut uniques = indexes(conn, &name, &columns)?;
    if !primary.is_empty() {
        uniques.push(Unique { columns: primary, plain: true, primary: true });
    }
    let keys = keys(conn, &name, &columns)?;
    let checks = text.map_or_else(Vec::new, |text| checks(&text));
    Ok(Shape { sql: sql(&name), name, columns, uniques, keys, checks })
}

/// The unique indexes, those of the primary key left out.
fn indexes(conn: &Connection, table: &str, columns: &[Column]) -> SqlResult<Vec<Unique>> {
    let mut list = conn.prepare(
        "SELECT name, partial FROM pragma_index_list(?1) WHERE \"unique\" AND origin <> 'pk'",
    )?;
    let indexes = list
        .query_map([table], |row| Ok((row.get::<_, String>(0)?, row.get::<_, bool>(1)?)))?
        .collect::<SqlResult<Vec<_>>>()?;
    let mut uniques = Vec::new();
    for (index, partial) in indexes {
        let mut parts = conn.prepare("SELECT name FROM pragma_index_info(?1)")?;
        let names = parts
            .query_map([&index], |row| row.get::<_, Option<String>>(0))?
            .collect::<SqlResult<Vec<_>>>()?;
        let plain = !partial && names.iter().all(Option::is_some);
        let found = if plain {
            names.into_iter().flatten().filter_map(|name| place(columns, &name)).collect()
        } else {
            let text: Option<String> = conn.query_row(
                "SELECT sql FROM main.sqlite_schema WHERE type = 'index' AND name = ?1",
                [&index],
                |row| row.get(0),
            )?;
            mentioned(&text.unwrap_or_default(), columns)
        };
        uniques.push(Unique { columns: found, plain, primary: false });
    }
    Ok(uniques)
}

/// The columns that a text mentions.
fn mentioned(text: &str, columns: &[Column]) -> Vec<usize> {
    let tokens = lex(text, Dialect::Sqlite);
    let names: Vec<String> = tokens.into_iter().map(|token| fold(&text[token.span])).collect();
    let is_there = |column: &Column| names.contains(&column.name.to_ascii_lowercase());
    (0..columns.len()).filter(|place| is_there(&columns[*place])).collect()
}

fn place(columns: &[Column], name: &str) -> Option<usize> {
    columns.iter().position(|column| column.name.eq_ignore_ascii_case(name))
}

fn keys(conn: &Connection, table: &str, columns: &[Column]) -> SqlResult<Vec<ForeignKey>> {
    let mut statement = conn.prepare(
        "SELECT id, \"table\", \"from\", \"to\" FROM pragma_foreign_key_list(?1) ORDER BY id, seq",
    )?;
    let rows = statement
        .query_map([table], |row| {
            let (id, parent): (i64, String) = (row.get(0)?, row.get(1)?);
            let (from, to): (String, Option<String>) = (row.get(2)?, row.get(3)?);
            Ok((id, parent, from, to))
        })?
        .collect::<SqlResult<Vec<_>>>()?;
    let mut found: Vec<(i64, ForeignKey)> = Vec::new();
    for (id, parent, from, to) in rows {
        let Some(column) = place(columns, &from) else { continue };
        if found.last().is_none_or(|(last, _)| *last != id) {
            let key = ForeignKey { columns: vec![], parent: sql(&parent), referenced: vec![] };
            found.push((id, key));
        }
        if let Some((_, key)) = found.last_mut() {
            key.columns.push(column);
            key.referenced.extend(to);
        }
    }
    for (_, key) in &mut found {
        // Without names it is the parent's primary key.
        if key.referenced.is_empty() {
            let parent = fold(&key.parent);
            let mut primary =
                conn.prepare("SELECT name FROM pragma_table_info(?1) WHERE pk > 0 ORDER BY pk")?;
            let names = primary.query_map([parent], |row| row.get(0))?;
            key.referenced = names.collect::<SqlResult<_>>()?;
        }
    }
    Ok(found.into_iter().map(|(_, key)| key).collect())
}

/// What stands in the parentheses after each `CHECK`.
fn checks(text: &str) -> Vec<String> {
    let tokens = lex(text, Dialect::Sqlite);
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let word = &text[token.span.clone()];
        if token.kind != TokenKind::Word || !word.eq_ignore_ascii_case("check") {
            continue;
        }
        let mut depth = 0_i32;
        let end = tokens[at + 1..].iter().find(|token| {
            depth += match &text[token.span.clone()] {
                "(" => 1,
                ")" => -1,
                _ => 0,
            };
            depth == 0
        });
        if let Some(end) = end {
            found.push(text[token.span.end..end.span.end].trim().to_owned());
        }
    }
    found
}

/// What people put into a column that they declare so; SQLite itself would take anything.
fn kind(declared: &str) -> Kind {
    let declared = declared.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| declared.contains(word));
    let limit = || {
        declared.split_once('(').and_then(|(_, rest)| {
            rest.trim_end_matches(')')
                .split(',')
                .next()
                .and_then(|digits| digits.trim().parse().ok())
        })
    };
    if has(&["bool"]) {
        Kind::Bool
    } else if has(&["interval"]) {
        Kind::Text(None)
    } else if has(&["int"]) {
        Kind::Integer(64)
    } else if has(&["timestamp", "datetime"]) {
        Kind::Timestamp
    } else if has(&["date"]) {
        Kind::Date
    } else if has(&["time"]) {
        Kind::Time
    } else if has(&["uuid", "guid"]) {
        Kind::Uuid
    } else if has(&["json"]) {
        Kind::Json
    } else if has(&["char", "clob", "text"]) {
        Kind::Text(limit())
    } else if has(&["real", "floa", "doub"]) {
        Kind::Real(64)
    } else if has(&["num", "dec"]) {
        Kind::Numeric(None)
    } else if declared.is_empty() || has(&["blob", "any", "byte"]) {
        Kind::Bytes
    } else {
        Kind::Text(None)
    }
}

/// A name as SQL, quoted only if it must be.
fn sql(name: &str) -> String {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty()
        && !RESERVED.contains(&format!(" {} ", name.to_ascii_lowercase()));
    if plain { name.to_owned() } else { catalog::quoted(name) }
}
