//! One runner at a time: a lock on a file of its own beside the database.
//!
//! A separate file, because opening and closing the database file itself would drop
//! SQLite's POSIX locks. `flock` is released by the system however the process ends; the
//! file stays, because removing it would let two runners lock two files of one name.

use std::fs::{self, File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use portcullis_model::config::{Engine, Target};
use portcullis_model::redact;

use crate::seam::Writer;
use crate::{Error, ErrorKind, Result, sqlite};

/// Held as long as this process may change the database.
#[derive(Debug, Clone)]
pub struct RunLock {
    target: Target,
    /// The lock goes with the last clone.
    _file: Arc<File>,
}

/// Makes this process the target's only runner.
///
/// # Errors
/// [`ErrorKind::Busy`] with the other runner's process number, or the lock file can't be
/// made.
pub fn lock(target: &Target) -> Result<RunLock> {
    const OPERATION: &str = "take the runner's lock";
    let path = lock_path(&target.path);
    if !target.protected
        && let Some(directory) = path.parent()
    {
        fs::create_dir_all(directory)
            .map_err(|error| Error::io(OPERATION, directory, &error).refused())?;
    }
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|error| Error::io(OPERATION, &path, &error).refused())?;
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
    Ok(RunLock { target: target.clone(), _file: Arc::new(file) })
}

impl RunLock {
    /// Connects for writing.
    ///
    /// # Errors
    /// The target can't be opened, or isn't what it must be.
    pub fn open(self) -> Result<Box<dyn Writer>> {
        match self.target.engine {
            Engine::Sqlite => sqlite::open_writer(self),
        }
    }

    /// Connects for putting a backup back where nothing is: even a protected target's
    /// file is made then.
    ///
    /// # Errors
    /// The file can't be made.
    pub fn open_to_restore(self) -> Result<Box<dyn Writer>> {
        match self.target.engine {
            Engine::Sqlite => sqlite::connect_writer(self),
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
