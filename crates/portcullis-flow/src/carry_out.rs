//! From the backup to the smoke test after the last commit, and the undo if something
//! fails on the way.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use portcullis_database::seam::{BackupRequest, Baseline, Head, Keys, Smoke};
use portcullis_database::{Error, ErrorKind, VerifiedBackup};
use portcullis_model::config::Target;
use portcullis_model::exit::Exit;
use portcullis_model::plan::{Direction, Plan, Segment, SegmentKind, Step};
use portcullis_model::smoke::{self, Check, NotPassed, SmokePassed, When};
use portcullis_receipt::{Action, Facts, Failed, FewerRows, MigrationFacts};

use crate::observe::Clock;
use crate::record::backup_facts;
use crate::stage::Locked;
use crate::undo::{rolled_back, trouble, undo, undo_by_restore};

/// A run that failed: what the receipt says of it, and what a person must read.
pub(crate) struct Trouble {
    pub(crate) failed: Failed,
    pub(crate) checks: Vec<Check>,
    pub(crate) next_step: String,
    pub(crate) notes: Vec<String>,
    pub(crate) record: Record,
}

/// What becomes of a failed run's record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Record {
    /// It ends in a receipt.
    Filed,
    /// It stays open: the next run finds out, and files it.
    LeftOpen,
}

/// What stays the same while a run is carried out.
pub(crate) struct Scene<'a, 'c> {
    pub(crate) root: &'a std::path::Path,
    pub(crate) target: &'a Target,
    /// Known once the backup is taken.
    pub(crate) baseline: Baseline,
    /// The user's smoke queries for the version that the run ends at.
    pub(crate) queries: &'a [PathBuf],
    pub(crate) clock: &'a mut Clock<'c>,
    /// Filled in as things happen.
    pub(crate) facts: &'a mut Facts,
    pub(crate) before_commit: &'a mut Vec<Check>,
}

/// A plan whose every segment is committed.
pub(crate) struct Applied {
    backup: VerifiedBackup,
    plan: Plan,
}

/// Backs up under the write lock, or before it if the database is too large for that.
pub(crate) fn back_up(
    locked: &mut Locked,
    plan: &Plan,
    name: &str,
    scene: &mut Scene<'_, '_>,
) -> Result<VerifiedBackup, Trouble> {
    let large = locked.writer.is_large();
    let first = plan.segments.first().map_or(SegmentKind::Transaction, |segment| segment.kind);
    let request = BackupRequest { directory: &scene.target.backups, name, run: scene.facts.run };
    let clock = &mut *scene.clock;
    let mut progress = |done, total| clock.progress("backup", done, total);
    let taken = if large {
        locked.writer.back_up(request, &mut progress).and_then(|backup| {
            locked.writer.prepare_undo(request.run)?;
            locked.writer.begin(first).map(|()| backup)
        })
    } else {
        locked.writer.begin(first).and_then(|()| locked.writer.back_up(request, &mut progress))
    };
    let taken = taken.and_then(|backup| {
        scene.baseline = locked.writer.baseline(Keys::Of(&backup))?;
        Ok(backup)
    });
    match taken {
        Ok(backup) => {
            scene.facts.backup = Some(backup_facts(&backup, !large));
            Ok(backup)
        }
        // Nothing was applied, so there is nothing that a rollback could miss.
        Err(error) => {
            let _ = locked.writer.rollback();
            Err(rolled_back(error, 0, scene))
        }
    }
}

/// Runs every segment. The write lock is held when it is called.
pub(crate) fn apply(
    locked: &mut Locked,
    plan: Plan,
    backup: VerifiedBackup,
    scene: &mut Scene<'_, '_>,
) -> Result<Applied, Trouble> {
    crate::begun();
    let total = plan.steps().count() as u64;
    let mut applied: Vec<String> =
        locked.survey.applied.iter().map(|applied| applied.version.clone()).collect();
    for (index, segment) in plan.segments.iter().enumerate() {
        let last = index + 1 == plan.segments.len();
        let place = SegmentPlace { first: index == 0, last, total };
        let result = patiently(locked, segment, place, &mut applied, scene);
        if let Err(error) = result {
            return Err(undo(locked, error, index, &backup, scene));
        }
    }
    if plan.segments.is_empty() {
        // Nothing to apply, but a database to take on: the head is the change.
        let schema = scene.facts.schema_before;
        let objects = Some(locked.survey.catalog.clone());
        let head = Head { run: scene.facts.run, schema, objects };
        if let Err(error) = locked.writer.commit(&head) {
            return Err(undo(locked, error, 0, &backup, scene));
        }
    }
    Ok(Applied { backup, plan })
}

/// Runs a segment, and again when others were in its way: all of it is rolled back first,
/// so that nobody waits for locks that it holds while it waits itself.
fn patiently(
    locked: &mut Locked,
    segment: &Segment,
    mut place: SegmentPlace,
    applied: &mut Vec<String>,
    scene: &mut Scene<'_, '_>,
) -> Result<(), Error> {
    let (started, before) = (Instant::now(), (applied.clone(), scene.facts.migrations.len()));
    let mut pause = FIRST_PAUSE;
    loop {
        let error = match run_segment(locked, segment, place, applied, scene) {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let waited = started.elapsed() + pause;
        if error.kind != ErrorKind::Busy || waited > scene.target.lock_wait {
            return Err(error);
        }
        if locked.writer.rollback().is_err() {
            return Err(error);
        }
        scene.clock.stage("wait", &format!("{}: {}", error.place, error.cause));
        std::thread::sleep(pause);
        pause = (pause * 2).min(LAST_PAUSE);
        applied.clone_from(&before.0);
        scene.facts.migrations.truncate(before.1);
        // The first segment's transaction was begun for it, this time it begins its own.
        place.first = false;
    }
}

/// The pauses between attempts grow from the one to the other.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LAST_PAUSE: Duration = Duration::from_secs(5);

#[derive(Clone, Copy)]
struct SegmentPlace {
    first: bool,
    last: bool,
    total: u64,
}

fn run_segment(
    locked: &mut Locked,
    segment: &Segment,
    place: SegmentPlace,
    applied: &mut Vec<String>,
    scene: &mut Scene<'_, '_>,
) -> Result<(), Error> {
    if !place.first {
        locked.writer.begin(segment.kind)?;
    }
    for step in &segment.steps {
        scene.clock.progress("apply", scene.facts.migrations.len() as u64, place.total);
        let report = locked
            .writer
            .apply(step, segment.kind, scene.facts.run)
            .map_err(|error| with_way_on(error, scene.facts.action, step))?;
        scene.facts.migrations.push(MigrationFacts {
            version: step.version.clone(),
            directory: step.directory.clone(),
            direction: step.direction,
            fingerprint: step.fingerprint,
            accepted: step.accepted,
            tested: step.tested,
            milliseconds: report.milliseconds,
            fewer_rows: report
                .fewer_rows
                .into_iter()
                .map(|fewer| FewerRows {
                    table: fewer.table,
                    before: fewer.before,
                    after: fewer.after,
                })
                .collect(),
            stands: false,
        });
        match step.direction {
            Direction::Up => applied.push(step.version.clone()),
            Direction::Down => applied.retain(|version| *version != step.version),
        }
    }
    applied.sort_unstable();
    // The user's queries are about the version that the run ends at.
    let queries = if place.last { scene.queries } else { &[] };
    let smoke = Smoke { when: When::BeforeCommit, applied, queries, baseline: &scene.baseline };
    *scene.before_commit = locked.writer.check(smoke);
    if let Some(failed) = scene.before_commit.iter().find(|check| check.failure().is_some()) {
        return Err(smoke_error(failed));
    }
    let catalog = locked.writer.survey()?.catalog;
    let schema = catalog.fingerprint();
    locked.writer.commit(&Head { run: scene.facts.run, schema, objects: Some(catalog) })?;
    scene.facts.migrations.iter_mut().for_each(|migration| migration.stands = true);
    scene.facts.schema_after = schema;
    scene.facts.set.to = applied.last().cloned();
    Ok(())
}

/// A redo runs the down text that was kept: no edit of a file corrects that.
fn with_way_on(error: Error, action: Action, step: &Step) -> Error {
    if action != Action::Redo || error.kind == ErrorKind::Busy {
        return error;
    }
    if step.direction == Direction::Up {
        let next_step = format!(
            "{}; if what was there before is in its way: cargo xtask redo --from-backup",
            error.next_step
        );
        return Error { next_step, ..error };
    }
    let next_step = "it can't be undone by the down.sql that was kept when it was applied; cargo xtask redo \
         --from-backup puts back the backup from before it";
    Error { next_step: next_step.to_owned(), ..error }
}

fn smoke_error(check: &Check) -> Error {
    Error {
        kind: ErrorKind::Failed,
        operation: "smoke-test".to_owned(),
        place: check.name.clone(),
        cause: check.failure().unwrap_or_default().to_owned(),
        next_step: "correct the migration, then run it again".to_owned(),
    }
}

/// The smoke test after the last commit, in full, as everybody sees the database.
pub(crate) fn smoke_test(
    locked: &mut Locked,
    applied: Applied,
    scene: &mut Scene<'_, '_>,
) -> Result<SmokePassed, Trouble> {
    let smoke = Smoke {
        when: When::AfterCommit,
        applied: &applied.plan.applied_after,
        queries: scene.queries,
        baseline: &scene.baseline,
    };
    match smoke::passed(scene.before_commit, locked.writer.check(smoke)) {
        Ok(passed) => Ok(passed),
        Err(NotPassed::Failed(checks)) => {
            let error = checks.iter().find(|check| check.failure().is_some()).map_or_else(
                || smoke_error(&Check::run("smoke test", || Err("nothing was checked"))),
                smoke_error,
            );
            let mut trouble = undo_by_restore(locked, error, &applied.backup, scene);
            trouble.checks = checks;
            Err(trouble)
        }
        Err(NotPassed::Unchecked(checks)) => Err(unchecked(checks)),
    }
}

/// What is committed, but couldn't be tested because others keep the database busy: that
/// is no damage, and no reason to undo. The run stays open, and the next one tests it.
fn unchecked(checks: Vec<Check>) -> Trouble {
    let left_out = checks.iter().find(|check| !check.was_made());
    let error = Error {
        kind: ErrorKind::Busy,
        operation: "smoke-test after the commit".to_owned(),
        place: left_out.map_or_else(String::new, |check| check.name.clone()),
        cause: "another program kept the database busy".to_owned(),
        next_step:
            "cargo xtask recover, when less is written: it tests what was applied and completes the record"
                .to_owned(),
    };
    let state = "changed as planned, and was well before the commit".to_owned();
    let mut trouble = trouble(error, Exit::RecordIncomplete, state, None);
    trouble.checks = checks;
    trouble.record = Record::LeftOpen;
    trouble
}
