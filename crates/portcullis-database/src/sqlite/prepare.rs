//! A backup made ready to take a database's place: a copy beside it that already holds
//! the record of the restore. Whatever then dies, the record came with the rows.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rusqlite::{Connection, OpenFlags, Result as SqlResult};

use super::backup::open_immutable;
use super::place::with_ending;
use super::restore::copy_pages;
use super::{connect_writer, ledger};
use crate::files::sync_directory;
use crate::seam::{Overlay, Progress, Writer};
use crate::{Error, Result, RunLock, VerifiedBackup};

const OPERATION: &str = "prepare the backup";

/// A prepared copy; removed again unless it has taken its place.
pub(super) struct Prepared {
    path: PathBuf,
}

impl Prepared {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        // Gone if it was renamed into place. It is a copy of a copy: no evidence.
        let _ = fs::remove_file(&self.path);
    }
}

/// Copies the backup to the database's directory and writes the record into the copy.
pub(super) fn prepare(
    database: &Path,
    backup: &VerifiedBackup,
    overlay: Overlay<'_>,
    progress: Progress<'_>,
) -> Result<Prepared> {
    let name = format!(".restoring-{}", &overlay.run.simple().to_string()[..8]);
    let prepared = Prepared { path: with_ending(database, &name) };
    let path = &prepared.path;
    let file = File::options().write(true).create_new(true).mode(0o600).open(path);
    let file = file.map_err(|error| Error::io(OPERATION, path, &error).refused())?;
    let failed = |error: rusqlite::Error| Error::sqlite(OPERATION, path, &error).refused();
    fill(path, backup, overlay, progress).map_err(failed)?;
    file.sync_all().map_err(|error| Error::io(OPERATION, path, &error).refused())?;
    Ok(prepared)
}

fn fill(
    path: &Path,
    backup: &VerifiedBackup,
    overlay: Overlay<'_>,
    progress: Progress<'_>,
) -> SqlResult<()> {
    let source = open_immutable(backup.path())?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut copy = Connection::open_with_flags(path, flags)?;
    copy_pages(&source, &mut copy, std::time::Duration::ZERO, None, progress)?;
    // The pages say WAL where the database was in that mode; a copy alone needs no log.
    set_journal_mode(&copy, "delete")?;
    ledger::overlay(&mut copy, overlay)?;
    copy.close().map_err(|(_, error)| error)
}

/// Sets a journal mode by a name that came from a file: only SQLite's own names are said.
pub(super) fn set_journal_mode(conn: &Connection, mode: &str) -> SqlResult<()> {
    let known = ["delete", "truncate", "persist", "wal"];
    let mode = known.iter().find(|known| **known == mode).unwrap_or(&"delete");
    conn.query_row(&format!("PRAGMA main.journal_mode = {mode}"), [], |_| Ok(()))
}

/// Restores where there is no database, or none that can be read: what is left of it is
/// moved aside whole, and the prepared copy is renamed into its place.
pub(crate) fn restore_anew(
    lock: RunLock,
    database: &Path,
    backup: &VerifiedBackup,
    overlay: Overlay<'_>,
    progress: Progress<'_>,
) -> Result<(Vec<PathBuf>, Box<dyn Writer>)> {
    let prepared = prepare(database, backup, overlay, progress)?;
    let path = prepared.path();
    let failed = |error: rusqlite::Error| Error::sqlite(OPERATION, path, &error).refused();
    Connection::open(path)
        .and_then(|copy| {
            set_journal_mode(&copy, backup.sidecar().journal_mode())?;
            copy.close().map_err(|(_, error)| error)
        })
        .map_err(failed)?;
    keep_owner(database, path);
    let moved = move_aside(database)?;
    let place = || -> std::io::Result<()> {
        fs::rename(path, database)?;
        sync_directory(database.parent().unwrap_or(Path::new("/")))
    };
    place().map_err(|error| Error::io("put the backup in its place", database, &error))?;
    Ok((moved, connect_writer(lock, database)?))
}

/// The application must be able to open what replaces its database.
fn keep_owner(old: &Path, new: &Path) {
    if let Ok(metadata) = fs::metadata(old) {
        let _ = fs::set_permissions(new, fs::Permissions::from_mode(metadata.mode() & 0o777));
        let _ = std::os::unix::fs::chown(new, Some(metadata.uid()), Some(metadata.gid()));
    }
}

/// Moves what is left of a database aside, with its journals: evidence, and perhaps the
/// only copy of something. Returns where the parts are now.
///
/// The database goes first: a journal without its database is refused by every command,
/// a database without its journal would be taken for whole.
fn move_aside(database: &Path) -> Result<Vec<PathBuf>> {
    const OPERATION: &str = "move the damaged database aside";
    let stamp =
        humantime::format_rfc3339_millis(SystemTime::now()).to_string().replace([':', '.'], "");
    let base = with_ending(database, &format!(".damaged-{stamp}"));
    let mut moved = Vec::new();
    for ending in ["", "-journal", "-wal", "-shm"] {
        let (from, to) = (with_ending(database, ending), with_ending(&base, ending));
        match fs::rename(&from, &to) {
            Ok(()) => moved.push(to),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io(OPERATION, &from, &error)),
        }
    }
    let directory = database.parent().unwrap_or(Path::new("/"));
    sync_directory(directory).map_err(|error| Error::io(OPERATION, directory, &error))?;
    Ok(moved)
}
