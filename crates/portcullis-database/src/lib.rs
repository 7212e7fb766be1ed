#![doc = include_str!("../README.md")]

pub mod backup;
pub mod client;
pub mod connection;
pub mod drill;
mod error;
mod files;
pub mod introduction;
mod lock;
pub mod nature;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(not(feature = "postgres"))]
#[path = "without_postgres.rs"]
mod postgres;
mod proof;
mod room;
pub mod scratch;
pub mod seam;
pub mod slt;
mod sqlite;
mod step;

pub use backup::{Sidecar, VerifiedBackup, Violations};
pub use error::{Error, ErrorKind, Result};
pub use files::{free_bytes, make_private_directory, write_private};
pub use lock::{RunLock, lock};
pub use proof::Proof;
pub use room::{Room, rooms_to_migrate, rooms_to_restore};
pub use seam::{Reader, Writer};

use portcullis_model::config::{Place, Target};

/// Looks at a target without writing anything; `None` if it doesn't exist.
///
/// # Errors
/// It is there, but it is no database of this engine, or it can't be read.
pub fn open_reader(target: &Target) -> Result<Option<Box<dyn Reader>>> {
    match &target.place {
        Place::File(path) => sqlite::open_reader(target, path),
        Place::Server(server) => postgres::open_reader(target, server),
    }
}

/// Whether there is no database yet, and opening it for writing would make one.
pub fn is_missing(target: &Target) -> bool {
    match &target.place {
        Place::File(path) => !path.exists(),
        // A database of a server is made by whoever runs the server.
        Place::Server(_) => false,
    }
}

/// Whether there is something at the target's place that could be kept before a restore.
pub fn has_something(target: &Target) -> bool {
    match &target.place {
        Place::File(path) => {
            path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() > 0)
        }
        Place::Server(_) => true,
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
    match lock.target().place.clone() {
        Place::File(path) => sqlite::restore_anew(lock, &path, backup, overlay, progress),
        Place::Server(server) => postgres::restore_anew(lock, &server, backup, overlay, progress),
    }
}
