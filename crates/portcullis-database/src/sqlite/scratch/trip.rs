//! Up, down and up, where only what differs is looked at: what it takes doesn't grow with the
//! rows, and with the schema only by what SQLite itself does for each change of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use portcullis_model::catalog::{Catalog, is_bookkeeping};
use portcullis_model::plan::Step;
use portcullis_model::sql::{Dialect, TokenKind, fold, lex};
use rusqlite::{Connection, Result as SqlResult};

use super::Database;
use crate::scratch::{Contents, Scratch as _, Trip};
use crate::sqlite::catalog::{Definition, object};

/// Whether SQLite tells all that a text changes.
pub(super) fn tells_all(sql: &str) -> bool {
    const TELLS_NOT: [&str; 5] = ["sqlite_", "pragma", "attach", "detach", "virtual"];
    let text = sql.to_ascii_lowercase();
    !TELLS_NOT.iter().any(|word| text.contains(word))
}

/// See [`Scratch::rehearse_trip`]. Something may be left open.
pub(super) fn trip(
    database: &mut Database,
    seeds: &[&str],
    (up, down): (&Step, &Step),
) -> Option<Trip> {
    database.begin().ok()?;
    // Only of what is committed may the number be remembered: what is rolled back takes its
    // numbers with it, and others come by them.
    database.schema = database.schema.next(&database.conn).ok()?;
    for sql in seeds {
        database.ask(sql).ok()?;
    }
    let first = database.schema.next(&database.conn).ok()?;
    // A virtual table keeps what it has elsewhere.
    if first.tables().any(|one| one.sql.get(..14).is_some_and(is_virtual)) {
        return None;
    }
    let tables = named_in(&first, &[&up.sql, &down.sql]);
    let rows_before = rows(database, &tables)?;
    database.touched.start();
    let mut go = |step: &Step, last: &Schema| -> Option<Schema> {
        database.run_step(step).ok()?;
        last.next(&database.conn).ok()
    };
    let there = go(up, &first).and_then(|after| go(down, &after).map(|back| (after, back)));
    let gone = there.and_then(|(after, back)| {
        let rows_back = rows(database, &tables)?;
        database.run_step(up).ok()?;
        let again = back.next(&database.conn).ok()?;
        Some((after, back, again, rows_back))
    });
    let touched = database.touched.stop();
    let (after, back, again, rows_back) = gone?;
    let is_known = |table: &String| {
        is_bookkeeping(table)
            || table.starts_with("sqlite_")
            || tables.contains(table)
            || !first.has_table(table)
    };
    if !touched.iter().all(is_known) {
        return None;
    }
    let (before, back) = first.beside(&back);
    let (after, again) = after.beside(&again);
    Some(Trip { before, after, back, again, rows_before, rows_back })
}

fn is_virtual(head: &str) -> bool {
    head.eq_ignore_ascii_case("create virtual")
}

/// A schema as SQLite keeps it: as long as an object's text is the same, the object is.
#[derive(Debug, Clone, Default)]
pub(super) struct Schema {
    /// Another one after each change.
    version: i64,
    /// By its place in SQLite's own table.
    all: Vec<(i64, Arc<Definition>)>,
}

impl Schema {
    /// What it has become. What is as it was is only looked at.
    fn next(&self, conn: &Connection) -> SqlResult<Self> {
        let version = version(conn)?;
        if version == self.version {
            return Ok(self.clone());
        }
        let mut all = Vec::with_capacity(self.all.len() + 4);
        let mut known = self.all.iter().peekable();
        let mut statement = conn.prepare(
            "SELECT rowid, type, name, tbl_name, sql FROM main.sqlite_schema
             WHERE sql IS NOT NULL ORDER BY rowid",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let at: i64 = row.get(0)?;
            while known.next_if(|(place, _)| *place < at).is_some() {}
            let text = |column| row.get_ref(column).and_then(|text| Ok(text.as_str()?));
            let [kind, name, table, sql] = [text(1)?, text(2)?, text(3)?, text(4)?];
            let same = known.next_if(|(place, known)| {
                *place == at
                    && known.sql == sql
                    && known.name == name
                    && known.table == table
                    && known.kind == kind
            });
            let definition = same.map(|(_, known)| Arc::clone(known)).unwrap_or_else(|| {
                let [kind, name, table, sql] = [kind, name, table, sql].map(str::to_owned);
                Arc::new(Definition { kind, name, table, sql })
            });
            all.push((at, definition));
        }
        Ok(Self { version, all })
    }

    /// What differs of this one, and of the other.
    fn beside(&self, other: &Self) -> (Catalog, Catalog) {
        let is_in = |one: &(i64, Arc<Definition>), all: &[(i64, Arc<Definition>)]| {
            let at = all.binary_search_by_key(&one.0, |(place, _)| *place);
            at.is_ok_and(|at| Arc::ptr_eq(&all[at].1, &one.1))
        };
        let only = |one: &Self, other: &Self| {
            let only = one.all.iter().filter(|one| !is_in(one, &other.all));
            Catalog::new(only.filter_map(|(_, one)| object(Definition::clone(one))))
        };
        (only(self, other), only(other, self))
    }

    fn has_table(&self, name: &str) -> bool {
        self.tables().any(|one| one.name.eq_ignore_ascii_case(name))
    }

    fn tables(&self) -> impl Iterator<Item = &Definition> {
        self.all.iter().map(|(_, one)| one.as_ref()).filter(|one| one.kind == "table")
    }
}

fn version(conn: &Connection) -> SqlResult<i64> {
    conn.pragma_query_value(None, "schema_version", |row| row.get(0))
}

/// The tables that texts name, in small letters.
fn named_in(schema: &Schema, texts: &[&str]) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for text in texts {
        for token in lex(text, Dialect::Sqlite) {
            if matches!(token.kind, TokenKind::Word | TokenKind::QuotedName | TokenKind::Text) {
                named.insert(fold(&text[token.span]));
            }
        }
    }
    named.retain(|name| schema.has_table(name));
    named
}

fn rows(database: &mut Database, tables: &BTreeSet<String>) -> Option<Contents> {
    let mut contents = Contents::new();
    for table in tables {
        let mut rows = database.rows_of(table).ok()?;
        if !rows.is_empty() {
            rows.sort();
            contents.insert(table.clone(), rows);
        }
    }
    Some(contents)
}
