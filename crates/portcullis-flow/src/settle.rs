//! What earlier runs left: a run that died, a record with a gap, a state for a person.
//!
//! The lock is won first, so that it is certain that no earlier run is still alive. Then
//! its intent and the database tell what became of it.

use std::path::{Path, PathBuf};

use portcullis_database::VerifiedBackup;
use portcullis_database::seam::{Afterwards, Keys, OpenRun, Smoke};
use portcullis_model::exit::Exit;
use portcullis_model::redact;
use portcullis_model::smoke::{self, Check, NotPassed, SmokePassed, When};
use portcullis_receipt::{Action, Arrival, Facts, Failed, Failure, MigrationFacts, Receipt};

use crate::error::Stop;
use crate::intent::{self, Fate, Intent, Now, fate};
use crate::migrate::Request;
use crate::observe::Clock;
use crate::record::{self, Beginning, backup_facts};
use crate::stage::{Inspected, Locked};
use crate::steps;

/// What was left, and is settled.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    /// What the database was after each run that had died, oldest first.
    pub(crate) runs: Vec<&'static str>,
    /// The newest receipt's file, where only the database had it.
    pub(crate) file: Option<PathBuf>,
}

/// Completes the record, closes every run that has no receipt, and stops where the last
/// run left something for a person that is still not well.
pub(crate) fn settle(
    mut locked: Locked,
    request: &Request<'_>,
    inspected: &Inspected,
    clock: &mut Clock<'_>,
) -> Result<(Locked, Settled), Stop> {
    let mut settled = Settled::default();
    for open in std::mem::take(&mut locked.survey.open_runs) {
        let state = settle_run(&mut locked, &open, request, inspected)?;
        clock.stage("recover", &format!("an earlier run had died: the database is {state}"));
        locked.survey = locked.writer.survey()?;
        settled.runs.push(state);
    }
    settled.file = complete_newest_file(&mut locked, request)?;
    refuse_if_still_broken(&mut locked, request, inspected)?;
    Ok((locked, settled))
}

/// Finds out what became of a run, and files the receipt that it couldn't.
fn settle_run(
    locked: &mut Locked,
    open: &OpenRun,
    request: &Request<'_>,
    inspected: &Inspected,
) -> Result<&'static str, Stop> {
    let intent: Intent = serde_json::from_str(&open.intent).map_err(|error| {
        stop(
            request,
            format!("its intent can't be read: {error}"),
            "was it begun by a newer version of this tool? Use that one",
        )
    })?;
    let mut found = fate_now(locked, open, &intent, open.entering.as_deref());
    if let (Fate::Unclear(_), Some(version)) = (&found, &open.entering)
        && let Some(step) = intent::cut_off(&intent, version)
        && let Some(sql) = &step.alone
    {
        found = match locked.writer.afterwards(sql)? {
            Afterwards::Done => Fate::StepFinished(step.clone()),
            Afterwards::NotDone => Fate::StepRepeatable,
            Afterwards::Unknown => found,
        };
    }
    // What a step outside a transaction has done is noted, or will be done again; after
    // that the run is like any other.
    if let Fate::StepFinished(step) = &found {
        locked.writer.resolve(Some(&step.to_step()), open.run)?;
        found = fate_now(locked, open, &intent, None);
    } else if found == Fate::StepRepeatable {
        locked.writer.resolve(None, open.run)?;
        found = fate_now(locked, open, &intent, None);
    }
    let (exit, state) = match found {
        Fate::Completed => (Exit::Done, "as that run was to leave it"),
        Fate::NothingApplied => (Exit::Undone, "as it was before that run"),
        Fate::PartWay | Fate::StepFinished(_) | Fate::StepRepeatable => {
            (Exit::PartWay, "healthy, with a part of that run applied")
        }
        Fate::Unclear(step) => return Err(unclear(request, &intent, &step)),
    };
    let backup = VerifiedBackup::open(Path::new(&intent.backup)).ok();
    let facts = facts(locked, open, &intent, backup.as_ref(), request, inspected);
    let receipt = if exit == Exit::Done {
        Receipt::applied(
            facts,
            Vec::new(),
            test_completed(locked, &intent, backup.as_ref(), request, inspected)?,
        )
    } else {
        let failure = Failure {
            operation: intent.action.name().to_owned(),
            place: request.target.name.clone(),
            cause: "the process died".to_owned(),
        };
        let failed = Failed { exit, failure, state: state.to_owned(), undo: None };
        Receipt::failed(facts, Vec::new(), Vec::new(), failed)
    };
    let filed = record::file(&mut *locked.writer, request.target, receipt)?;
    match filed.incomplete {
        None => Ok(state),
        Some(cause) => Err(Stop::new(
            Exit::RecordIncomplete,
            "file the receipt of a run that died",
            &request.target.name,
            cause,
            "make room there, then run it again",
        )),
    }
}

fn refresh(locked: &mut Locked) {
    if let Ok(survey) = locked.writer.survey() {
        locked.survey = survey;
    }
}

fn fate_now(locked: &mut Locked, open: &OpenRun, intent: &Intent, entering: Option<&str>) -> Fate {
    refresh(locked);
    let head = locked.survey.head.as_ref().map(|head| head.run);
    fate(intent, Now { run: open.run, entering, applied: &locked.survey.applied, head })
}

/// The facts of a dead run, as far as its intent and the database know them.
fn facts(
    locked: &Locked,
    open: &OpenRun,
    intent: &Intent,
    backup: Option<&VerifiedBackup>,
    request: &Request<'_>,
    inspected: &Inspected,
) -> Facts {
    let mut facts = Beginning {
        run: open.run,
        reason: intent.reason.clone(),
        arrival: intent.arrival.unwrap_or(Arrival::Known),
        set: Some(inspected.set()),
        lint: inspected.verdict().clone(),
        ..Beginning::of(locked, request.root, request.target, Action::Recover)
    }
    .facts();
    facts.started.clone_from(&intent.started);
    facts.finished = record::now();
    facts.schema_before = intent.schema_before;
    facts.set.from = intent.applied_before.last().cloned();
    facts.drift.clone_from(&intent.drift);
    facts.migrations = intent
        .steps
        .iter()
        .filter(|step| step.is_done(open.run, &locked.survey.applied))
        .map(|step| MigrationFacts {
            version: step.version.clone(),
            directory: step.directory.clone(),
            direction: step.direction,
            fingerprint: step.fingerprint,
            accepted: step.accepted,
            tested: step.tested,
            milliseconds: 0,
            fewer_rows: Vec::new(),
            stands: true,
        })
        .collect();
    let backup = backup.map(|backup| backup_facts(backup, false));
    match intent.action {
        Action::Restore => facts.restored_from = backup,
        Action::Migrate | Action::Redo | Action::Recover => facts.backup = backup,
    }
    facts
}

/// A run that was complete but for its record gets the smoke test that it missed.
fn test_completed(
    locked: &mut Locked,
    intent: &Intent,
    backup: Option<&VerifiedBackup>,
    request: &Request<'_>,
    inspected: &Inspected,
) -> Result<SmokePassed, Stop> {
    smoke_test(locked, &intent.applied_after, backup, request, inspected).map_err(|not_passed| {
        let next = "to go back to the state before that run, follow the steps above";
        let mut stop = not_well(request, &not_passed, "", next.to_owned());
        if let (Exit::NeedsPerson, Some(backup)) = (stop.exit, backup) {
            let found = format!("A run died after its last commit, and now: {}.", stop.cause);
            stop.notes.push(steps::write(request.root, request.target, backup, &found).1);
        }
        stop
    })
}

/// Tests the database as after a commit, compared with the state before the run as its
/// backup holds it. Without the backup, what was in the data before can't be excused.
fn smoke_test(
    locked: &mut Locked,
    applied: &[String],
    backup: Option<&VerifiedBackup>,
    request: &Request<'_>,
    inspected: &Inspected,
) -> Result<SmokePassed, NotPassed> {
    let baseline = backup.and_then(|backup| locked.writer.baseline(Keys::Of(backup)).ok());
    let baseline = baseline.unwrap_or_default();
    let queries = inspected.queries(request.target, applied.last().map(String::as_str));
    let smoke = Smoke { when: When::AfterCommit, applied, queries, baseline: &baseline };
    smoke::passed(&[], locked.writer.check(smoke))
}

/// Damage is for a person; a database that others keep busy is to be tested later.
fn not_well(request: &Request<'_>, not_passed: &NotPassed, cause: &str, next: String) -> Stop {
    match not_passed {
        NotPassed::Failed(checks) => {
            stop(request, format!("{cause}{}", first_failure(checks)), next)
        }
        NotPassed::Unchecked(_) => Stop::new(
            Exit::Busy,
            "smoke-test what an earlier run has applied",
            request.target.shown(),
            "another program kept the database busy",
            "run it again when less is written",
        ),
    }
}

fn first_failure(checks: &[Check]) -> String {
    let failed =
        checks.iter().find_map(|check| check.failure().map(|detail| (&check.name, detail)));
    failed.map(|(name, detail)| format!("{name}: {detail}")).unwrap_or_default()
}

fn stop(request: &Request<'_>, cause: impl Into<String>, next: impl Into<String>) -> Stop {
    let place = request.target.shown();
    Stop::new(Exit::NeedsPerson, "settle an earlier run", place, cause, next)
}

fn unclear(request: &Request<'_>, intent: &Intent, step: &str) -> Stop {
    let step = redact::printable(step);
    let cause = format!(
        "a run died in {step}, outside a transaction: nobody can tell how much of it was done"
    );
    let next =
        "look at the database; to go back to the state before that run, follow the steps above";
    let mut stop = stop(request, cause, next);
    if let Ok(backup) = VerifiedBackup::open(Path::new(&intent.backup)) {
        let found = format!("A run died in {step}, outside a transaction.");
        stop.notes.push(steps::write(request.root, request.target, &backup, &found).1);
    }
    stop
}

/// The newest receipt's file, if only the database has it: a full disk may have kept it
/// from being written. Older files may have been archived elsewhere.
fn complete_newest_file(
    locked: &mut Locked,
    request: &Request<'_>,
) -> Result<Option<PathBuf>, Stop> {
    let Some(last) = locked.survey.last_receipt else { return Ok(None) };
    let stored = locked.writer.receipts()?.into_iter().find(|stored| stored.link == last);
    if let Some(stored) = stored
        && !record::file_path(request.target, &stored).exists()
    {
        return Ok(Some(record::write_file(request.target, &stored)?));
    }
    Ok(None)
}

/// After a run that left the database to a person, nothing is applied on top of damage.
fn refuse_if_still_broken(
    locked: &mut Locked,
    request: &Request<'_>,
    inspected: &Inspected,
) -> Result<(), Stop> {
    let last = locked.writer.receipts()?.pop();
    let Some(last) = last.and_then(|stored| serde_json::from_str::<Receipt>(&stored.body).ok())
    else {
        return Ok(());
    };
    if last.predicate.outcome.exit != Exit::NeedsPerson {
        return Ok(());
    }
    let file = last.predicate.facts.backup.map(|backup| backup.file).unwrap_or_default();
    let backup = VerifiedBackup::open(Path::new(&file)).ok();
    refresh(locked);
    let applied: Vec<String> =
        locked.survey.applied.iter().map(|applied| applied.version.clone()).collect();
    smoke_test(locked, &applied, backup.as_ref(), request, inspected).map(drop).map_err(
        |not_passed| {
            let cause = "the last run left it to a person, and it isn't well yet: ";
            let next =
                "follow that run's steps (cargo xtask receipt show, RESTORE.txt beside its backup)";
            not_well(request, &not_passed, cause, next.to_owned())
        },
    )
}
