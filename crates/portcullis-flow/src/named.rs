//! Backups by the names that people give them.

use std::path::{Path, PathBuf};

use portcullis_database::VerifiedBackup;
use portcullis_database::backup::{self, Sidecar};
use portcullis_model::config::{Config, Target};
use portcullis_model::exit::Exit;
use portcullis_model::redact;
use portcullis_model::words::bytes;
use uuid::Uuid;

use crate::error::Stop;
use crate::observe::{Clock, Observer};
use crate::stage;

/// A backup whose bytes were read back, and the target that it is of.
#[derive(Debug)]
pub struct OfTarget<'a> {
    /// The target.
    pub target: &'a Target,
    /// The backup.
    pub backup: VerifiedBackup,
}

/// Finds a backup of any target, and verifies it as a restore does. It is named as for a
/// restore; a target's name stands for its newest.
///
/// # Errors
/// There is none, it isn't what its sidecar says, or no target here is what it is of.
pub fn of_any<'a>(
    config: &'a Config,
    name: &Path,
    observer: &mut dyn Observer,
) -> Result<OfTarget<'a>, Stop> {
    let mut clock = Clock::new(observer);
    let backup = VerifiedBackup::open(&find(config, name)?)?;
    let sidecar = backup.sidecar();
    let target = config.targets.get(&sidecar.target).ok_or_else(|| {
        Stop::new(
            Exit::Refused,
            "identify the backup",
            redact::path(backup.path()),
            format!(
                "it was taken of the target {}, and portcullis.toml has none of this name",
                redact::printable(&sidecar.target)
            ),
            "choose a backup of a target that is there: cargo xtask backup list",
        )
    })?;
    check_identity(target, &backup)?;
    clock.stage("verify", &format!("{}, SHA-256 as recorded", bytes(sidecar.bytes)));
    let (file, taken) = (redact::path(backup.path()), &sidecar.created);
    clock.stage("backup", &format!("{file}, of {}, taken {taken}", target.name));
    Ok(OfTarget { target, backup })
}

/// What its sidecar says of a backup that is named so, without a look at the backup.
pub fn sidecar(config: &Config, name: &Path) -> Option<Sidecar> {
    backup::read_sidecar(&find(config, name).ok()?).ok()
}

/// A target's newest, or a file of that name.
fn find(config: &Config, name: &Path) -> Result<PathBuf, Stop> {
    let Some(target) = name.to_str().and_then(|name| config.targets.get(name)) else {
        return locate(&config.targets.values().collect::<Vec<_>>(), name);
    };
    let newest = crate::backup::list(target)?.pop();
    newest.map(|(path, _)| path).ok_or_else(|| {
        let cause = format!("there is none of it in {}", redact::path(&target.backups));
        let next = format!("take one: cargo xtask backup --target {}", target.name);
        Stop::new(Exit::Refused, "find the backup", &target.name, cause, next)
    })
}

/// A name that `backup list` shows, or a path.
pub(crate) fn locate(targets: &[&Target], backup: &Path) -> Result<PathBuf, Stop> {
    let named = targets.iter().map(|target| target.backups.join(backup));
    let found = named.chain([backup.to_owned()]).find(|path| path.exists());
    let path = found.and_then(|path| std::path::absolute(path).ok());
    path.ok_or_else(|| {
        let mut places: Vec<String> =
            targets.iter().map(|target| redact::path(&target.backups)).collect();
        places.dedup();
        Stop::new(
            Exit::Refused,
            "find the backup",
            redact::path(backup),
            format!("there is no such file, here or in {}", places.join(", ")),
            "cargo xtask backup list shows what there is",
        )
    })
}

/// A backup goes back only into the database that it was taken from.
pub(crate) fn check_identity(target: &Target, backup: &VerifiedBackup) -> Result<Uuid, Stop> {
    let expected = target.identity.or_else(|| stage::recorded_identity(target));
    let refused = |cause: String, next: &str| {
        let place = redact::path(backup.path());
        Err(Stop::new(Exit::Refused, "identify the backup", place, cause, next))
    };
    let engine = target.engine().name();
    if backup.sidecar().engine != engine {
        return refused(
            format!("it is no backup of {engine}"),
            "choose a backup of this target: cargo xtask backup list",
        );
    }
    match (backup.sidecar().identity, expected) {
        (Some(found), Some(expected)) if found == expected => Ok(found),
        (Some(found), Some(expected)) => refused(
            format!("it was taken from the database {found}, but {} is {expected}", target.name),
            "choose a backup of this target: cargo xtask backup list",
        ),
        (Some(found), None) if !target.protected => Ok(found),
        (Some(_), None) => refused(
            "nothing here names the target's identity".to_owned(),
            "write it as identity into portcullis.toml",
        ),
        // Taken before the database got its identity; the name is all there is to go by.
        (None, Some(expected)) if backup.sidecar().target == target.name => Ok(expected),
        (None, _) => refused(
            "its sidecar names no database: it was taken before this tool knew the database"
                .to_owned(),
            "choose one that was taken since: cargo xtask backup list; this one is for a person to put back by hand, then cargo xtask migrate --enrol",
        ),
    }
}
