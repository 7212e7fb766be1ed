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

/// Whether a damaged database of this target was found, as its own check says it. Used
/// to choose between backing the present state up and moving it aside.
///
/// # Errors
/// Never for damage; only where not even that could be found out.
pub fn move_aside(target: &Target, lock: &RunLock) -> Result<Vec<std::path::PathBuf>> {
    match target.engine {
        Engine::Sqlite => sqlite::move_aside(target, lock),
    }
}
