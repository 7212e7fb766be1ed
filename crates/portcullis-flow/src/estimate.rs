//! Bytes and minutes before anything starts, and whether there is room for them.

use std::time::Duration;

use portcullis_database::{Proof, Room, Sidecar, backup};
use portcullis_model::config::{Engine, Place, Target};
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
    /// How the backup will be proved, where that isn't always the same.
    pub backup_proof: Option<String>,
    /// Whether no scan and no copy happens while writers wait.
    pub large: bool,
}

/// Copying and verifying, if there is no earlier backup to go by: a slow disk.
const BYTES_PER_SECOND: u64 = 100 << 20;

/// The same, where the copy is restored as well.
const BYTES_PER_SECOND_RESTORED: u64 = 25 << 20;

/// A smaller database says little about a large one.
const TELLING: u64 = 64 << 20;

/// Receipts, sidecars and the tool's own tables.
const SMALL_CHANGE: u64 = 4 << 20;

pub(crate) fn estimate(target: &Target, plan: &Plan, size: u64) -> Result<Estimate, Stop> {
    let proof = Proof::of(target, size);
    let last = last_backup(target);
    let last = last.as_ref().filter(|last| last.database_bytes() > TELLING);
    let default = match &proof {
        Some(proof) if proof.is_trial() => BYTES_PER_SECOND_RESTORED,
        _ => BYTES_PER_SECOND,
    };
    let speed = last.map_or(default, |last| {
        last.database_bytes().saturating_mul(1000) / last.milliseconds.max(1)
    });
    // A rebuild or VACUUM writes the database anew; anything else changes a part of it.
    let rewrites = plan.segments.iter().any(|segment| segment.kind != SegmentKind::Transaction);
    Ok(Estimate {
        database_bytes: size,
        backup_bytes: last.map_or(size, |last| share(size, last)),
        backup_free_bytes: portcullis_database::free_bytes(&target.backups)?,
        journal_bytes: if rewrites { size } else { size / 4 },
        journal_free_bytes: match &target.place {
            Place::File(path) => Some(portcullis_database::free_bytes(path)?),
            Place::Server(_) => None,
        },
        backup_seconds: size.div_ceil(speed.max(1)),
        backup_proof: proof.map(|proof| proof.describe()),
        // A dump keeps no writer waiting, whatever its size.
        large: target.engine() == Engine::Postgres || size > target.hold_writes_max,
    })
}

/// The newest backup of this target.
fn last_backup(target: &Target) -> Option<Sidecar> {
    let backups = backup::list(&target.backups).ok()?;
    backups.into_iter().map(|(_, sidecar)| sidecar).rfind(|sidecar| sidecar.target == target.name)
}

/// The size of a backup that is the same share of its database as the last one was.
fn share(size: u64, last: &Sidecar) -> u64 {
    let bytes =
        u128::from(size) * u128::from(last.bytes) / u128::from(last.database_bytes().max(1));
    u64::try_from(bytes).unwrap_or(size)
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
            // A backup isn't counted on to be as small as the last one.
            self.database_bytes,
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
