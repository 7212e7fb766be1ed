//! Databases of a test's own, on a throwaway server that goes with the last of them.

mod rehearsal;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use diesel::connection::{Connection, TransactionManager as _};
use diesel::migration::MigrationConnection as _;
use diesel_migrations::MigrationHarness as _;
use portcullis_cluster::{Cluster, Options};
use portcullis_model::catalog::Catalog;
use portcullis_model::config::{Engine, Server};
use portcullis_model::plan::{Applied, SegmentKind, Step};
use portcullis_model::redact;
use portcullis_model::sql::Dialect;

use super::apply::{self, step as one_step};
use super::backup::refill::{self, Dumped};
use super::backup::scratch::{server_of, throwaway};
use super::backup::tools;
use super::catalog::{self, touched};
use super::home::Home;
use super::link::conn::{Conn, Diesel, Failure, Status, literal, name};
use super::link::connect::{self, Purpose};
use super::{ledger, shape};
use crate::client::Client;
use crate::files::write_private;
use crate::scratch::shape::Shape;
use crate::scratch::{
    KeyChecks, Lab, LabOptions, Move, Refused, Rows, Scratch, Sums, Trip, apply_by_parts,
};
use crate::step::StepMigration;
use crate::{Error, ErrorKind, Result, VerifiedBackup};

const OPERATION: &str = "make a database for a test";

/// Diesel's own count of transactions and savepoints.
type Manager = <Diesel as Connection>::TransactionManager;

pub(crate) fn open_lab(options: &LabOptions) -> Result<Box<dyn Lab>> {
    let cluster = Cluster::start(&Options::default()).map_err(|error| {
        Error::new(ErrorKind::Refused, OPERATION, error.place, error.cause, error.next_step)
    })?;
    let io = |error: std::io::Error| Error::io(OPERATION, &std::env::temp_dir(), &error);
    let directory = tempfile::Builder::new().prefix("portcullis-test-").tempdir().map_err(io)?;
    let password: PathBuf = directory.path().join("password");
    write_private(&password, cluster.password().as_bytes())?;
    let server = Server {
        statement_timeout: options.statement_timeout,
        lock_timeout: Duration::from_secs(10),
        ..server_of(&cluster, password)
    };
    let makers = server.clone();
    let held = Box::new((directory, cluster));
    Ok(Box::new(Throwaway(Arc::new(Place::new(server, makers, held)))))
}

/// Restores a backup on a throwaway server. What it holds may run there as soon as somebody
/// looks at it, so that nobody who does is a superuser.
pub(crate) fn open_copy(backup: &VerifiedBackup, options: &LabOptions) -> Result<Box<dyn Scratch>> {
    Ok(Box::new(restored(backup, options.statement_timeout)?))
}

/// As [`open_copy`].
pub(super) fn restored(backup: &VerifiedBackup, statement_timeout: Duration) -> Result<Database> {
    let refused = |cause: String, next: &str| {
        let place = redact::path(backup.path());
        Error::new(ErrorKind::Refused, "restore the backup for a test", place, cause, next)
    };
    let sidecar = backup.sidecar();
    let Some(nature) = sidecar.dump.as_ref().and_then(|dump| dump.nature.as_ref()) else {
        let cause = "it doesn't say what a server must have for it".to_owned();
        return Err(refused(cause, "take a new one: cargo xtask backup"));
    };
    let tools = tools::find(&sidecar.engine_version)?;
    let mut scratch = throwaway(&tools)?;
    if let Some(why) = scratch.lacks(nature)? {
        return Err(refused(why, "choose another backup, or test on a server of your own"));
    }
    let server = scratch.server.clone();
    let dumped = Dumped {
        directory: backup.path(),
        nature,
        bytes: sidecar.database_bytes(),
        server: &server,
        tools: &tools,
        run: sidecar.run,
    };
    let restored = refill::onto(&mut scratch, &dumped)?;
    let Some((makers, held)) = scratch.into_server() else {
        return Err(refused("its server is gone".to_owned(), "run it again"));
    };
    let server = Server { statement_timeout, ..server };
    let place = Arc::new(Place::new(server, makers, held));
    let conn = Some(place.connect(&restored.database)?);
    Ok(Database { conn, name: restored.database, place })
}

struct Throwaway(Arc<Place>);

/// The server; gone with the last of its databases.
struct Place {
    /// As the role that tests: a superuser, as a test may need any extension; but over a copy
    /// of somebody's data none.
    server: Server,
    /// As the role that makes databases.
    makers: Server,
    made: AtomicU64,
    /// What the server lives by.
    _held: Box<dyn Send + Sync>,
}

impl Place {
    fn new(server: Server, makers: Server, held: Box<dyn Send + Sync>) -> Self {
        Self { server, makers, made: AtomicU64::new(0), _held: held }
    }

    /// Makes a database, after a template if one is named.
    fn create(&self, template: Option<&str>) -> Result<String> {
        let made = format!("test_{}", self.made.fetch_add(1, Ordering::Relaxed));
        let mut admin = connect::connect(&self.makers, Purpose::Change)?;
        let sql = format!(
            "CREATE DATABASE {} OWNER {} TEMPLATE {}",
            name(&made),
            name(&self.server.user),
            name(template.unwrap_or("template0"))
        );
        admin.run(&sql).map_err(|failure| super::error(&self.server, OPERATION, &failure))?;
        Ok(made)
    }

    /// Names are found as an application finds them.
    fn connect(&self, database: &str) -> Result<Conn> {
        let mut conn = connect::connect_to(&self.server, database, Purpose::Change)?;
        conn.as_application().map_err(|failure| super::error(&self.server, OPERATION, &failure))?;
        Ok(conn)
    }
}

impl Lab for Throwaway {
    fn engine(&self) -> Engine {
        Engine::Postgres
    }

    fn make(&self) -> Result<Box<dyn Scratch>> {
        let made = self.0.create(None)?;
        let mut conn = self.0.connect(&made)?;
        if conn.diesel().setup().is_err() {
            let failure = conn.last_failure().unwrap_or_default();
            return Err(super::error(&self.0.server, OPERATION, &failure));
        }
        let ready = touched::prepare(&mut conn);
        ready.map_err(|failure| super::error(&self.0.server, OPERATION, &failure))?;
        Ok(Box::new(Database { conn: Some(conn), name: made, place: Arc::clone(&self.0) }))
    }

    fn apply_as_diesel(&self, steps: &[&Step]) -> Result<()> {
        let made = self.0.create(None)?;
        let mut conn = self.0.connect(&made)?;
        let mut ran = conn.diesel().setup().is_ok();
        for step in steps {
            ran = ran && conn.diesel().run_migration(&StepMigration::of(step)).is_ok();
        }
        let failure = || conn.last_failure().unwrap_or_default();
        if ran { Ok(()) } else { Err(super::error(&self.0.server, OPERATION, &failure())) }
    }
}

pub(super) struct Database {
    /// Away only while the server copies the database.
    conn: Option<Conn>,
    name: String,
    place: Arc<Place>,
}

impl Database {
    pub(super) fn conn(&mut self) -> Result<&mut Conn, Refused> {
        self.conn.as_mut().ok_or_else(|| Refused { lost: true, ..Refused::of("it isn't there") })
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        // Whoever tests has written the values, and wants to see them.
        let late = failure.code.as_deref() == Some("57014");
        let code = failure.code.map(|code| format!(" ({code})")).unwrap_or_default();
        Self { lost: failure.lost, late, message: failure.message + &code }
    }
}

/// What Diesel's own statements were refused for.
fn said(conn: &Conn, error: &diesel::result::Error) -> Refused {
    conn.last_failure().map_or_else(|| Refused::of(error.to_string()), Refused::from)
}

impl Scratch for Database {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn begin(&mut self) -> Result<(), Refused> {
        let conn = self.conn()?;
        Manager::begin_transaction(conn.diesel()).map_err(|error| said(conn, &error))
    }

    fn commit(&mut self) -> Result<(), Refused> {
        let conn = self.conn()?;
        Manager::commit_transaction(conn.diesel()).map_err(|error| said(conn, &error))
    }

    fn roll_back(&mut self) -> Result<()> {
        let conn = match self.conn.take() {
            Some(conn) if !conn.is_lost() => self.conn.insert(conn),
            _ => {
                self.conn = Some(self.place.connect(&self.name)?);
                return Ok(());
            }
        };
        if conn.status() != Status::Idle {
            conn.run("ROLLBACK")
                .map_err(|failure| super::error(&self.place.server, "roll back", &failure))?;
        }
        conn.forget_transactions();
        Ok(())
    }

    fn is_in_transaction(&self) -> bool {
        self.conn.as_ref().is_some_and(|conn| conn.status() != Status::Idle)
    }

    fn ask(&mut self, sql: &str) -> Result<Rows, Refused> {
        Ok(self.conn()?.ask(sql)?)
    }

    fn run_step(&mut self, step: &Step) -> Result<(), Refused> {
        let conn = self.conn()?;
        let within = conn.status() != Status::Idle;
        if within {
            // What was deferred until the commit would be in the way of ALTER TABLE.
            conn.run("SET CONSTRAINTS ALL IMMEDIATE")?;
        }
        if let Err(failed) = one_step::run(conn, step) {
            // Whoever tests wants to see the values that were refused.
            let said = conn.last_failure().map(Refused::from);
            if conn.status() == Status::Idle && !conn.is_lost() {
                conn.as_application()?;
            }
            return Err(said.unwrap_or_else(|| Refused::of(failed.error.cause)));
        }
        match (within, conn.status() != Status::Idle) {
            (true, false) => return Err(Refused::of("it ended the transaction that it ran in")),
            (false, true) => return Err(Refused::of("it left a transaction open")),
            _ => {}
        }
        if !apply::sets_nothing(step) {
            conn.run(apply::RESET)?;
            conn.settle()?;
            conn.as_application()?;
        }
        Ok(())
    }

    /// The server checks them always.
    fn check_keys(&mut self, _: KeyChecks) -> Result<(), Refused> {
        Ok(())
    }

    /// The server lets none be.
    fn dangling(&mut self) -> Result<u64, Refused> {
        Ok(0)
    }

    fn catalog(&mut self) -> Result<Catalog, Refused> {
        Ok(catalog::catalog(self.conn()?)?)
    }

    fn shapes(&mut self) -> Result<Vec<Shape>, Refused> {
        Ok(shape::shapes(self.conn()?)?)
    }

    fn rows_of(&mut self, table: &str) -> Result<Vec<String>, Refused> {
        // The names of a JSON object have an order of their own.
        let rows = self
            .conn()?
            .ask(&format!("SELECT pg_catalog.to_jsonb(t)::text FROM ONLY {table} t"))?;
        Ok(rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect())
    }

    fn sums(&mut self, table: &str, columns: &[String]) -> Result<Sums, Refused> {
        // A text of its own, so that one value has one hash whatever its type is compared by.
        let sums: String = columns
            .iter()
            .map(|column| {
                format!(
                    ", coalesce(pg_catalog.sum(pg_catalog.hashtextextended(({column})::text COLLATE pg_catalog.\"C\", 0)), 0)"
                )
            })
            .collect();
        let conn = self.conn()?;
        // Rows of a partitioned table are its partitions'; those of a table that others inherit
        // from are its own.
        let is_whole = format!(
            "SELECT FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass({}) AND relkind = 'p'",
            literal(table)
        );
        let only = if conn.ask(&is_whole)?.is_empty() { "ONLY " } else { "" };
        let rows = conn.ask(&format!("SELECT pg_catalog.count(*){sums} FROM {only}{table}"))?;
        let mut cells = rows.into_iter().flatten().map(Option::unwrap_or_default);
        let rows = cells.next().and_then(|count| count.parse().ok()).unwrap_or_default();
        Ok(Sums { rows, columns: cells.collect() })
    }

    fn apply(&mut self, step: &Step, kind: SegmentKind) -> Result<(), Refused> {
        if kind == SegmentKind::NoTransaction || !rehearsal::fits(&step.sql) {
            return apply_by_parts(self, step, kind);
        }
        let ran = rehearsal::apply_at_once(self.conn()?, step);
        ran.map_err(|failure| {
            // The first error is the one that tells.
            let _ = self.roll_back();
            failure.into()
        })
    }

    fn rehearse(&mut self, moves: &[Move<'_>]) -> Result<Option<Vec<Result<Rows, Refused>>>> {
        let fits = |one: &Move<'_>| rehearsal::fits(one.sql());
        if !moves.iter().all(fits) {
            return Ok(None);
        }
        let tried = self.conn.as_mut().and_then(|conn| rehearsal::rehearse(conn, moves));
        self.roll_back()?;
        Ok(tried)
    }

    fn rehearse_trip(&mut self, seeds: &[&str], up: &Step, down: &Step) -> Result<Option<Trip>> {
        let tells = |step: &&Step| rehearsal::fits(&step.sql) && touched::tells_all(step);
        if ![up, down].iter().all(tells) || !seeds.iter().all(|sql| rehearsal::fits(sql)) {
            return Ok(None);
        }
        let tried = self.conn.as_mut().and_then(|conn| rehearsal::trip(conn, seeds, (up, down)));
        self.roll_back()?;
        Ok(tried)
    }

    fn applied(&mut self) -> Result<Vec<Applied>, Refused> {
        let conn = self.conn()?;
        let home = Home::find(conn)?;
        let applied = ledger::applied_in(conn, &home)?;
        conn.as_application()?;
        Ok(applied)
    }

    fn copy(&mut self) -> Result<Box<dyn Scratch>> {
        // The server copies a database only while nobody is connected to it.
        self.conn = None;
        let made = self.place.create(Some(&self.name));
        self.conn = Some(self.place.connect(&self.name)?);
        let made = made?;
        let conn = Some(self.place.connect(&made)?);
        Ok(Box::new(Self { conn, name: made, place: Arc::clone(&self.place) }))
    }

    fn client(&self) -> Result<Client> {
        Ok(Client::postgres(self.place.connect(&self.name)?))
    }
}
