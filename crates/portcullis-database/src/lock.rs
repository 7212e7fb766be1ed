//! One runner at a time: for a file, a lock on another file beside it; a server keeps the
//! lock itself.
//!
//! A separate file, because opening and closing the database file itself would drop
//! SQLite's POSIX locks. `flock` is released by the system however the process ends; the
//! file stays, because removing it would let two runners lock two files of one name.

use std::fs::{self, File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use portcullis_model::config::{Place, Target};
use portcullis_model::redact;

use crate::seam::Writer;
use crate::{Error, ErrorKind, Result, postgres, sqlite};

const OPERATION: &str = "take the runner's lock";

/// Held as long as this process may change the database.
#[derive(Debug, Clone)]
pub struct RunLock {
    target: Target,
    /// The lock goes with the last clone.
    _file: Option<Arc<File>>,
}

/// Makes this process the target's only runner.
///
/// # Errors
/// [`ErrorKind::Busy`] with the other runner's process number, or the lock file can't be
/// made.
pub fn lock(target: &Target) -> Result<RunLock> {
    let file = match &target.place {
        Place::File(path) => {
            sqlite::check_way(target, path)?;
            Some(Arc::new(lock_beside(target, path)?))
        }
        // The server holds the lock, as long as the connection that `open` makes.
        Place::Server(_) => None,
    };
    Ok(RunLock { target: target.clone(), _file: file })
}

fn lock_beside(target: &Target, database: &Path) -> Result<File> {
    let path = lock_path(database);
    if !target.protected
        && let Some(directory) = path.parent()
    {
        fs::create_dir_all(directory)
            .map_err(|error| Error::io(OPERATION, directory, &error).refused())?;
    }
    let mut file = open_lock_file(&path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // The note is for people only; the lock itself is the kernel's.
            let _ = file.read_to_string(&mut holder);
            let cause = match holder.trim() {
                "" => "another run holds it".to_owned(),
                holder => format!("another run holds it ({})", redact::printable(holder)),
            };
            return Err(Error::new(
                ErrorKind::Busy,
                OPERATION,
                redact::path(&path),
                cause,
                "wait for that run to end, then try again",
            ));
        }
        Err(TryLockError::Error(error)) => {
            return Err(Error::io(OPERATION, &path, &error).refused());
        }
    }
    let note = format!(
        "process {}, since {}\n",
        std::process::id(),
        humantime::format_rfc3339_seconds(std::time::SystemTime::now())
    );
    let written =
        file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(note.as_bytes()));
    // A full disk may not keep a technician from restoring.
    drop(written);
    Ok(file)
}

/// Opens the lock file, or makes it; never somebody else's file through a link.
fn open_lock_file(path: &Path) -> Result<File> {
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)
        .map_err(|error| Error::io(OPERATION, path, &error).refused())?;
    let metadata = file.metadata().map_err(|error| Error::io(OPERATION, path, &error).refused())?;
    if metadata.is_file() && metadata.nlink() == 1 {
        return Ok(file);
    }
    let cause = "it is no regular file with one name";
    Err(Error::new(ErrorKind::Refused, OPERATION, redact::path(path), cause, "move it away"))
}

impl RunLock {
    /// Connects for writing.
    ///
    /// # Errors
    /// The target can't be opened, or isn't what it must be.
    pub fn open(self) -> Result<Box<dyn Writer>> {
        match self.target.place.clone() {
            Place::File(path) => sqlite::open_writer(self, &path),
            Place::Server(server) => postgres::open_writer(self, &server),
        }
    }

    /// What is locked.
    pub fn target(&self) -> &Target {
        &self.target
    }
}

fn lock_path(database: &Path) -> PathBuf {
    let mut name = database.file_name().unwrap_or_default().to_owned();
    name.push(".portcullis-lock");
    database.with_file_name(name)
}
