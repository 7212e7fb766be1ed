//! Bytes and minutes before anything starts, and whether there is room for them.

use std::time::Duration;

use portcullis_database::{Room, backup};
use portcullis_model::config::{Place, Target};
use portcullis_model::exit::Exit;
use portcullis_model::plan::{Plan, SegmentKind};
use portcullis_model::redact;
use portcullis_model::words::bytes;
use serde::Serialize;

use crate::error::Stop;

/// What a run will need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Estimate {
    /// The database's size.
    pub database_bytes: u64,
    /// The backup's size.
    pub backup_bytes: u64,
    /// What is free where the backup goes.
    pub backup_free_bytes: u64,
    /// What the database's journal may need beside it.
    pub journal_bytes: u64,
    /// What is free there; a server's disk can't be seen from here.
    pub journal_free_bytes: Option<u64>,
    /// How long copying and verifying the backup takes, going by the last one.
    pub backup_seconds: u64,
    /// Whether no scan and no copy happens while writers wait.
    pub large: bool,
}

/// Copying and verifying, if there is no earlier backup to go by: a slow disk.
const BYTES_PER_SECOND: u64 = 100 << 20;

/// Receipts, sidecars and the tool's own tables.
const SMALL_CHANGE: u64 = 4 << 20;

pub(crate) fn estimate(target: &Target, plan: &Plan, size: u64) -> Result<Estimate, Stop> {
    let speed = backup::list(&target.backups)
        .ok()
        .and_then(|backups| {
            backups.last().map(|(_, sidecar)| (sidecar.bytes, sidecar.milliseconds))
        })
        .filter(|(bytes, _)| *bytes > 64 << 20)
        .map_or(BYTES_PER_SECOND, |(bytes, milliseconds)| {
            bytes.saturating_mul(1000) / milliseconds.max(1)
        });
    // A rebuild or VACUUM writes the database anew; anything else changes a part of it.
    let rewrites = plan.segments.iter().any(|segment| segment.kind != SegmentKind::Transaction);
    Ok(Estimate {
        database_bytes: size,
        backup_bytes: size,
        backup_free_bytes: portcullis_database::free_bytes(&target.backups)?,
        journal_bytes: if rewrites { size } else { size / 4 },
        journal_free_bytes: match &target.place {
            Place::File(path) => Some(portcullis_database::free_bytes(path)?),
            Place::Server(_) => None,
        },
        backup_seconds: size.div_ceil(speed.max(1)),
        large: size > target.hold_writes_max,
    })
}

impl Estimate {
    /// The expected time.
    pub fn backup_time(&self) -> Duration {
        Duration::from_secs(self.backup_seconds)
    }

    /// Refuses a run that would fill a disk.
    pub(crate) fn check(&self, target: &Target) -> Result<(), Stop> {
        check_rooms(&portcullis_database::rooms_to_migrate(
            target,
            self.backup_bytes,
            self.journal_bytes,
        )?)
    }
}

/// Refuses what would fill a disk.
pub(crate) fn check_rooms(rooms: &[Room]) -> Result<(), Stop> {
    for Room { path, needed, free } in rooms {
        let needed = needed + SMALL_CHANGE;
        if *free < needed {
            return Err(Stop::new(
                Exit::Refused,
                "look for free space",
                redact::path(path),
                format!("{} are needed and {} are free", bytes(needed), bytes(*free)),
                "free space there, or name another place in portcullis.toml",
            ));
        }
    }
    Ok(())
}
