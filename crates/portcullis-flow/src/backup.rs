//! Backups on demand.

use std::path::PathBuf;

use portcullis_database::backup::{self, Sidecar};
use portcullis_database::seam::BackupRequest;
use portcullis_database::{Error, VerifiedBackup};
use portcullis_model::config::Target;
use portcullis_model::exit::Exit;
use portcullis_model::words::bytes;
use uuid::Uuid;

use crate::error::Stop;
use crate::migrate::backup_stem;
use crate::observe::{Clock, Observer};

/// Takes a verified backup of a target. Other programs go on reading and writing.
///
/// # Errors
/// There is no such database, or no verified backup came of it.
pub fn back_up(target: &Target, observer: &mut dyn Observer) -> Result<VerifiedBackup, Stop> {
    let mut clock = Clock::new(observer);
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
    let request = BackupRequest { directory: &target.backups, name: &name, run };
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
    let mut backups = backup::list(&target.backups)?;
    backups.retain(|(_, sidecar)| sidecar.target == target.name);
    Ok(backups)
}
