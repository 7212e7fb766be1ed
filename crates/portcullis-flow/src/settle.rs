//! A run that died: its intent and the database tell what became of it. The lock is won
//! first, so that it is certain that it isn't still alive.

use portcullis_database::seam::{Closes, OpenRun, Smoke};
use portcullis_model::exit::Exit;
use portcullis_model::redact;
use portcullis_model::smoke::{self, When};
use portcullis_receipt::{Action, Arrival, Failed, Failure, Receipt};

use crate::error::Stop;
use crate::intent::{Fate, Intent, fate};
use crate::migrate::Request;
use crate::observe::Clock;
use crate::record::{self, Beginning};
use crate::stage::Locked;

/// Closes every run that has no receipt, and completes the files of those that have.
pub(crate) fn settle(
    mut locked: Locked,
    request: &Request<'_>,
    clock: &mut Clock<'_>,
) -> Result<Locked, Stop> {
    for open in std::mem::take(&mut locked.survey.open_runs) {
        settle_one(&mut locked, &open, request, clock)?;
        locked.survey = locked.writer.survey()?;
    }
    complete_files(&mut locked, request)?;
    Ok(locked)
}

fn settle_one(
    locked: &mut Locked,
    open: &OpenRun,
    request: &Request<'_>,
    clock: &mut Clock<'_>,
) -> Result<(), Stop> {
    let place = redact::path(&request.target.path);
    let intent: Intent = serde_json::from_str(&open.intent).map_err(|error| {
        Stop::new(
            Exit::NeedsPerson,
            "settle a run that died",
            &place,
            format!("its intent can't be read: {error}"),
            "was it written by a newer version of this tool? Use that one",
        )
    })?;
    let applied: Vec<String> =
        locked.survey.applied.iter().map(|applied| applied.version.clone()).collect();
    let mut found = fate(&intent, open.entering.as_deref(), &applied);
    if let Fate::StepFinished(step) = &found {
        locked.writer.resolve(Some(&step.to_step()), open.run)?;
        found = fate(&intent, None, &applied);
    } else if found == Fate::StepRepeatable {
        locked.writer.resolve(None, open.run)?;
        found = fate(&intent, None, &applied);
    }
    let (exit, state) = match &found {
        Fate::Completed => (Exit::Done, "complete"),
        Fate::NothingApplied => (Exit::Undone, "as it was before that run"),
        Fate::PartWay => (Exit::PartWay, "healthy, with a part of that run applied"),
        Fate::Unclear(step) => return Err(unclear(request, &intent, step)),
        // Resolved above: the mark is gone.
        Fate::StepFinished(_) | Fate::StepRepeatable => (Exit::PartWay, "healthy"),
    };
    file(locked, open, &intent, request, exit, state)?;
    clock.stage("recover", &format!("an earlier run had died: the database is {state}"));
    Ok(())
}

fn unclear(request: &Request<'_>, intent: &Intent, step: &str) -> Stop {
    let backup = std::path::Path::new(&intent.backup);
    let mut stop = Stop::new(
        Exit::NeedsPerson,
        "settle a run that died",
        redact::path(&request.target.path),
        format!(
            "it died in {}, which ran outside a transaction: nobody can tell how much of it was done",
            redact::printable(step)
        ),
        "look at the database; to go back to the state before that run, restore its backup",
    );
    if let Ok(backup) = portcullis_database::VerifiedBackup::open(backup) {
        let found = format!("A run died in {step}, outside a transaction.");
        let (_, text) = crate::steps::write(request.root, request.target, &backup, &found);
        stop.notes.push(text);
    }
    stop
}

/// The receipt that the dead run couldn't write.
fn file(
    locked: &mut Locked,
    open: &OpenRun,
    intent: &Intent,
    request: &Request<'_>,
    exit: Exit,
    state: &str,
) -> Result<(), Stop> {
    let mut facts = Beginning {
        run: open.run,
        reason: intent.reason.clone(),
        arrival: Arrival::Known,
        ..Beginning::of(locked, request.root, request.target, Action::Recover)
    }
    .facts();
    facts.started.clone_from(&intent.started);
    facts.finished = record::now();
    facts.schema_before = intent.schema_before;
    facts.set.from = intent.applied_before.last().cloned();
    let failed = |exit: Exit, operation: &str, cause: String| Failed {
        exit,
        failure: Failure {
            operation: operation.to_owned(),
            place: request.target.name.clone(),
            cause,
        },
        state: state.to_owned(),
        undo: None,
    };
    let receipt = if exit == Exit::Done {
        let baseline = Default::default();
        let checks = locked.writer.check(Smoke {
            when: When::AfterCommit,
            applied: &intent.applied_after,
            queries: &request.target.smoke,
            baseline: &baseline,
        });
        match smoke::passed(checks) {
            Ok(smoke) => Receipt::applied(facts, Vec::new(), smoke),
            Err(checks) => {
                let cause = checks
                    .iter()
                    .find_map(|check| check.failure().map(str::to_owned))
                    .unwrap_or_default();
                return Err(Stop::new(
                    Exit::NeedsPerson,
                    "smoke-test what a run that died has applied",
                    redact::path(&request.target.path),
                    cause,
                    format!(
                        "to go back to the state before that run: cargo xtask restore {}",
                        intent.backup
                    ),
                ));
            }
        }
    } else {
        Receipt::failed(
            facts,
            Vec::new(),
            Vec::new(),
            failed(exit, "run", "the process died".to_owned()),
        )
    };
    let filed = record::file(&mut *locked.writer, request.target, receipt, Closes::Own)?;
    match filed.incomplete {
        None => Ok(()),
        Some(cause) => Err(Stop::new(
            Exit::RecordIncomplete,
            "file the receipt of a run that died",
            &request.target.name,
            cause,
            "make room there, then run it again",
        )),
    }
}

/// A receipt that is only in the database: its file couldn't be written.
fn complete_files(locked: &mut Locked, request: &Request<'_>) -> Result<(), Stop> {
    let Some(last) = locked.survey.last_receipt else { return Ok(()) };
    for stored in locked.writer.receipts()? {
        let missing = !record::file_path(request.target, &stored).exists();
        // Old files may have been archived elsewhere; the newest is the one that a full
        // disk kept from being written.
        if missing && stored.link == last {
            record::write_file(request.target, &stored)?;
        }
    }
    Ok(())
}
