//! Which tables statements may change: SQLite says so when it compiles them.

use std::collections::BTreeSet;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, ffi};

/// The tables of any database that statements may change, while it is on; in small letters.
/// What triggers and foreign keys do is among it.
#[derive(Debug, Default)]
pub(in crate::sqlite) struct Touched {
    on: AtomicBool,
    tables: Mutex<BTreeSet<String>>,
}

impl Touched {
    /// Begins with none.
    pub(in crate::sqlite) fn start(&self) {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.on.store(true, Ordering::Relaxed);
    }

    /// Ends, and tells.
    pub(in crate::sqlite) fn stop(&self) -> BTreeSet<String> {
        self.on.store(false, Ordering::Relaxed);
        std::mem::take(&mut *self.tables.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What SQLite asks for each thing that a statement does. Everything is allowed.
unsafe extern "C" fn note(
    touched: *mut c_void,
    action: c_int,
    first: *const c_char,
    second: *const c_char,
    _database: *const c_char,
    _trigger: *const c_char,
) -> c_int {
    // SAFETY: `touched` is the pointer that `watch` registered, from an `Arc` that outlives the
    // connection.
    let touched = unsafe { &*touched.cast::<Touched>() };
    if !touched.on.load(Ordering::Relaxed) {
        return ffi::SQLITE_OK;
    }
    let table = match action {
        ffi::SQLITE_INSERT
        | ffi::SQLITE_UPDATE
        | ffi::SQLITE_DELETE
        | ffi::SQLITE_CREATE_TABLE
        | ffi::SQLITE_DROP_TABLE => first,
        ffi::SQLITE_ALTER_TABLE => second,
        _ => return ffi::SQLITE_OK,
    };
    if !table.is_null() {
        // SAFETY: SQLite passes names that end in NUL and live as long as the call.
        let table = unsafe { CStr::from_ptr(table) }.to_string_lossy().to_ascii_lowercase();
        touched.tables.lock().unwrap_or_else(PoisonError::into_inner).insert(table);
    }
    ffi::SQLITE_OK
}

/// Has SQLite say it. What is returned is to be dropped after the connection.
pub(in crate::sqlite) fn watch(conn: &Connection) -> Arc<Touched> {
    let touched = Arc::new(Touched::default());
    // SAFETY: the handle is open; `note` has the signature that SQLite calls; the pointer stays
    // valid because the caller drops `touched` after the connection. It is shared state behind
    // a lock, so the callback needs no more than a shared reference.
    unsafe {
        let pointer = Arc::as_ptr(&touched).cast_mut().cast();
        ffi::sqlite3_set_authorizer(conn.handle(), Some(note), pointer);
    }
    touched
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_statement_may_change_is_told() {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(
            "PRAGMA foreign_keys = ON;
             CREATE TABLE p(id INTEGER PRIMARY KEY, x);
             CREATE TABLE c(p REFERENCES p ON DELETE CASCADE);
             CREATE TABLE Bare(k PRIMARY KEY) WITHOUT ROWID;
             CREATE TABLE log(x); CREATE VIEW v AS SELECT * FROM p;
             CREATE TRIGGER t AFTER UPDATE ON p BEGIN DELETE FROM log; END;
             CREATE TRIGGER i INSTEAD OF INSERT ON v BEGIN INSERT INTO bare VALUES (new.id); END;",
        )
        .unwrap();
        let touched = watch(&conn);
        let cases: [(&str, &[&str]); 9] = [
            ("SELECT count(*) FROM p", &[]),
            ("INSERT INTO bare VALUES (1)", &["bare"]),
            ("DELETE FROM bare", &["bare"]),
            ("DELETE FROM p", &["c", "p"]),
            ("UPDATE p SET x = 1", &["log", "p"]),
            ("INSERT INTO v VALUES (1, 2)", &["bare", "v"]),
            ("ALTER TABLE c ADD COLUMN more", &["c"]),
            ("ALTER TABLE c DROP COLUMN more", &["c"]),
            ("DROP TABLE p", &["c", "p"]),
        ];
        for (sql, expected) in cases {
            touched.start();
            conn.execute_batch(sql).unwrap();
            let mut told = touched.stop();
            told.retain(|table| !table.starts_with("sqlite_"));
            let expected: BTreeSet<String> = expected.iter().map(ToString::to_string).collect();
            assert!(told.is_superset(&expected), "{sql}: {told:?}");
            assert!(told.len() <= expected.len() + 1, "{sql}: {told:?}");
        }
        drop(conn);
    }
}
