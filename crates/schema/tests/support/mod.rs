//! A database in a file on which migrations run one at a time, as the gate runs them.

pub(crate) mod mess;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationConnection, MigrationSource};
use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use rusqlite::types::ValueRef;
use tempfile::TempDir;

const MIGRATIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/sqlite");

/// Up or down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Up,
    Down,
}

/// An empty database and the project's migrations.
pub(crate) struct Bench {
    directory: TempDir,
    connection: SqliteConnection,
    migrations: Vec<Box<dyn Migration<Sqlite>>>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("studio.db");
        let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        connection.batch_execute("PRAGMA foreign_keys = ON").unwrap();
        connection.setup().unwrap();
        let mut migrations: Vec<Box<dyn Migration<Sqlite>>> =
            FileBasedMigrations::from_path(MIGRATIONS).unwrap().migrations().unwrap();
        migrations.sort_by_key(|migration| migration.name().version().as_owned());
        Self { directory, connection, migrations }
    }

    /// A database as it is just before the migration called `name` (without its version).
    pub(crate) fn before(name: &str) -> Self {
        let mut bench = Self::new();
        for earlier in bench.names() {
            if earlier == name {
                return bench;
            }
            bench.run(&earlier, Way::Up);
        }
        panic!("no migration is called {name}");
    }

    /// Names without versions, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let directories = self.migrations.iter().map(|it| it.name().to_string());
        let name = |directory: String| directory.split_once('_').unwrap().1.to_owned();
        directories.map(name).collect()
    }

    /// Runs one migration; a rebuild with foreign keys off. Afterwards every reference
    /// must lead somewhere.
    pub(crate) fn run(&mut self, name: &str, way: Way) {
        let rebuild = self.rebuilds(name, way);
        if rebuild {
            self.sql("PRAGMA foreign_keys = OFF");
        }
        self.try_run(name, way).unwrap_or_else(|error| panic!("{name}, {way:?}: {error}"));
        self.sql("PRAGMA foreign_keys = ON");
        let orphans = self.rows("PRAGMA foreign_key_check");
        assert!(orphans.is_empty(), "{name}, {way:?}: {orphans:?}");
    }

    /// Runs one migration with foreign keys as they are.
    pub(crate) fn try_run(&mut self, name: &str, way: Way) -> Result<(), String> {
        let migration = &self.migrations[self.position(name)];
        let done = match way {
            Way::Up => self.connection.run_migration(migration),
            Way::Down => self.connection.revert_migration(migration),
        };
        done.map(drop).map_err(|error| error.to_string())
    }

    /// Whether a migration drops a table and gives its name to another.
    pub(crate) fn rebuilds(&self, name: &str, way: Way) -> bool {
        let file = match way {
            Way::Up => "up.sql",
            Way::Down => "down.sql",
        };
        let directory = self.migrations[self.position(name)].name().to_string();
        let path = Path::new(MIGRATIONS).join(directory).join(file);
        let sql = std::fs::read_to_string(path).unwrap();
        sql.contains("DROP TABLE") && sql.contains("RENAME TO")
    }

    pub(crate) fn sql(&mut self, sql: &str) {
        self.try_sql(sql).unwrap_or_else(|error| panic!("{error} in {sql}"));
    }

    pub(crate) fn try_sql(&mut self, sql: &str) -> Result<(), String> {
        self.connection.batch_execute(sql).map_err(|error| error.to_string())
    }

    /// A second connection, which sees what PRAGMAs say. Drop it before the next
    /// migration: leaving WAL mode needs the database alone.
    pub(crate) fn open(&self) -> rusqlite::Connection {
        let path: PathBuf = self.directory.path().join("studio.db");
        rusqlite::Connection::open(path).unwrap()
    }

    /// The rows of a query, each with its values joined by ` | `.
    pub(crate) fn rows(&self, query: &str) -> Vec<String> {
        rows(&self.open(), query)
    }

    /// What the schema is, whatever way it came about: for each object its SQL, for each
    /// table and view its columns, and the journal mode.
    pub(crate) fn schema(&self) -> BTreeMap<String, Vec<String>> {
        let db = self.open();
        let mut schema = BTreeMap::new();
        for name in rows(&db, "SELECT name FROM sqlite_schema WHERE sql IS NOT NULL") {
            let sql = rows(&db, &format!("SELECT sql FROM sqlite_schema WHERE name = '{name}'"));
            let mut parts = vec![normalised(&sql.concat())];
            parts.extend(rows(&db, &format!("PRAGMA table_xinfo({name})")));
            schema.insert(name, parts);
        }
        schema.insert("journal mode".to_owned(), rows(&db, "PRAGMA journal_mode"));
        schema
    }

    /// Every row of every table, but for Diesel's own.
    pub(crate) fn contents(&self) -> BTreeMap<String, Vec<String>> {
        let db = self.open();
        tables(&db)
            .into_iter()
            .map(|table| {
                let mut all = rows(&db, &format!("SELECT * FROM {table}"));
                all.sort();
                (table, all)
            })
            .collect()
    }
}

impl Bench {
    fn position(&self, name: &str) -> usize {
        let position = self.names().iter().position(|other| other == name);
        position.unwrap_or_else(|| panic!("no migration is called {name}"))
    }
}

/// The application's tables.
pub(crate) fn tables(db: &rusqlite::Connection) -> Vec<String> {
    rows(
        db,
        "SELECT name FROM sqlite_schema
         WHERE type = 'table' AND name NOT GLOB 'sqlite_*' AND name NOT GLOB '__diesel_*'
         ORDER BY name",
    )
}

/// The rows of a query, each with its values joined by ` | `.
pub(crate) fn rows(db: &rusqlite::Connection, query: &str) -> Vec<String> {
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
