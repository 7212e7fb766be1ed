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

use std::cell::Cell;
use std::ffi::{c_char, c_int};
use std::path::Path;
use std::ptr;

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

/// Opens the database (making it if it isn't there), once for both libraries.
///
/// The first connection borrows the handle of the second: drop it first.
pub(super) fn connect(path: &Path) -> Result<(Connection, SqliteConnection)> {
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
    Ok((conn, diesel))
}

#[cfg(test)]
mod tests {
    use super::*;
    use diesel::RunQueryDsl as _;

    #[test]
    fn both_libraries_speak_over_one_connection() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a ?#%.db");
        let (conn, mut diesel) = connect(&path).unwrap();
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
    fn threads_do_not_mix_their_handles_up() {
        let directory = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let path = directory.path().join(format!("{thread}.db"));
                scope.spawn(move || {
                    for _ in 0..20 {
                        let (conn, _diesel) = connect(&path).unwrap();
                        assert_eq!(conn.path(), path.to_str());
                    }
                });
            }
        });
    }
}
