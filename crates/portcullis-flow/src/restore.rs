//! Putting a backup back by hand: the present state is kept first, whatever it is.

use std::path::{Path, PathBuf};

use portcullis_database::seam::{BackupRequest, Closes, Keys, Smoke, StoredReceipt};
use portcullis_database::{Error, ErrorKind, RunLock, VerifiedBackup, Writer};
use portcullis_model::config::Target;
use portcullis_model::exit::Exit;
use portcullis_model::redact;
use portcullis_model::smoke::{self, When};
use portcullis_model::words::bytes;
use portcullis_receipt::{Action, Arrival, Failed, Failure, Receipt};
use uuid::Uuid;

use crate::error::Stop;
use crate::intent::Intent;
use crate::migrate::backup_name;
use crate::observe::{Clock, Observer};
use crate::record::{self, Beginning, Filed, backup_facts};
use crate::stage::Locked;

/// Puts a backup back. Receipts that are newer than the backup are carried over, so that
/// the record has no gap.
///
/// # Errors
/// The backup isn't what its sidecar says, it is another database's, or restoring it
/// failed; the message says what state the database is in.
pub fn restore(
    root: &Path,
    target: &Target,
    backup: &Path,
    reason: Option<String>,
    observer: &mut dyn Observer,
) -> Result<Filed, Stop> {
    let mut clock = Clock::new(observer);
    let backup = VerifiedBackup::open(&locate(target, backup)?)?;
    let identity = check_identity(target, &backup)?;
    clock.stage("verify", &format!("{}, SHA-256 as recorded", bytes(backup.sidecar().bytes)));
    let lock = portcullis_database::lock(target)?;
    let (mut writer, kept) = keep_present_state(target, lock, &mut clock)?;
    clock.stage("keep", &kept.describe());
    let intent = begin(target, &mut *writer, &backup, identity, reason.clone())?;
    let receipts = all_receipts(target, &mut *writer)?;
    let survey = writer.survey()?;
    crate::begun();
    let result = writer.restore(&backup, &mut |done, total| clock.progress("restore", done, total));
    if let Err(error) = result {
        return Err(failed(error, &kept));
    }
    clock.stage("restore", &redact::path(backup.path()));
    let mut locked = Locked { survey, writer, identity, arrival: Arrival::Known };
    carry_over(&mut *locked.writer, &receipts)?;
    locked.survey = locked.writer.survey()?;
    let mut facts =
        Beginning { run: intent, reason, ..Beginning::of(&locked, root, target, Action::Restore) }
            .facts();
    facts.restored_from = Some(backup_facts(&backup, false));
    facts.backup = kept.backup.as_ref().map(|backup| backup_facts(backup, false));
    facts.moved_aside = kept.moved.iter().map(|path| redact::path(path)).collect();
    // What was in the data when it was backed up is no fault of the restore.
    let baseline = locked.writer.baseline(Keys::Now)?;
    let smoke = Smoke {
        when: When::AfterCommit,
        applied: &backup.sidecar().applied,
        queries: &[],
        baseline: &baseline,
    };
    let checked = smoke::passed(locked.writer.check(smoke));
    facts.finished = record::now();
    facts.timings = std::mem::take(&mut clock.timings);
    let receipt = match checked {
        Ok(smoke) => {
            clock.stage("smoke", &format!("{} checks passed", smoke.checks().len()));
            Receipt::applied(facts, Vec::new(), smoke)
        }
        Err(checks) => {
            let cause =
                checks.iter().find_map(|check| check.failure()).unwrap_or_default().to_owned();
            let failure =
                Failure { operation: "smoke-test".into(), place: target.name.clone(), cause };
            let state = "restored, but not healthy".to_owned();
            Receipt::failed(
                facts,
                Vec::new(),
                checks,
                Failed { exit: Exit::NeedsPerson, failure, state, undo: None },
            )
        }
    };
    file(target, &mut *locked.writer, receipt, &kept, &mut clock, root)
}

fn file(
    target: &Target,
    writer: &mut dyn Writer,
    receipt: Receipt,
    kept: &Kept,
    clock: &mut Clock<'_>,
    root: &Path,
) -> Result<Filed, Stop> {
    let outcome = receipt.predicate.outcome.clone();
    let filed = record::file(writer, target, receipt, Closes::All)?;
    if let Some(failure) = outcome.failure {
        let mut stop = Stop::new(
            outcome.exit,
            &failure.operation,
            failure.place,
            failure.cause,
            "choose an older backup: cargo xtask backup list",
        );
        stop.notes.push(kept.describe());
        return Err(stop);
    }
    if let Some(cause) = &filed.incomplete {
        let next = "make room there; the next cargo xtask migrate completes the record";
        return Err(Stop::new(
            Exit::RecordIncomplete,
            "file the receipt",
            &target.name,
            cause,
            next,
        ));
    }
    clock.stage("receipt", &crate::migrate::describe_receipt(&filed, root));
    Ok(filed)
}

/// A name that `backup list` shows, or a path.
fn locate(target: &Target, backup: &Path) -> Result<PathBuf, Stop> {
    let found =
        [target.backups.join(backup), backup.to_owned()].into_iter().find(|path| path.is_file());
    let path = found.and_then(|path| std::path::absolute(path).ok());
    path.ok_or_else(|| {
        Stop::new(
            Exit::Refused,
            "find the backup",
            redact::path(backup),
            format!("there is no such file, here or in {}", redact::path(&target.backups)),
            "cargo xtask backup list shows what there is",
        )
    })
}

/// A backup goes back only into the database that it was taken from.
fn check_identity(target: &Target, backup: &VerifiedBackup) -> Result<Uuid, Stop> {
    let recorded = || std::fs::read_to_string(&target.identity_record).ok()?.trim().parse().ok();
    let expected: Option<Uuid> = target.identity.or_else(recorded);
    let refused = |cause: String, next: &str| {
        Err(Stop::new(
            Exit::Refused,
            "identify the backup",
            redact::path(backup.path()),
            cause,
            next,
        ))
    };
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
        (None, Some(expected)) if !target.protected => Ok(expected),
        (None, _) => refused(
            "its sidecar names no database: it was taken before this tool knew the database"
                .to_owned(),
            "copy it into place by hand if you are certain, then cargo xtask migrate --enrol",
        ),
    }
}

/// Where the present state is now.
struct Kept {
    backup: Option<VerifiedBackup>,
    moved: Vec<PathBuf>,
}

impl Kept {
    fn describe(&self) -> String {
        match (&self.backup, self.moved.first()) {
            (Some(backup), _) => {
                format!("the present state is kept as {}", redact::path(backup.path()))
            }
            (None, Some(path)) => {
                format!("what was there couldn't be read; it is kept as {}", redact::path(path))
            }
            (None, None) => "there was no database".to_owned(),
        }
    }
}

/// A verified backup of the present state; what can't be read is moved aside whole.
fn keep_present_state(
    target: &Target,
    lock: RunLock,
    clock: &mut Clock<'_>,
) -> Result<(Box<dyn Writer>, Kept), Stop> {
    let nothing = Kept { backup: None, moved: Vec::new() };
    if std::fs::metadata(&target.path)
        .is_ok_and(|metadata| metadata.is_file() && metadata.len() > 0)
    {
        let mut writer = match lock.clone().open() {
            Ok(writer) => writer,
            Err(error) if error.kind == ErrorKind::Unreadable => return start_anew(target, lock),
            Err(error) => return Err(error.into()),
        };
        let name = backup_name(Uuid::new_v4()).replace(".db", "-before-restore.db");
        let request =
            BackupRequest { directory: &target.backups, name: &name, run: Uuid::new_v4() };
        return match writer.back_up(request, &mut |done, total| clock.progress("keep", done, total))
        {
            Ok(backup) => Ok((writer, Kept { backup: Some(backup), ..nothing })),
            Err(error) if error.kind == ErrorKind::Unreadable => {
                drop(writer);
                start_anew(target, lock)
            }
            Err(error) => Err(error.into()),
        };
    }
    start_anew(target, lock)
}

fn start_anew(target: &Target, lock: RunLock) -> Result<(Box<dyn Writer>, Kept), Stop> {
    let moved = portcullis_database::move_aside(target, &lock)?;
    // A protected target is never created by a migration, but a restore brings it back.
    let writer = lock.open_to_restore()?;
    Ok((writer, Kept { backup: None, moved }))
}

fn begin(
    target: &Target,
    writer: &mut dyn Writer,
    backup: &VerifiedBackup,
    identity: Uuid,
    reason: Option<String>,
) -> Result<Uuid, Stop> {
    let run = Uuid::new_v4();
    let survey = writer.survey()?;
    let applied: Vec<String> =
        survey.applied.iter().map(|applied| applied.version.clone()).collect();
    let intent = Intent {
        action: Action::Restore,
        started: record::now(),
        reason,
        plan: backup.sidecar().sha256,
        applied_before: applied,
        applied_after: backup.sidecar().applied.clone(),
        schema_before: survey.catalog.fingerprint(),
        backup: backup.path().display().to_string(),
        steps: Vec::new(),
    };
    let text = serde_json::to_string(&intent).map_err(|error| {
        Stop::new(
            Exit::Internal,
            "write the intent",
            &target.name,
            error.to_string(),
            "report this",
        )
    })?;
    writer.begin_run(run, identity, &text)?;
    Ok(run)
}

/// The receipts that the present database has; if it has none, those of the files.
fn all_receipts(target: &Target, writer: &mut dyn Writer) -> Result<Vec<StoredReceipt>, Stop> {
    let stored = writer.receipts()?;
    if !stored.is_empty() {
        return Ok(stored);
    }
    Ok(record::read_files(target))
}

fn carry_over(writer: &mut dyn Writer, receipts: &[StoredReceipt]) -> Result<(), Error> {
    let there = writer.survey()?.last_receipt.map_or(0, |link| link.sequence);
    receipts
        .iter()
        .filter(|stored| stored.link.sequence > there)
        .try_for_each(|stored| writer.record(stored, Closes::Own))
}

fn failed(error: Error, kept: &Kept) -> Stop {
    let mut stop = Stop::from(error);
    stop.exit = Exit::NeedsPerson;
    stop.next_step =
        "try again when the cause is gone: the backup and the present state are both kept"
            .to_owned();
    stop.notes.push(kept.describe());
    stop
}
