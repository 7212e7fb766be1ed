//! Databases of a test's own, in a directory that goes with them.

mod trip;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, SimpleConnection as _, TransactionManager};
use diesel::migration::MigrationConnection as _;
use diesel::{Connection as _, SqliteConnection};
use diesel_migrations::MigrationHarness as _;
use portcullis_model::catalog::Catalog;
use portcullis_model::config::Engine;
use portcullis_model::plan::{Applied, Direction, Step};
use portcullis_model::sql::Dialect;
use rusqlite::backup::Backup;
use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::{Batch, Connection};
use tempfile::TempDir;

use super::value::{hash, text};
use super::{catalog, handle, ledger, shape};
use crate::client::Client;
use crate::error::sqlite_words;
use crate::scratch::shape::Shape;
use crate::scratch::{KeyChecks, Lab, LabOptions, Refused, Rows, Scratch, Sums, Trip};
use crate::step::StepMigration;
use crate::{Error, Result, VerifiedBackup};

const OPERATION: &str = "make a database for a test";

pub(crate) fn open_lab(options: &LabOptions) -> Result<Box<dyn Lab>> {
    Ok(Box::new(Directory(place(options)?)))
}

pub(crate) fn open_copy(backup: &VerifiedBackup, options: &LabOptions) -> Result<Box<dyn Scratch>> {
    let place = place(options)?;
    let path = place.next();
    std::fs::copy(backup.path(), &path).map_err(|error| Error::io(OPERATION, &path, &error))?;
    Ok(Box::new(Database::open(&place, path)?))
}

fn place(options: &LabOptions) -> Result<Arc<Place>> {
    let directory = tempfile::Builder::new().prefix("portcullis-test-").tempdir();
    let directory =
        directory.map_err(|error| Error::io(OPERATION, &std::env::temp_dir(), &error))?;
    let made = AtomicU64::new(0);
    Ok(Arc::new(Place { directory, made, timeout: options.statement_timeout }))
}

struct Directory(Arc<Place>);

/// Where the files are; gone with the last of them.
struct Place {
    directory: TempDir,
    made: AtomicU64,
    timeout: Duration,
}

impl Place {
    fn next(&self) -> PathBuf {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        self.directory.path().join(format!("{number}.db"))
    }
}

impl Lab for Directory {
    fn engine(&self) -> Engine {
        Engine::Sqlite
    }

    fn make(&self) -> Result<Box<dyn Scratch>> {
        let mut made = Database::open(&self.0, self.0.next())?;
        made.diesel
            .setup()
            .map_err(|error| refused(&made.path, &Refused::of(error.to_string())))?;
        Ok(Box::new(made))
    }

    fn apply_as_diesel(&self, steps: &[&Step]) -> Result<()> {
        let path = self.0.next();
        let failed =
            |error: &dyn std::fmt::Display| refused(&path, &Refused::of(error.to_string()));
        let mut diesel =
            SqliteConnection::establish(&path.to_string_lossy()).map_err(|error| failed(&error))?;
        diesel.setup().map_err(|error| failed(&error))?;
        for step in steps {
            diesel.run_migration(&StepMigration::of(step)).map_err(|error| failed(&error))?;
        }
        Ok(())
    }
}

fn refused(path: &std::path::Path, refused: &Refused) -> Error {
    let place = portcullis_model::redact::path(path);
    Error::new(crate::ErrorKind::Failed, OPERATION, place, refused.to_string(), "see the cause")
}

struct Database {
    /// Borrows Diesel's handle, so it must be dropped before it: fields drop in order.
    conn: Connection,
    diesel: SqliteConnection,
    /// SQLite writes into it, so it must be dropped after the connection.
    _tally: Arc<handle::Tally>,
    path: PathBuf,
    /// SQLite reads it, so it must be dropped after the connection.
    clock: Arc<handle::Clock>,
    /// SQLite writes into it, so it must be dropped after the connection.
    touched: Arc<handle::touched::Touched>,
    /// As it was last seen.
    schema: trip::Schema,
    place: Arc<Place>,
}

impl Database {
    fn open(place: &Arc<Place>, path: PathBuf) -> Result<Self> {
        let (connected, clock) = handle::connect_with_clock(&path)?;
        let handle::Connected { conn, diesel, tally } = connected;
        // It needn't outlive a power cut.
        conn.pragma_update(None, "synchronous", "OFF")
            .and_then(|()| conn.pragma_update(None, "foreign_keys", true))
            .map_err(|error| Error::sqlite(OPERATION, &path, &error))?;
        let touched = handle::touched::watch(&conn);
        let (place, schema) = (Arc::clone(place), trip::Schema::default());
        Ok(Self { conn, diesel, _tally: tally, path, clock, touched, schema, place })
    }

    /// The time that a statement may take begins.
    fn start_clock(&self) {
        self.clock.start(self.place.timeout);
    }

    /// SQLite's words, or that the time was over: it says only that it was interrupted.
    fn words(&self, said: String) -> Refused {
        if !said.contains("interrupted") {
            return Refused::of(said);
        }
        let allowed = humantime::format_duration(self.place.timeout);
        Refused { late: true, ..Refused::of(format!("it took longer than {allowed}")) }
    }

    fn refused(&self, error: &rusqlite::Error) -> Refused {
        self.words(sqlite_words(error))
    }

    /// Diesel's count of transactions says the same as SQLite.
    fn forget_transactions(&mut self) {
        *AnsiTransactionManager::transaction_manager_status_mut(&mut self.diesel) =
            Default::default();
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        for ending in ["", "-journal", "-wal", "-shm"] {
            // The directory goes in any case; this keeps it small.
            let _ = std::fs::remove_file(super::place::with_ending(&self.path, ending));
        }
    }
}

impl Scratch for Database {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn begin(&mut self) -> Result<(), Refused> {
        self.start_clock();
        AnsiTransactionManager::begin_transaction(&mut self.diesel)
            .map_err(|error| self.words(error.to_string()))
    }

    fn commit(&mut self) -> Result<(), Refused> {
        self.start_clock();
        AnsiTransactionManager::commit_transaction(&mut self.diesel)
            .map_err(|error| self.words(error.to_string()))
    }

    fn roll_back(&mut self) -> Result<()> {
        if self.is_in_transaction() {
            self.conn
                .execute_batch("ROLLBACK")
                .map_err(|error| Error::sqlite("roll back", &self.path, &error))?;
        }
        self.forget_transactions();
        Ok(())
    }

    fn is_in_transaction(&self) -> bool {
        !self.conn.is_autocommit()
    }

    fn ask(&mut self, sql: &str) -> Result<Rows, Refused> {
        self.start_clock();
        let run = || -> rusqlite::Result<Rows> {
            let mut last = Rows::new();
            let mut batch = Batch::new(&self.conn, sql);
            while let Some(mut statement) = batch.next()? {
                let columns = statement.column_count();
                let mut rows = statement.query([])?;
                last = Rows::new();
                while let Some(row) = rows.next()? {
                    let cells = (0..columns).map(|column| Ok(text(row.get_ref(column)?)));
                    last.push(cells.collect::<rusqlite::Result<_>>()?);
                }
            }
            Ok(last)
        };
        run().map_err(|error| self.refused(&error))
    }

    fn run_step(&mut self, step: &Step) -> Result<(), Refused> {
        self.start_clock();
        let within = self.is_in_transaction();
        let migration = StepMigration::of(step);
        let ran = match step.direction {
            Direction::Up => self.diesel.run_migration(&migration),
            Direction::Down => self.diesel.revert_migration(&migration),
        };
        if let Err(error) = ran {
            let said = migration.into_said();
            return Err(self.words(said.unwrap_or_else(|| error.to_string())));
        }
        match (within, self.is_in_transaction()) {
            (true, false) => Err(Refused::of("it ended the transaction that it ran in")),
            (false, true) => Err(Refused::of("it left a transaction open")),
            _ => Ok(()),
        }
    }

    fn check_keys(&mut self, keys: KeyChecks) -> Result<(), Refused> {
        self.conn
            .pragma_update(None, "foreign_keys", keys == KeyChecks::On)
            .map_err(|error| self.refused(&error))
    }

    fn dangling(&mut self) -> Result<u64, Refused> {
        self.start_clock();
        let found = catalog::violations(&self.conn, None).map_err(|error| self.refused(&error))?;
        Ok(found.values().sum())
    }

    fn catalog(&mut self) -> Result<Catalog, Refused> {
        self.start_clock();
        catalog::catalog(&self.conn).map_err(|error| self.refused(&error))
    }

    fn shapes(&mut self) -> Result<Vec<Shape>, Refused> {
        self.start_clock();
        shape::shapes(&self.conn).map_err(|error| self.refused(&error))
    }

    fn rows_of(&mut self, table: &str) -> Result<Vec<String>, Refused> {
        self.start_clock();
        let read = || -> rusqlite::Result<Vec<String>> {
            let mut columns = catalog::columns_of(&self.conn, table)?;
            columns.sort_by(|a, b| a.name.cmp(&b.name));
            let cells: Vec<String> = columns
                .iter()
                .map(|column| {
                    let label = column.name.replace('\'', "''");
                    format!("'{label}: ' || quote({})", catalog::quoted(&column.name))
                })
                .collect();
            let sql = format!(
                "SELECT {} FROM main.{}",
                cells.join(" || ', ' || "),
                catalog::quoted(table)
            );
            let mut statement = self.conn.prepare(&sql)?;
            let rows = statement.query_map([], |row| row.get(0))?;
            rows.collect()
        };
        read().map_err(|error| self.refused(&error))
    }

    fn sums(&mut self, table: &str, columns: &[String]) -> Result<Sums, Refused> {
        self.start_clock();
        let read = || -> rusqlite::Result<Sums> {
            let mut statement =
                self.conn.prepare(&format!("SELECT {} FROM {table}", columns.join(", ")))?;
            let mut rows = statement.query([])?;
            let (mut count, mut sums) = (0, vec![0_u64; columns.len()]);
            while let Some(row) = rows.next()? {
                count += 1;
                for (column, sum) in sums.iter_mut().enumerate() {
                    *sum = sum.wrapping_add(hash(row.get_ref(column)?));
                }
            }
            Ok(Sums { rows: count, columns: sums.iter().map(u64::to_string).collect() })
        };
        read().map_err(|error| self.refused(&error))
    }

    fn rehearse_trip(&mut self, seeds: &[&str], up: &Step, down: &Step) -> Result<Option<Trip>> {
        if ![up, down].iter().all(|step| trip::tells_all(&step.sql)) {
            return Ok(None);
        }
        let tried = trip::trip(self, seeds, (up, down));
        self.roll_back()?;
        Ok(tried)
    }

    fn applied(&mut self) -> Result<Vec<Applied>, Refused> {
        self.start_clock();
        ledger::applied(&self.conn).map_err(|error| self.refused(&error))
    }

    fn copy(&mut self) -> Result<Box<dyn Scratch>> {
        self.start_clock();
        let path = self.place.next();
        let failed = |error: rusqlite::Error| Error::sqlite(OPERATION, &path, &error);
        let mut into = Connection::open(&path).map_err(failed)?;
        Backup::new(&self.conn, &mut into)
            .and_then(|copying| copying.run_to_completion(1000, Duration::ZERO, None))
            .map_err(failed)?;
        drop(into);
        Ok(Box::new(Self::open(&self.place, path)?))
    }

    fn client(&self) -> Result<Client> {
        let failed = |error: String| refused(&self.path, &Refused::of(error));
        let path = self.path.to_string_lossy();
        let mut diesel =
            SqliteConnection::establish(&path).map_err(|error| failed(error.to_string()))?;
        diesel
            .batch_execute("PRAGMA synchronous = OFF; PRAGMA foreign_keys = ON")
            .map_err(|error| failed(error.to_string()))?;
        Ok(Client::sqlite(diesel))
    }
}
