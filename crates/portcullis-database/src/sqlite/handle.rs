//! One SQLite connection, driven by Diesel and by rusqlite in turn.
//!
//! Diesel's harness must apply the migrations, but Diesel hides what the gate needs on
//! that very connection: the backup API, `data_version`, whether a transaction is open.
//! A second connection can't give them, because only the one that holds the lock may
//! prove that nobody wrote and then restore without letting go.
//!
//! SQLite calls an automatic extension with the handle of each connection that it opens,
//! in the thread that opens it. That is how the handle is learnt.

#![allow(unsafe_code)]

pub(super) mod touched;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::Path;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel::{Connection as _, SqliteConnection};
use portcullis_model::redact;
use rusqlite::{Connection, ffi};

use crate::{Error, ErrorKind, Result};

thread_local! {
    static OPENED: Cell<*mut ffi::sqlite3> = const { Cell::new(ptr::null_mut()) };
}

/// Remembers the handle. Opens nothing, closes nothing, and registers nothing, as an
/// automatic extension must not.
unsafe extern "C" fn remember(
    db: *mut ffi::sqlite3,
    _message: *mut *mut c_char,
    _api: *const ffi::sqlite3_api_routines,
) -> c_int {
    // A thread that is being torn down has no use for the handle.
    let _ = OPENED.try_with(|opened| opened.set(db));
    ffi::SQLITE_OK
}

/// Rows inserted less rows deleted, per table of the main database, while it is on.
#[derive(Debug, Default)]
pub(super) struct Tally {
    on: AtomicBool,
    changes: Mutex<BTreeMap<String, i64>>,
}

impl Tally {
    /// Begins at zero.
    pub(super) fn start(&self) {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.on.store(true, Ordering::Relaxed);
    }

    /// Ends, and tells.
    pub(super) fn stop(&self) -> BTreeMap<String, i64> {
        self.on.store(false, Ordering::Relaxed);
        std::mem::take(&mut *self.changes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What SQLite calls for each row that is inserted, deleted or updated.
unsafe extern "C" fn count_row(
    tally: *mut c_void,
    action: c_int,
    database: *const c_char,
    table: *const c_char,
    _row: i64,
) {
    // SAFETY: `tally` is the pointer that `connect` registered, from an `Arc` that outlives
    // the connection.
    let tally = unsafe { &*tally.cast::<Tally>() };
    let change = match action {
        ffi::SQLITE_INSERT => 1,
        ffi::SQLITE_DELETE => -1,
        _ => return,
    };
    if !tally.on.load(Ordering::Relaxed) {
        return;
    }
    // SAFETY: SQLite passes names that end in NUL and live as long as the call.
    let (database, table) = unsafe { (CStr::from_ptr(database), CStr::from_ptr(table)) };
    if database.to_bytes() == b"main" {
        let mut changes = tally.changes.lock().unwrap_or_else(PoisonError::into_inner);
        match changes.get_mut(&*table.to_string_lossy()) {
            Some(count) => *count += change,
            None => drop(changes.insert(table.to_string_lossy().into_owned(), change)),
        }
    }
}

/// One connection, as both libraries see it.
pub(super) struct Connected {
    /// Borrows the handle of `diesel`: to be dropped before it.
    pub(super) conn: Connection,
    pub(super) diesel: SqliteConnection,
    /// SQLite writes here as long as the connection lives: to be dropped after it.
    pub(super) tally: Arc<Tally>,
}

/// Opens the database (making it if it isn't there), once for both libraries.
///
/// The parts are to be dropped in the order of [`Connected`]'s fields.
pub(super) fn connect(path: &Path) -> Result<Connected> {
    const OPERATION: &str = "open the database";
    let failed = |cause: String| {
        let next = "check that the path is right and who may write there";
        Error::new(ErrorKind::Refused, OPERATION, redact::path(path), cause, next)
    };
    // Diesel takes a name that begins with `file:` or `sqlite:` for a URI; an absolute
    // path never does.
    let name = path
        .to_str()
        .filter(|name| name.starts_with('/'))
        .ok_or_else(|| failed("the path is not absolute UTF-8".to_owned()))?;
    // SAFETY: `remember` has the signature that SQLite calls, lives as long as the
    // process, and obeys the rules for automatic extensions (see there). Registering it
    // again does nothing.
    unsafe { rusqlite::auto_extension::register_auto_extension(remember) }
        .map_err(|error| failed(error.to_string()))?;
    OPENED.set(ptr::null_mut());
    let diesel = SqliteConnection::establish(name).map_err(|error| failed(error.to_string()))?;
    let db = OPENED.replace(ptr::null_mut());
    if db.is_null() {
        return Err(failed("SQLite didn't announce the connection".to_owned()));
    }
    // SAFETY: `db` is the handle that `establish` has just opened on this thread: it was
    // null before, SQLite sets it only for connections opened on this thread, and Diesel
    // opens one. It stays open as long as `diesel` lives, `from_handle` doesn't close it,
    // and the caller drops the borrower first (`Session`'s fields, in order). Both are
    // used by one thread at a time, through `&mut Session`, and SQLite is compiled
    // thread-safe (`SQLITE_THREADSAFE=1`), so that each sees the other's calls whole.
    let conn = unsafe { Connection::from_handle(db) }.map_err(|error| failed(error.to_string()))?;
    let tally = Arc::new(Tally::default());
    // SAFETY: `db` is open; `count_row` has the signature that SQLite calls; the pointer
    // stays valid because the caller drops `tally` after the connection. It is shared
    // state behind a lock, so the callback needs no more than a shared reference.
    unsafe { ffi::sqlite3_update_hook(db, Some(count_row), Arc::as_ptr(&tally).cast_mut().cast()) };
    Ok(Connected { conn, diesel, tally })
}

/// When a statement is given up.
#[derive(Debug)]
pub(super) struct Clock {
    since: Instant,
    /// Milliseconds after `since`.
    ends: AtomicU64,
}

impl Clock {
    /// The time that a statement may take begins now.
    pub(super) fn start(&self, limit: Duration) {
        let ends = (self.since.elapsed() + limit).as_millis();
        self.ends.store(u64::try_from(ends).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        self.since.elapsed().as_millis() > u128::from(self.ends.load(Ordering::Relaxed))
    }
}

/// What SQLite calls every so many steps of a statement; it ends the statement if told so.
unsafe extern "C" fn is_over(clock: *mut c_void) -> c_int {
    // SAFETY: `clock` is the pointer that `connect_with_clock` registered, from an `Arc` that
    // outlives the connection.
    let clock = unsafe { &*clock.cast::<Clock>() };
    c_int::from(clock.is_over())
}

/// As [`connect`], with a clock that interrupts statements. It is to be dropped after the
/// connection, as the tally is. It stands still until it is started.
pub(super) fn connect_with_clock(path: &Path) -> Result<(Connected, Arc<Clock>)> {
    /// How many steps of SQLite's machine pass between two looks: about a tenth of a millisecond.
    const STEPS: c_int = 10_000;
    let connected = connect(path)?;
    let clock = Arc::new(Clock { since: Instant::now(), ends: AtomicU64::new(u64::MAX) });
    // SAFETY: the handle is open; `is_over` has the signature that SQLite calls; the pointer
    // stays valid because the caller drops the clock after the connection, and what it points
    // to is shared state of atomics.
    unsafe {
        let db = connected.conn.handle();
        let clock = Arc::as_ptr(&clock).cast_mut().cast();
        ffi::sqlite3_progress_handler(db, STEPS, Some(is_over), clock);
    }
    Ok((connected, clock))
}

#[cfg(test)]
mod tests {
    use super::*;
    use diesel::RunQueryDsl as _;

    #[test]
    fn both_libraries_speak_over_one_connection() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a ?#%.db");
        let Connected { conn, mut diesel, tally: _tally } = connect(&path).unwrap();
        diesel::sql_query("BEGIN").execute(&mut diesel).unwrap();
        diesel::sql_query("CREATE TABLE t(x)").execute(&mut diesel).unwrap();
        assert!(!conn.is_autocommit());
        // A second connection would not see the uncommitted table.
        conn.execute("INSERT INTO t VALUES (1)", []).unwrap();
        drop(conn);
        diesel::sql_query("COMMIT").execute(&mut diesel).unwrap();
        drop(diesel);
        let rows: i64 = Connection::open(&path)
            .unwrap()
            .query_row("SELECT count(*) FROM t", [], |row| row.get(0))
            .unwrap();
        assert_eq!(rows, 1);
    }

    #[test]
    fn the_tally_sees_cascades_and_triggers_of_either_library() {
        let directory = tempfile::tempdir().unwrap();
        let mut connected = connect(&directory.path().join("a.db")).unwrap();
        let setup = "PRAGMA foreign_keys = ON;
             CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p REFERENCES p ON DELETE CASCADE);
             CREATE TABLE log(x); INSERT INTO p VALUES (1), (2); INSERT INTO c VALUES (1), (1), (2);
             INSERT INTO log VALUES (1), (2);
             CREATE TRIGGER t AFTER UPDATE ON p BEGIN DELETE FROM log WHERE x = 1; END;";
        connected.conn.execute_batch(setup).unwrap();
        connected.tally.start();
        diesel::sql_query("DELETE FROM p WHERE id = 1").execute(&mut connected.diesel).unwrap();
        connected.conn.execute("UPDATE p SET id = 3 WHERE id = 9", []).unwrap();
        connected.conn.execute("UPDATE p SET id = id", []).unwrap();
        let expected =
            [("c", -2), ("log", -1), ("p", -1)].map(|(table, change)| (table.to_owned(), change));
        assert_eq!(connected.tally.stop(), BTreeMap::from(expected));
        connected.conn.execute("INSERT INTO p VALUES (7)", []).unwrap();
        assert_eq!(connected.tally.stop(), BTreeMap::new());
    }

    #[test]
    fn dropping_a_table_tallies_the_rows_that_cascade() {
        let directory = tempfile::tempdir().unwrap();
        let connected = connect(&directory.path().join("a.db")).unwrap();
        let setup = "PRAGMA foreign_keys = ON;
             CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p REFERENCES p ON DELETE CASCADE);
             INSERT INTO p VALUES (1); INSERT INTO c VALUES (1), (1);";
        connected.conn.execute_batch(setup).unwrap();
        connected.tally.start();
        connected.conn.execute_batch("DROP TABLE p").unwrap();
        assert_eq!(connected.tally.stop().get("c"), Some(&-2));
    }

    #[test]
    fn threads_do_not_mix_their_handles_up() {
        let directory = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let path = directory.path().join(format!("{thread}.db"));
                scope.spawn(move || {
                    for _ in 0..20 {
                        let connected = connect(&path).unwrap();
                        assert_eq!(connected.conn.path(), path.to_str());
                    }
                });
            }
        });
    }
}
