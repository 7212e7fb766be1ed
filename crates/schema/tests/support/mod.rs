//! A database on which migrations run one at a time, as the gate runs them, on either engine.

pub(crate) mod mess;
pub(crate) mod postgres;
pub(crate) mod sqlite;

use std::collections::BTreeMap;

use diesel::Connection;
use diesel::migration::{Migration, MigrationConnection, MigrationSource};
use diesel_migrations::{FileBasedMigrations, MigrationHarness};

/// Up or down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Up,
    Down,
}

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// Makes two tests of each function: a module for each engine.
macro_rules! on_both_engines {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[test] fn $name() { super::$name($crate::support::Engine::Sqlite) })*
        }
        mod postgres {
            $(#[test] fn $name() { super::$name($crate::support::Engine::Postgres) })*
        }
    };
}
pub(crate) use on_both_engines;

/// What an engine does in its own way. Rows are text: each with its values joined by ` | `.
pub(crate) trait Database {
    /// The directories of the migrations, in order.
    fn directories(&self) -> Vec<String>;
    /// Runs a migration, by its place.
    fn migrate(&mut self, index: usize, way: Way) -> Result<(), String>;
    fn execute(&mut self, sql: &str) -> Result<(), String>;
    fn rows(&self, query: &str) -> Vec<String>;
    /// The application's tables.
    fn tables(&self) -> Vec<String>;
    /// Of each column its table, name, type as Diesel calls it, and `key` or nothing.
    fn columns(&self) -> Vec<[String; 4]>;
    /// Each as `child -> parent (column)`.
    fn foreign_keys(&self) -> Vec<String>;
    /// What the schema is, whatever way it came about: what there is of each object.
    fn schema(&self) -> BTreeMap<String, Vec<String>>;
    /// References that lead nowhere.
    fn orphans(&self) -> Vec<String>;
}

/// An empty database and the project's migrations for it.
pub(crate) struct Bench {
    pub(crate) engine: Engine,
    database: Box<dyn Database>,
}

impl Bench {
    pub(crate) fn new(engine: Engine) -> Self {
        let database: Box<dyn Database> = match engine {
            Engine::Sqlite => Box::new(sqlite::Sqlite::new()),
            Engine::Postgres => Box::new(postgres::Postgres::new()),
        };
        Self { engine, database }
    }

    /// A database as it is just before the migration called `name` (without its version).
    pub(crate) fn before(engine: Engine, name: &str) -> Self {
        let mut bench = Self::new(engine);
        for earlier in bench.names() {
            if earlier == name {
                return bench;
            }
            bench.run(&earlier, Way::Up);
        }
        panic!("no migration is called {name}");
    }

    /// A database with all of them.
    pub(crate) fn migrated(engine: Engine) -> Self {
        let mut bench = Self::new(engine);
        for name in bench.names() {
            bench.run(&name, Way::Up);
        }
        bench
    }

    /// Names without versions, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let name = |directory: String| directory.split_once('_').unwrap().1.to_owned();
        self.database.directories().into_iter().map(name).collect()
    }

    /// Runs one migration. Afterwards every reference must lead somewhere.
    pub(crate) fn run(&mut self, name: &str, way: Way) {
        let index = self.names().iter().position(|other| other == name);
        let index = index.unwrap_or_else(|| panic!("no migration is called {name}"));
        let done = self.database.migrate(index, way);
        done.unwrap_or_else(|error| panic!("{name}, {way:?}: {error}"));
        let orphans = self.database.orphans();
        assert!(orphans.is_empty(), "{name}, {way:?}: {orphans:?}");
    }

    pub(crate) fn sql(&mut self, sql: &str) {
        self.try_sql(sql).unwrap_or_else(|error| panic!("{error} in {sql}"));
    }

    pub(crate) fn try_sql(&mut self, sql: &str) -> Result<(), String> {
        self.database.execute(sql)
    }

    pub(crate) fn rows(&self, query: &str) -> Vec<String> {
        self.database.rows(query)
    }

    /// What only an engine can say.
    pub(crate) fn database(&self) -> &dyn Database {
        &*self.database
    }

    /// Every row of every table, but for Diesel's own.
    pub(crate) fn contents(&self) -> BTreeMap<String, Vec<String>> {
        let sorted = |table: String| {
            let mut all = self.rows(&format!("SELECT * FROM {table}"));
            all.sort();
            (table, all)
        };
        self.database.tables().into_iter().map(sorted).collect()
    }
}

/// An engine's migrations, in order, as Diesel reads them.
fn migrations<C: MigrationConnection>(directory: &str) -> Vec<Box<dyn Migration<C::Backend>>> {
    let source = FileBasedMigrations::from_path(directory).unwrap();
    let mut migrations: Vec<Box<dyn Migration<C::Backend>>> =
        MigrationSource::<C::Backend>::migrations(&source).unwrap();
    migrations.sort_by_key(|migration| migration.name().version().as_owned());
    migrations
}

fn migrate<C: MigrationConnection + MigrationHarness<<C as Connection>::Backend>>(
    connection: &mut C,
    migration: &dyn Migration<C::Backend>,
    way: Way,
) -> Result<(), String> {
    let done = match way {
        Way::Up => connection.run_migration(migration),
        Way::Down => connection.revert_migration(migration),
    };
    done.map(drop).map_err(|error| error.to_string())
}
