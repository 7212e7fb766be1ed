//! The tool's own tables: which they are, and where.

use std::collections::BTreeSet;

use portcullis_model::catalog::DIESEL_TABLE;

use super::link::conn::{Conn, Failure, literal};

/// Where the tool's tables are, or go: the schema that Diesel's table is in, or would be
/// made in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Home(String);

/// The tables, each with its columns.
const TABLES: [(&str, &str); 6] = [
    (
        "__portcullis_identity",
        // A copy of the database carries this row too: the cluster and the database in it
        // say where it was written.
        "only_row integer PRIMARY KEY CHECK (only_row = 1), uuid text NOT NULL,
         cluster text NOT NULL, database_oid bigint NOT NULL",
    ),
    (
        "__portcullis_run",
        "sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, run text NOT NULL UNIQUE,
         intent text NOT NULL, entering text, closed boolean NOT NULL DEFAULT false",
    ),
    (
        "__portcullis_head",
        "only_row integer PRIMARY KEY CHECK (only_row = 1), run text NOT NULL, schema text NOT NULL",
    ),
    (
        "__portcullis_schema",
        "kind text NOT NULL, name text NOT NULL, sql text NOT NULL, PRIMARY KEY (kind, name)",
    ),
    (
        "__portcullis_migration",
        "version text PRIMARY KEY, directory text NOT NULL, fingerprint text NOT NULL,
         down_sql text, run text NOT NULL",
    ),
    (
        "__portcullis_receipt",
        "sequence bigint PRIMARY KEY, run text NOT NULL, digest text NOT NULL, body text NOT NULL",
    ),
];

impl Home {
    /// Finds it.
    pub(super) fn find(conn: &mut Conn) -> Result<Self, Failure> {
        let diesel = literal(DIESEL_TABLE);
        let seen = conn.ask_as_application(&format!(
            "SELECT pg_catalog.to_regclass({diesel})::pg_catalog.oid, pg_catalog.current_schema()"
        ))?;
        let [table, schema] = seen
            .into_iter()
            .next()
            .and_then(|row| <[Option<String>; 2]>::try_from(row).ok())
            .unwrap_or_default()
            .map(|cell| cell.map_or("NULL".to_owned(), |text| literal(&text)));
        let row = conn.ask_one(&format!(
            "SELECT coalesce(
                 (SELECT n.nspname FROM pg_catalog.pg_class c
                  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                  WHERE c.oid = {table}::pg_catalog.oid),
                 (SELECT n.nspname FROM pg_catalog.pg_class c
                  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                  WHERE c.relname IN ('__portcullis_identity', {diesel}) AND c.relkind = 'r'
                    AND c.relpersistence = 'p'
                  ORDER BY c.relname = {diesel}, n.nspname = {schema} DESC, n.nspname LIMIT 1),
                 {schema}, 'public')"
        ))?;
        let schema = row.into_iter().next().flatten();
        schema.map(Self).ok_or_else(|| Failure::of("the server names no schema"))
    }

    /// A table's name as SQL.
    pub(super) fn table(&self, table: &str) -> String {
        super::link::conn::qualified(&self.0, table)
    }

    /// The names of those that are there, with Diesel's.
    pub(super) fn there(&self, conn: &mut Conn) -> Result<BTreeSet<String>, Failure> {
        let rows = conn.ask(&format!(
            "SELECT c.relname FROM pg_catalog.pg_class c
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = {} AND c.relkind = 'r'
               AND (c.relname LIKE '\\_\\_portcullis\\_%' OR c.relname = {})",
            literal(&self.0),
            literal(DIESEL_TABLE)
        ))?;
        Ok(rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect())
    }

    /// Makes what is missing, in the open transaction. Looks first: an owner of the tables
    /// need not be allowed to make others.
    pub(super) fn make(&self, conn: &mut Conn) -> Result<(), Failure> {
        let there = self.there(conn)?;
        for (table, columns) in TABLES.iter().filter(|(table, _)| !there.contains(*table)) {
            conn.run(&format!("CREATE TABLE {} ({columns})", self.table(table)))?;
        }
        Ok(())
    }
}
