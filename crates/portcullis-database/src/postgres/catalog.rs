//! Reading the schema: every object with the definition that the server gives of it.

pub(crate) mod touched;

use portcullis_model::catalog::{Catalog, Object, ObjectKind, is_bookkeeping};
use portcullis_model::sql::Dialect;

use super::link::conn::{Conn, Failure, Row, literal};
use super::link::transaction::aside;
use crate::seam::{Column, Table};

const OBJECTS: &str = include_str!("catalog.sql");

/// Definitions depend on what is visible, so that nothing but the server's own objects is
/// while they are read; and on how the role would have values and names written.
const ONE_WRITING: &str =
    "SET LOCAL search_path = pg_catalog; SET LOCAL quote_all_identifiers = off;
    SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO'; SET LOCAL IntervalStyle = 'postgres';
    SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'; SET LOCAL lc_monetary = 'C'";

/// A table, view or other relation of the application.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Relation {
    pub(super) oid: u32,
    pub(super) schema: String,
    pub(super) name: String,
    /// PostgreSQL's letter: `r` table, `p` partitioned table, `v` view, `m` materialised
    /// view, `f` foreign table.
    pub(super) kind: String,
    /// About how many rows it has, by the statistics; negative where nobody has counted.
    pub(super) about: f64,
    /// Whether it may be selected from: not a materialised view that was never filled, not
    /// what another server holds, and not a view that calls what a stranger has written: who
    /// selects from it is who calls it.
    pub(super) readable: bool,
    /// The tables, folded, that it is a partition or a child of.
    pub(super) ancestors: Vec<String>,
}

impl Relation {
    /// Its name as SQL.
    pub(super) fn sql(&self) -> String {
        super::link::conn::qualified(&self.schema, &self.name)
    }

    /// Its name for people and for the record: without the schema where that is `public`.
    pub(super) fn shown(&self) -> String {
        match self.schema.as_str() {
            "public" => self.name.clone(),
            schema => format!("{schema}.{}", self.name),
        }
    }

    /// Whether it holds rows of its own.
    pub(super) fn is_table(&self) -> bool {
        self.kind == "r"
    }
}

/// The schema.
pub(super) fn catalog(conn: &mut Conn) -> Result<Catalog, Failure> {
    let rows = aside(conn, |conn| {
        conn.run(ONE_WRITING)?;
        conn.ask(OBJECTS)
    })?;
    Ok(objects(rows))
}

fn objects(rows: Vec<Row>) -> Catalog {
    Catalog::new(rows.into_iter().filter_map(|row| {
        let [kind, name, sql] = <[Option<String>; 3]>::try_from(row).ok()?;
        Some(Object::new(ObjectKind::of_name(&kind?)?, name?, sql?, Dialect::Postgres))
    }))
}

/// The application's relations, by name.
pub(super) fn relations(conn: &mut Conn) -> Result<Vec<Relation>, Failure> {
    let rows = conn.ask(
        "WITH RECURSIVE self(oid) AS (
             SELECT oid FROM pg_catalog.pg_roles WHERE rolname = current_user
             UNION SELECT m.roleid FROM pg_catalog.pg_auth_members m JOIN self ON self.oid = m.member),
         trusted(oid) AS (
             SELECT oid FROM self UNION SELECT oid FROM pg_catalog.pg_roles WHERE rolsuper
             UNION SELECT datdba FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
         SELECT c.oid, n.nspname, c.relname, c.relkind,
                CASE WHEN c.relpages > 0 THEN c.reltuples ELSE -1 END,
                c.relispopulated AND c.relkind <> 'f' AND (c.relkind <> 'v' OR c.relowner IN (SELECT oid FROM trusted)),
                CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid) THEN
                    (WITH RECURSIVE above(oid) AS (
                         SELECT inhparent FROM pg_catalog.pg_inherits WHERE inhrelid = c.oid
                         UNION SELECT i.inhparent FROM pg_catalog.pg_inherits i JOIN above ON above.oid = i.inhrelid)
                     SELECT pg_catalog.string_agg(pg_catalog.lower(p.relname), pg_catalog.chr(10))
                     FROM above JOIN pg_catalog.pg_class p ON p.oid = above.oid) END
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't'
           AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
           AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                           WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
         ORDER BY n.nspname, c.relname",
    )?;
    Ok(rows.into_iter().filter_map(relation).filter(|one| !is_bookkeeping(&one.name)).collect())
}

fn relation(row: Vec<Option<String>>) -> Option<Relation> {
    let [oid, schema, name, kind, about, readable, ancestors] =
        <[Option<String>; 7]>::try_from(row).ok()?;
    Some(Relation {
        oid: oid?.parse().ok()?,
        schema: schema?,
        name: name?,
        kind: kind?,
        about: about?.parse().ok()?,
        readable: readable? == "t",
        ancestors: ancestors.unwrap_or_default().lines().map(str::to_owned).collect(),
    })
}

/// The columns of every table.
pub(super) fn columns(conn: &mut Conn) -> Result<Vec<Table>, Failure> {
    let rows = conn.ask(
        "SELECT c.oid, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), NOT a.attnotnull
         FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
         WHERE c.relkind IN ('r', 'p', 'f') AND a.attnum > 0 AND NOT a.attisdropped
         ORDER BY c.oid, a.attnum",
    )?;
    let tables = relations(conn)?.into_iter().filter(|one| ["r", "p", "f"].contains(&&*one.kind));
    let of = |oid: u32| {
        let own = rows.iter().filter(move |row| row[0].as_deref() == Some(&*oid.to_string()));
        own.filter_map(|row| {
            let [_, name, declared, nullable] = row.as_slice() else { return None };
            Some(Column {
                name: name.clone()?,
                // Only what lies elsewhere is named with its schema.
                declared: declared.as_deref()?.replacen("public.", "", 1),
                nullable: nullable.as_deref() == Some("t"),
            })
        })
        .collect()
    };
    Ok(tables.map(|table| Table { columns: of(table.oid), name: table.shown() }).collect())
}

/// Counts the rows of a table.
pub(super) fn count(conn: &mut Conn, relation: &Relation) -> Result<u64, Failure> {
    let row = conn.ask_one(&format!("SELECT count(*) FROM ONLY {}", relation.sql()))?;
    Ok(row.first().cloned().flatten().and_then(|text| text.parse().ok()).unwrap_or_default())
}

/// Indexes that a failed `CONCURRENTLY` left, as SQL names.
pub(super) fn invalid_indexes(conn: &mut Conn) -> Result<Vec<String>, Failure> {
    let rows = conn.ask(
        "SELECT n.nspname, c.relname FROM pg_catalog.pg_index x
         JOIN pg_catalog.pg_class c ON c.oid = x.indexrelid
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE NOT x.indisvalid AND c.relkind = 'i' AND n.nspname NOT LIKE 'pg\\_%'
         ORDER BY 1, 2",
    )?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            let [schema, name] = <[Option<String>; 2]>::try_from(row).ok()?;
            Some(super::link::conn::qualified(&schema?, &name?))
        })
        .collect())
}

/// The number of the relation of this name, a literal, as the application finds it.
pub(super) fn oid_of(conn: &mut Conn, name: &str) -> Result<Option<String>, Failure> {
    let rows =
        conn.ask_as_application(&format!("SELECT pg_catalog.to_regclass({name})::pg_catalog.oid"))?;
    Ok(rows.into_iter().next().and_then(|row| row.into_iter().next().flatten()))
}

/// Whether Diesel's table is there, where a query finds it.
pub(super) fn has_diesel_table(conn: &mut Conn) -> Result<bool, Failure> {
    let table = literal(portcullis_model::catalog::DIESEL_TABLE);
    oid_of(conn, &table).map(|oid| oid.is_some())
}

#[cfg(test)]
mod tests;
