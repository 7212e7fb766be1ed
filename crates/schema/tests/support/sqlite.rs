//! SQLite, in a file.

use std::collections::BTreeMap;
use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationConnection};
use diesel::prelude::*;
use rusqlite::types::ValueRef;
use tempfile::TempDir;

use super::{Database, Way};

const MIGRATIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/sqlite");

pub(crate) struct Sqlite {
    directory: TempDir,
    /// Diesel's connection.
    pub(crate) connection: SqliteConnection,
    migrations: Vec<Box<dyn Migration<diesel::sqlite::Sqlite>>>,
}

impl Sqlite {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("studio.db");
        let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        connection.batch_execute("PRAGMA foreign_keys = ON").unwrap();
        connection.setup().unwrap();
        let migrations = super::migrations::<SqliteConnection>(MIGRATIONS);
        Self { directory, connection, migrations }
    }

    /// Whether a migration drops a table and gives its name to another.
    fn rebuilds(&self, index: usize, way: Way) -> bool {
        let file = match way {
            Way::Up => "up.sql",
            Way::Down => "down.sql",
        };
        let directory = self.migrations[index].name().to_string();
        let sql = std::fs::read_to_string(Path::new(MIGRATIONS).join(directory).join(file));
        let sql = sql.unwrap();
        sql.contains("DROP TABLE") && sql.contains("RENAME TO")
    }

    /// A second connection, which sees what PRAGMAs say. It is dropped before the next
    /// migration: leaving WAL mode needs the database alone.
    fn open(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.directory.path().join("studio.db")).unwrap()
    }
}

impl Database for Sqlite {
    fn directories(&self) -> Vec<String> {
        self.migrations.iter().map(|migration| migration.name().to_string()).collect()
    }

    /// A rebuild runs with foreign keys off.
    fn migrate(&mut self, index: usize, way: Way) -> Result<(), String> {
        if self.rebuilds(index, way) {
            self.execute("PRAGMA foreign_keys = OFF")?;
        }
        super::migrate(&mut self.connection, &*self.migrations[index], way)?;
        self.execute("PRAGMA foreign_keys = ON")
    }

    fn execute(&mut self, sql: &str) -> Result<(), String> {
        self.connection.batch_execute(sql).map_err(|error| error.to_string())
    }

    fn rows(&self, query: &str) -> Vec<String> {
        let db = self.open();
        let mut statement = db.prepare(query).unwrap();
        let columns = statement.column_count();
        let row = |row: &rusqlite::Row<'_>| {
            let values = (0..columns).map(|index| Ok(shown(row.get_ref(index)?)));
            let values: rusqlite::Result<Vec<String>> = values.collect();
            Ok(values?.join(" | "))
        };
        let all: rusqlite::Result<Vec<String>> = statement.query_map([], row).unwrap().collect();
        all.unwrap()
    }

    fn tables(&self) -> Vec<String> {
        self.rows(
            "SELECT name FROM sqlite_schema
             WHERE type = 'table' AND name NOT GLOB 'sqlite_*' AND name NOT GLOB '__diesel_*'
             ORDER BY name",
        )
    }

    fn columns(&self) -> Vec<[String; 4]> {
        let mut all = Vec::new();
        for table in self.tables() {
            let columns =
                format!("SELECT name, type, \"notnull\", pk FROM pragma_table_xinfo('{table}')");
            for row in self.rows(&columns) {
                let [column, declared, not_null, key] =
                    row.split(" | ").collect::<Vec<_>>().try_into().unwrap();
                let r#type = diesel_type(declared);
                let r#type = match not_null {
                    "1" => r#type.to_owned(),
                    _ => format!("Nullable<{type}>"),
                };
                let key = if key == "0" { "" } else { "key" };
                all.push([table.clone(), column.to_owned(), r#type, key.to_owned()]);
            }
        }
        all
    }

    fn foreign_keys(&self) -> Vec<String> {
        let of = |child: &String| {
            let parents =
                format!("SELECT \"table\", \"from\" FROM pragma_foreign_key_list('{child}')");
            let written = |it: String| format!("{child} -> {})", it.replace(" | ", " ("));
            self.rows(&parents).into_iter().map(written).collect::<Vec<_>>()
        };
        self.tables().iter().flat_map(of).collect()
    }

    /// For each object its SQL, for each table and view its columns, and the journal mode.
    fn schema(&self) -> BTreeMap<String, Vec<String>> {
        let mut schema = BTreeMap::new();
        for name in self.rows("SELECT name FROM sqlite_schema WHERE sql IS NOT NULL") {
            let sql = self.rows(&format!("SELECT sql FROM sqlite_schema WHERE name = '{name}'"));
            let mut parts = vec![normalised(&sql.concat())];
            parts.extend(self.rows(&format!("PRAGMA table_xinfo({name})")));
            schema.insert(name, parts);
        }
        schema.insert("journal mode".to_owned(), self.rows("PRAGMA journal_mode"));
        schema
    }

    fn orphans(&self) -> Vec<String> {
        self.rows("PRAGMA foreign_key_check")
    }
}

fn diesel_type(declared: &str) -> &'static str {
    match declared {
        "TEXT" => "Text",
        "INTEGER" => "Integer",
        "BOOLEAN" => "Bool",
        "DATE" => "Date",
        "TIMESTAMP" => "Timestamp",
        other => panic!("say here what Diesel makes of {other}"),
    }
}

fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(bytes) => format!("{bytes:?}"),
    }
}

/// Renaming puts quotes around a table's name and DROP COLUMN leaves blanks behind;
/// neither is a difference.
fn normalised(sql: &str) -> String {
    let spaced = sql.replace('"', "").replace('(', " ( ").replace(')', " ) ");
    let spaced = spaced.replace(',', " , ");
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}
