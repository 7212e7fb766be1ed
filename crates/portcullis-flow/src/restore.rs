//! Putting a backup back by hand: the present state is kept first, whatever it is.

use std::path::{Path, PathBuf};

use portcullis_database::seam::{BackupRequest, Keys, Overlay, Smoke};
use portcullis_database::{Error, ErrorKind, RunLock, VerifiedBackup, Writer, backup};
use portcullis_model::config::Target;
use portcullis_model::exit::Exit;
use portcullis_model::redact;
use portcullis_model::smoke::{self, When};
use portcullis_model::words::{bytes, count};
use portcullis_receipt::{Action, Arrival, Failed, Failure, Receipt};
use uuid::Uuid;

use crate::error::Stop;
use crate::intent::Intent;
use crate::migrate::backup_stem;
use crate::named::{check_identity, locate};
use crate::observe::{Clock, Observer};
use crate::record::{self, Beginning, Filed, backup_facts};
use crate::stage::{self, Locked};
use crate::{describe, estimate};

/// What `restore` is asked for.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The workspace: the directory of `portcullis.toml`.
    pub root: &'a Path,
    /// The database.
    pub target: &'a Target,
    /// The backup: a name in the target's directory of backups, or a path.
    pub backup: &'a Path,
    /// Why, for the receipt.
    pub reason: Option<String>,
}

/// Puts a backup back. Receipts that are newer than the backup are carried over, so that
/// the record has no gap.
///
/// # Errors
/// The backup isn't what its sidecar says, it is another database's, others use the
/// database, or restoring failed; the message says what state the database is in.
pub fn restore(request: &Request<'_>, observer: &mut dyn Observer) -> Result<Filed, Stop> {
    let mut clock = Clock::new(observer);
    let target = request.target;
    let backup = VerifiedBackup::open(&locate(&[target], request.backup)?)?;
    let identity = check_identity(target, &backup)?;
    let size = backup.sidecar().bytes;
    clock.stage("verify", &format!("{}, SHA-256 as recorded", bytes(size)));
    estimate::check_rooms(&portcullis_database::rooms_to_restore(target, size)?)?;
    let lock = portcullis_database::lock(target)?;
    let present = present_state(target, lock, identity, &mut clock)?;
    clock.stage("keep", &present.describe());
    let restored = put_back(request, &backup, identity, present, &mut clock)?;
    stage::record_identity(target, identity)?;
    clock.stage("restore", &redact::path(backup.path()));
    record_it(request, &backup, identity, restored, clock)
}

/// What is at the target's path before the restore.
enum Present {
    /// A database that can be read, and the verified backup that now keeps its state.
    Kept { writer: Box<dyn Writer>, backup: Box<VerifiedBackup> },
    /// A database that stays whole, under another name.
    Stays { writer: Box<dyn Writer> },
    /// Nothing, or what can't be read as a database: it will be moved aside whole.
    Unreadable { lock: Box<RunLock> },
}

impl Present {
    fn describe(&self) -> String {
        match self {
            Present::Kept { backup, .. } => {
                format!("the present state is kept as {}", redact::path(backup.path()))
            }
            Present::Stays { .. } => "the present database stays, under another name".to_owned(),
            Present::Unreadable { .. } => "there is no database that can be read".to_owned(),
        }
    }
}

fn present_state(
    target: &Target,
    lock: RunLock,
    identity: Uuid,
    clock: &mut Clock<'_>,
) -> Result<Present, Stop> {
    if !portcullis_database::has_something(target) {
        return Ok(Present::Unreadable { lock: Box::new(lock) });
    }
    let kept = keep(target, lock.clone(), identity, clock);
    match kept {
        Ok(present) => Ok(present),
        Err(Unkept::Unreadable) => Ok(Present::Unreadable { lock: Box::new(lock) }),
        Err(Unkept::Stop(stop)) => Err(*stop),
    }
}

/// Why the present state couldn't be kept as a backup.
enum Unkept {
    Unreadable,
    Stop(Box<Stop>),
}

impl From<Error> for Unkept {
    fn from(error: Error) -> Self {
        match error.kind {
            ErrorKind::Unreadable => Unkept::Unreadable,
            _ => Unkept::Stop(Box::new(error.into())),
        }
    }
}

fn keep(
    target: &Target,
    lock: RunLock,
    identity: Uuid,
    clock: &mut Clock<'_>,
) -> Result<Present, Unkept> {
    let mut writer = lock.open()?;
    let found = writer.survey()?.identity;
    if let Some(found) = found.filter(|found| *found != identity) {
        let cause = format!(
            "it carries the identity {found}, the backup {identity}: this is another database"
        );
        return Err(Unkept::Stop(Box::new(Stop::new(
            Exit::Refused,
            "identify the database",
            target.shown(),
            cause,
            "check the path; if the backup shall replace it, move it away first",
        ))));
    }
    if writer.keeps_what_was_there() {
        return Ok(Present::Stays { writer });
    }
    let run = Uuid::new_v4();
    let name = backup::named(target, &format!("{}-before-restore", backup_stem(run)));
    let request = BackupRequest { directory: &target.backups, name: &name, run };
    let backup = writer.back_up(request, &mut |done, total| clock.progress("keep", done, total))?;
    Ok(Present::Kept { writer, backup: Box::new(backup) })
}

/// A database that holds the backup now, and where what it held before is.
struct Restored {
    writer: Box<dyn Writer>,
    run: Uuid,
    kept: Option<Box<VerifiedBackup>>,
    moved: Vec<PathBuf>,
}

impl Restored {
    fn describe_kept(&self) -> String {
        match (&self.kept, self.moved.first()) {
            (Some(backup), _) => {
                format!("What was there is kept as {}", redact::path(backup.path()))
            }
            (None, Some(path)) => format!("What was there is kept as {}", redact::path(path)),
            (None, None) => "There was no database.".to_owned(),
        }
    }
}

fn put_back(
    request: &Request<'_>,
    backup: &VerifiedBackup,
    identity: Uuid,
    present: Present,
    clock: &mut Clock<'_>,
) -> Result<Restored, Stop> {
    let target = request.target;
    let run = Uuid::new_v4();
    let intent = intent(request, backup)?;
    let (receipts, there) = match present {
        Present::Kept { mut writer, backup: kept } => {
            (writer.receipts()?, Present::Kept { writer, backup: kept })
        }
        Present::Stays { mut writer } => (writer.receipts()?, Present::Stays { writer }),
        Present::Unreadable { lock } => {
            (record::read_files(target, identity), Present::Unreadable { lock })
        }
    };
    let overlay = Overlay { run, identity, intent: &intent, receipts: &receipts };
    crate::begun();
    let mut progress = |done, total| clock.progress("restore", done, total);
    match there {
        Present::Kept { mut writer, backup: kept } => {
            let result = writer.restore(backup, overlay, &mut progress);
            let kept_as = redact::path(kept.path());
            let restored = Restored { writer, run, kept: Some(kept), moved: Vec::new() };
            result.map(|_| restored).map_err(|error| not_restored(error, Some(kept_as)))
        }
        Present::Stays { mut writer } => {
            let result = writer.restore(backup, overlay, &mut progress);
            let aside = result.map_err(|error| not_restored(error, None))?;
            let moved = aside.map(PathBuf::from).into_iter().collect();
            Ok(Restored { writer, run, kept: None, moved })
        }
        Present::Unreadable { lock } => {
            portcullis_database::restore_anew(*lock, backup, overlay, &mut progress)
                .map(|(moved, writer)| Restored { writer, run, kept: None, moved })
                .map_err(|error| not_restored(error, None))
        }
    }
}

/// Busy and refused mean that nothing was touched; of anything else that can't be said.
fn not_restored(error: Error, kept: Option<String>) -> Stop {
    let is_lost = error.kind == ErrorKind::Lost;
    let untouched = matches!(error.kind, ErrorKind::Busy | ErrorKind::Refused | ErrorKind::Fenced);
    let mut stop = Stop::from(error);
    if !untouched && !is_lost {
        stop.exit = Exit::NeedsPerson;
        stop.next_step =
            "run the restore again when the cause is gone: the backup is as it was".to_owned();
    }
    stop.notes.extend(kept.map(|kept| format!("What was there is kept as {kept}")));
    stop
}

fn intent(request: &Request<'_>, backup: &VerifiedBackup) -> Result<String, Stop> {
    let sidecar = backup.sidecar();
    let intent = Intent {
        action: Action::Restore,
        started: record::now(),
        reason: request.reason.as_deref().map(|reason| redact::urls(reason).into_owned()),
        plan: sidecar.sha256,
        applied_before: Vec::new(),
        applied_after: sidecar.applied.clone(),
        schema_before: sidecar.schema,
        backup: backup.path().display().to_string(),
        steps: Vec::new(),
        arrival: None,
        drift: Vec::new(),
    };
    record::to_json(&intent, request.target)
}

/// From here on the database holds the backup and an open run that says so: whatever goes
/// wrong, the next run completes the record.
fn record_it(
    request: &Request<'_>,
    backup: &VerifiedBackup,
    identity: Uuid,
    restored: Restored,
    mut clock: Clock<'_>,
) -> Result<Filed, Stop> {
    let kept_note = restored.describe_kept();
    let Restored { mut writer, run, kept, moved } = restored;
    let unrecorded = |error: Error| {
        let mut stop = Stop::from(error);
        stop.exit = Exit::RecordIncomplete;
        stop.next_step =
            "the backup is restored; cargo xtask recover completes the record".to_owned();
        stop.notes.push(kept_note.clone());
        stop
    };
    let survey = writer.survey().map_err(unrecorded)?;
    let mut locked =
        Locked { survey, writer, identity, arrival: Arrival::Known, drift: Vec::new() };
    let beginning = Beginning::of(&locked, request.root, request.target, Action::Restore);
    let mut facts = Beginning { run, reason: request.reason.clone(), ..beginning }.facts();
    facts.restored_from = Some(backup_facts(backup, false));
    facts.backup = kept.as_deref().map(|backup| backup_facts(backup, false));
    facts.moved_aside = moved.iter().map(|path| redact::path(path)).collect();
    // What was in the data when it was backed up is no fault of the restore.
    let baseline = locked.writer.baseline(Keys::Of(backup)).map_err(unrecorded)?;
    let applied = &backup.sidecar().applied;
    let smoke = Smoke { when: When::AfterCommit, applied, queries: &[], baseline: &baseline };
    let checked = smoke::passed(&[], locked.writer.check(smoke));
    facts.finished = record::now();
    facts.timings = std::mem::take(&mut clock.timings);
    let receipt = match checked {
        Ok(smoke) => {
            clock.stage("smoke", &format!("{} passed", count(smoke.checks().len(), "check")));
            Receipt::applied(facts, Vec::new(), smoke)
        }
        Err(smoke::NotPassed::Unchecked(_)) => {
            let mut stop = Stop::new(
                Exit::RecordIncomplete,
                "smoke-test the restored database",
                &request.target.name,
                "another program kept the database busy",
                "cargo xtask recover tests it and completes the record",
            );
            stop.notes.push(kept_note);
            return Err(stop);
        }
        Err(smoke::NotPassed::Failed(checks)) => {
            let cause =
                checks.iter().find_map(|check| check.failure()).unwrap_or_default().to_owned();
            let failure = Failure {
                operation: "smoke-test the restored database".into(),
                place: request.target.name.clone(),
                cause,
            };
            let state = "restored, but not healthy".to_owned();
            let failed = Failed { exit: Exit::NeedsPerson, failure, state, undo: None };
            Receipt::failed(facts, Vec::new(), checks, failed)
        }
    };
    file(request, &mut *locked.writer, receipt, kept_note, &mut clock)
}

fn file(
    request: &Request<'_>,
    writer: &mut dyn Writer,
    receipt: Receipt,
    kept: String,
    clock: &mut Clock<'_>,
) -> Result<Filed, Stop> {
    let outcome = receipt.predicate.outcome.clone();
    let filed = record::file(writer, request.target, receipt)?;
    let mut stop = match (outcome.failure, &filed.incomplete) {
        (Some(failure), _) => Stop::new(
            outcome.exit,
            &failure.operation,
            failure.place,
            failure.cause,
            "choose an older backup: cargo xtask backup list",
        ),
        (None, Some(cause)) => Stop::new(
            Exit::RecordIncomplete,
            "file the receipt",
            &request.target.name,
            cause,
            "make room there; cargo xtask recover completes the record",
        ),
        (None, None) => {
            clock.stage("receipt", &describe::receipt(&filed, request.root));
            return Ok(filed);
        }
    };
    stop.notes.push(kept);
    Err(stop)
}
