//! Backups on demand.

use std::path::{Path, PathBuf};

use portcullis_database::backup::{self, Sidecar};
use portcullis_database::drill::{Drilled, drill as try_out};
use portcullis_database::seam::BackupRequest;
use portcullis_database::{Error, VerifiedBackup};
use portcullis_model::config::Target;
use portcullis_model::exit::Exit;
use portcullis_model::redact;
use portcullis_model::words::{bytes, count};
use uuid::Uuid;

use crate::doctor::{self, Depth, Examined};
use crate::error::Stop;
use crate::migrate::backup_stem;
use crate::named;
use crate::observe::{Clock, Observer};

/// Takes a verified backup of a target. Other programs go on reading and writing.
///
/// # Errors
/// There is no such database, or no verified backup came of it.
///
/// It goes to `place`, or else to where the target's backups go. A place that isn't there is
/// not made: it may be a disk that isn't mounted.
pub fn back_up(
    target: &Target,
    place: Option<&Path>,
    observer: &mut dyn Observer,
) -> Result<VerifiedBackup, Stop> {
    let mut clock = Clock::new(observer);
    if let Some(place) = place.filter(|place| !place.is_dir()) {
        let next = "mount it, or make it: mkdir -m 700";
        let (cause, place) = ("there is no such directory", redact::path(place));
        return Err(Stop::new(Exit::Refused, "back up the database", place, cause, next));
    }
    if portcullis_database::is_missing(target) {
        return Err(Stop::new(
            Exit::Refused,
            "back up the database",
            target.shown(),
            "there is no such file",
            "check the target's path in portcullis.toml",
        ));
    }
    let mut writer = portcullis_database::lock(target)?.open()?;
    let run = Uuid::new_v4();
    let name = backup::named(target, &backup_stem(run));
    let place = place.map(std::path::absolute).transpose().unwrap_or_default();
    let directory = place.as_deref().unwrap_or(&target.backups);
    let request = BackupRequest { directory, name: &name, run };
    let backup =
        writer.back_up(request, &mut |done, total| clock.progress("backup", done, total))?;
    clock.stage("backup", &format!("{}, read back and verified", bytes(backup.sidecar().bytes)));
    Ok(backup)
}

/// The backups that were taken of a target, oldest first; others may share the directory.
///
/// # Errors
/// The directory can't be listed.
pub fn list(target: &Target) -> Result<Vec<(PathBuf, Sidecar)>, Error> {
    list_in(target, &target.backups)
}

/// As [`list`], in another place.
///
/// # Errors
/// The directory can't be listed.
pub fn list_in(target: &Target, place: &Path) -> Result<Vec<(PathBuf, Sidecar)>, Error> {
    let mut backups = backup::list(place)?;
    backups.retain(|(_, sidecar)| sidecar.target == target.name);
    Ok(backups)
}

/// Reads every byte of a target's backups, newest first.
///
/// # Errors
/// The directory can't be listed.
pub fn verify(target: &Target, place: &Path) -> Result<Vec<Examined>, Error> {
    let mut backups = list_in(target, place)?;
    backups.reverse();
    Ok(doctor::read(backups, Depth::All))
}

/// Restores a backup where nobody needs it, and compares it with what was backed up: the newest
/// that this tool can put back, or the one that is named.
///
/// # Errors
/// There is none, or it doesn't come back as it was.
pub fn drill(
    target: &Target,
    place: &Path,
    name: Option<&Path>,
    observer: &mut dyn Observer,
) -> Result<(VerifiedBackup, Drilled), Stop> {
    let mut clock = Clock::new(observer);
    let newest = || -> Result<PathBuf, Stop> {
        let backups = list_in(target, place)?;
        let found = backups
            .into_iter()
            .rev()
            .map(|(path, _)| path)
            .find(|path| backup::is_restorable(path));
        found.ok_or_else(|| {
            let cause = format!("there is none of {} that this tool could put back", target.name);
            let next = "take one: cargo xtask backup";
            Stop::new(Exit::Refused, "find the backup", redact::path(place), cause, next)
        })
    };
    let path = match name {
        Some(name) if place.join(name).exists() => place.join(name),
        Some(name) => named::locate(&[target], name)?,
        None => newest()?,
    };
    let backup = VerifiedBackup::open(&path)?;
    clock.stage("verify", &format!("{}, SHA-256 as recorded", bytes(backup.sidecar().bytes)));
    let drilled = try_out(&backup)?;
    let rows = usize::try_from(drilled.rows).unwrap_or(usize::MAX);
    let (tables, rows) = (count(drilled.tables, "table"), count(rows, "row"));
    clock.stage(
        "drill",
        &format!("restored and compared: {tables}, {rows}, schema and versions as backed up"),
    );
    Ok((backup, drilled))
}
