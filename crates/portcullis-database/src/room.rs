//! The places that a run writes to on this machine, and what each needs.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use portcullis_model::config::{BackupKind, Place, Target};

use crate::{Result, free_bytes};

/// A place, what a run may need there, and what is free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// The place.
    pub path: PathBuf,
    /// Bytes that may be needed.
    pub needed: u64,
    /// Bytes that are free.
    pub free: u64,
}

/// What a run needs that backs up a database of this size and changes `changed` bytes of
/// it. A server's own disk can't be seen from here.
///
/// # Errors
/// A file system can't say what is free.
pub fn rooms_to_migrate(target: &Target, bytes: u64, changed: u64) -> Result<Vec<Room>> {
    let wanted = match &target.place {
        Place::File(path) => vec![(target.backups.clone(), bytes), (path.clone(), changed)],
        Place::Server(server) if server.backup == BackupKind::Dump => {
            // The dump is smaller than the database; the trial restore is about as large.
            let scratch = bytes <= server.restore_max && server.scratch.is_none();
            let trial = if scratch { bytes } else { 0 };
            vec![(target.backups.clone(), bytes), (std::env::temp_dir(), trial)]
        }
        Place::Server(_) => Vec::new(),
    };
    rooms(wanted)
}

/// What a restore of this many bytes needs.
///
/// # Errors
/// A file system can't say what is free.
pub fn rooms_to_restore(target: &Target, bytes: u64) -> Result<Vec<Room>> {
    rooms(match &target.place {
        // A copy is prepared beside the database, and the journal may need as much again.
        Place::File(path) => vec![(path.clone(), bytes.saturating_mul(2))],
        // The present state is kept first.
        Place::Server(_) => vec![(target.backups.clone(), bytes)],
    })
}

/// Places on one disk need the sum there.
fn rooms(wanted: Vec<(PathBuf, u64)>) -> Result<Vec<Room>> {
    let mut found: Vec<(Option<u64>, Room)> = Vec::new();
    for (path, needed) in wanted {
        let device = device(&path);
        let before: u64 = found
            .iter()
            .filter(|(other, _)| device.is_some() && *other == device)
            .map(|(_, room)| room.needed)
            .sum();
        let free = free_bytes(&path)?;
        found.push((device, Room { path, needed: needed.saturating_add(before), free }));
    }
    Ok(found.into_iter().map(|(_, room)| room).collect())
}

fn device(path: &Path) -> Option<u64> {
    path.ancestors().find_map(|path| path.metadata().ok()).map(|metadata| metadata.dev())
}
