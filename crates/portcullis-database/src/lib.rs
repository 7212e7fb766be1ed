#![doc = include_str!("../README.md")]

pub mod backup;
mod error;
mod files;
mod lock;
pub mod seam;
mod slt;
mod sqlite;

pub use backup::{Sidecar, VerifiedBackup, Violations};
pub use error::{Error, ErrorKind, Result};
pub use files::{free_bytes, make_private_directory, write_private};
pub use lock::{RunLock, lock};
pub use seam::{Reader, Writer};

use portcullis_model::config::{Engine, Target};

/// Looks at a target without writing anything; `None` if it doesn't exist.
///
/// # Errors
/// It is there, but it is no database of this engine, or it can't be read.
pub fn open_reader(target: &Target) -> Result<Option<Box<dyn Reader>>> {
    match target.engine {
        Engine::Sqlite => sqlite::open_reader(target),
    }
}

/// Restores a backup where there is no database, or none that can be read. What is left
/// of it is moved aside; the second value says where its parts are now.
///
/// # Errors
/// [`ErrorKind::Refused`] if nothing was touched. Any other: what was there is moved
/// aside, and every command refuses the target until a restore succeeds.
pub fn restore_anew(
    lock: RunLock,
    backup: &VerifiedBackup,
    overlay: seam::Overlay<'_>,
    progress: seam::Progress<'_>,
) -> Result<(Vec<std::path::PathBuf>, Box<dyn Writer>)> {
    match lock.target().engine {
        Engine::Sqlite => sqlite::restore_anew(lock, backup, overlay, progress),
    }
}
