//! Copying the committed state, and reading the copy back.

use std::fs::{self, File};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use portcullis_model::digest::Digest;
use portcullis_model::redact;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags, Result as SqlResult};

use super::smoke::needs_application;
use super::{Session, apply, catalog, ledger, open_read_only};
use crate::backup::{Sidecar, VerifiedBackup, Violations, hash_file, sidecar_path};
use crate::error::sqlite_words;
use crate::files::{make_private_directory, sync_directory, write_private};
use crate::seam::{BackupRequest, Progress};
use crate::{Error, ErrorKind, Result};

const OPERATION: &str = "back up the database";

/// Pages copied between two looks at the clock and the progress bar.
const PAGES: i32 = 2048;

/// How often other writers may make SQLite start a copy over before it is given up.
const RESTARTS: u32 = 20;

/// Takes the backup: temp file, fsync, SHA-256, read-only checks, rename, fsync of the
/// directory; the sidecar last, because it is what makes the file a backup.
pub(super) fn back_up(
    session: &mut Session,
    request: BackupRequest<'_>,
    progress: Progress<'_>,
) -> Result<VerifiedBackup> {
    make_private_directory(request.directory)?;
    let started = Instant::now();
    let version = apply::data_version(session).map_err(|error| session.error(OPERATION, &error))?;
    let path = request.directory.join(request.name);
    refuse_existing(&path)?;
    let partial = super::place::with_ending(&path, ".partial");
    let copied = copy(session, &partial, progress).and_then(|()| verify(session, &partial));
    let facts = match copied {
        Ok(facts) => facts,
        Err(error) => {
            // Never mistaken for a backup: it has no sidecar. Leave no rubbish either.
            let _ = fs::remove_file(&partial);
            return Err(error);
        }
    };
    let sidecar = Sidecar {
        format: 1,
        engine: "sqlite".to_owned(),
        engine_version: rusqlite::version().to_owned(),
        target: session.target.name.clone(),
        run: request.run,
        created: humantime::format_rfc3339_millis(SystemTime::now()).to_string(),
        verified: vec![
            "SHA-256 of the bytes on disk".to_owned(),
            facts.integrity,
            "foreign_key_check".to_owned(),
        ],
        milliseconds: started.elapsed().as_millis() as u64,
        identity: facts.identity,
        bytes: facts.bytes,
        sha256: facts.sha256,
        schema: facts.schema,
        applied: facts.applied,
        journal_mode: Some(facts.journal_mode),
        dump: None,
        foreign_key_violations: facts.violations,
    };
    publish(&partial, &path, &sidecar)?;
    session.version_at_backup = Some(version);
    Ok(VerifiedBackup::new(path, sidecar))
}

fn refuse_existing(path: &Path) -> Result<()> {
    for path in [path.to_owned(), sidecar_path(path)] {
        if fs::symlink_metadata(&path).is_ok() {
            let next = "move it away; a backup is never overwritten";
            return Err(Error::new(
                ErrorKind::Refused,
                OPERATION,
                redact::path(&path),
                "there is a file of this name",
                next,
            ));
        }
    }
    Ok(())
}

/// Copies through SQLite's backup API, over a second connection: the one that holds the
/// write lock can't be copied from, and this one sees the committed state.
fn copy(session: &Session, partial: &Path, progress: Progress<'_>) -> Result<()> {
    let source = open_read_only(&session.path, session.target.lock_wait)?;
    let file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(partial)
        .map_err(|error| Error::io(OPERATION, partial, &error))?;
    let failed = |error: rusqlite::Error| Error::sqlite(OPERATION, partial, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut copy = Connection::open_with_flags(partial, flags).map_err(failed)?;
    // A copy that a crash cuts short is thrown away, so it needs no journal; it is synced
    // once, when it is whole.
    copy.execute_batch(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE",
    )
    .map_err(failed)?;
    // In WAL mode a snapshot holds nobody up. With a rollback journal it would hold up
    // commits, so it is only taken where the write lock is held anyway.
    let wal = catalog::journal_mode(&source).map_err(failed)? == "wal";
    if wal || !session.conn.is_autocommit() {
        source.execute_batch("BEGIN").map_err(failed)?;
        catalog::bytes(&source).map_err(failed)?;
    }
    run_copy(&source, &mut copy, session, progress)?;
    copy.close().map_err(|(_, error)| failed(error))?;
    file.sync_all().map_err(|error| Error::io(OPERATION, partial, &error))
}

fn run_copy(
    source: &Connection,
    copy: &mut Connection,
    session: &Session,
    progress: Progress<'_>,
) -> Result<()> {
    let failed = |error: rusqlite::Error| session.error(OPERATION, &error);
    let page: i64 =
        source.pragma_query_value(None, "page_size", |row| row.get(0)).map_err(failed)?;
    let bytes =
        |pages: i32| u64::try_from(i64::from(pages).saturating_mul(page)).unwrap_or_default();
    let backup = Backup::new(source, copy).map_err(failed)?;
    let (mut restarts, mut last_remaining) = (0, i32::MAX);
    loop {
        let result = backup.step(PAGES).map_err(failed)?;
        let now = backup.progress();
        progress(bytes(now.pagecount - now.remaining), bytes(now.pagecount));
        restarts += u32::from(now.remaining > last_remaining);
        last_remaining = now.remaining;
        match result {
            StepResult::Done => return Ok(()),
            StepResult::More if restarts <= RESTARTS => {}
            _ if restarts > RESTARTS => {
                let cause = "other programs kept writing, so the copy began again and again";
                let place = redact::path(&session.path);
                return Err(Error::new(
                    ErrorKind::Busy,
                    OPERATION,
                    place,
                    cause,
                    "run it when less is written",
                ));
            }
            _ => std::thread::sleep(std::time::Duration::from_millis(20)),
        }
    }
}

/// What reading the copy back has shown.
struct Facts {
    bytes: u64,
    sha256: Digest,
    schema: Digest,
    applied: Vec<String>,
    identity: Option<uuid::Uuid>,
    journal_mode: String,
    integrity: String,
    violations: Vec<Violations>,
}

/// Reads the copy back: its digest and its foreign keys on one core, SQLite's check of
/// its pages, which takes as long, on the other.
fn verify(session: &Session, partial: &Path) -> Result<Facts> {
    let (other, checked) = std::thread::scope(|scope| {
        let other = scope.spawn(|| (hash_file(partial), violations(partial)));
        let checked = inspect(partial);
        (other.join(), checked)
    });
    let Ok((sha256, violations)) = other else {
        let error = std::io::Error::other("the verifying thread failed");
        return Err(Error::io(OPERATION, partial, &error));
    };
    let sha256 = sha256.map_err(|error| Error::io(OPERATION, partial, &error))?;
    let failed = |error: rusqlite::Error| Error::sqlite(OPERATION, partial, &error);
    let (integrity, mut facts) = checked.map_err(failed)?;
    if integrity != "ok" {
        return Err(Error::new(
            ErrorKind::Unreadable,
            OPERATION,
            redact::path(&session.path),
            format!("the database is damaged: {}", integrity.lines().next().unwrap_or_default()),
            "restore a good backup (cargo xtask backup list), or repair it with sqlite3's .recover",
        ));
    }
    facts.sha256 = sha256;
    // Looked at last: in a damaged database the keys can't be read either, and that it is
    // damaged says more.
    facts.violations = violations.map_err(failed)?;
    facts.journal_mode =
        catalog::journal_mode(&session.conn).map_err(|error| session.error(OPERATION, &error))?;
    Ok(facts)
}

fn inspect(partial: &Path) -> SqlResult<(String, Facts)> {
    let conn = open_to_verify(partial)?;
    let integrity = conn.query_row("PRAGMA integrity_check(1)", [], |row| row.get::<_, String>(0));
    let (integrity, verified) = match integrity {
        Ok(answer) => (answer, "integrity_check".to_owned()),
        // Its indexes need what only the application has; the bytes are read back all the same.
        Err(error) if needs_application(&error) => {
            ("ok".to_owned(), format!("integrity_check couldn't run: {}", sqlite_words(&error)))
        }
        Err(error) => return Err(error),
    };
    let facts = Facts {
        bytes: catalog::bytes(&conn)?,
        sha256: Digest::of(b""),
        schema: catalog::catalog(&conn)?.fingerprint(),
        applied: ledger::applied(&conn)?.into_iter().map(|applied| applied.version).collect(),
        identity: ledger::identity(&conn)?,
        journal_mode: String::new(),
        integrity: verified,
        violations: Vec::new(),
    };
    Ok((integrity, facts))
}

fn violations(partial: &Path) -> SqlResult<Vec<Violations>> {
    let found = catalog::violations(&open_to_verify(partial)?, None)?.into_iter();
    Ok(found.map(|((table, parent), rows)| Violations { table, parent, rows }).collect())
}

/// The page cache of a connection that verifies a copy, in kibibytes.
const CACHE_KIB: i64 = 16 * 1024;

/// The checks look every row up in its indexes and its parents: a larger cache saves
/// reading the same pages again and again. Two of these are open at a time.
fn open_to_verify(partial: &Path) -> SqlResult<Connection> {
    let conn = open_immutable(partial)?;
    conn.pragma_update(None, "cache_size", -CACHE_KIB)?;
    Ok(conn)
}

/// Opens a file that nobody writes: no locks, no journal, not even for a copy in WAL mode.
pub(super) fn open_immutable(path: &Path) -> SqlResult<Connection> {
    let mut uri = String::from("file://");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                uri.push(char::from(*byte))
            }
            byte => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(uri, flags)
}

fn publish(partial: &Path, path: &PathBuf, sidecar: &Sidecar) -> Result<()> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    fs::rename(partial, path)
        .and_then(|()| sync_directory(directory))
        .map_err(|error| Error::io(OPERATION, path, &error))?;
    let json = serde_json::to_vec_pretty(sidecar)
        .map_err(|error| Error::io(OPERATION, path, &std::io::Error::other(error)))?;
    write_private(&sidecar_path(path), &json)
}
