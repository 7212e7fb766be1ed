//! The main job: from the migrations on disk to a receipt.

use std::path::Path;

use portcullis_database::backup;
use portcullis_database::seam::{Baseline, Survey};
use portcullis_model::config::{Engine, Migrations, Target};
use portcullis_model::exit::Exit;
use portcullis_model::plan::{Goal, Plan, plan};
use portcullis_model::redact;
use portcullis_model::smoke::{Check, SmokePassed};
use portcullis_model::words::count;
use portcullis_receipt::{Action, Arrival, Facts, Receipt};
use uuid::Uuid;

use crate::carry_out::{self, Record, Scene, Trouble};
use crate::error::Stop;
use crate::estimate::{self, Estimate};
use crate::intent::{self, Intent};
use crate::observe::{Clock, Observer};
use crate::record::{self, Beginning, Filed};
use crate::stage::{self, Enrol, Linted, Locked};
use crate::{acceptance, describe, drift, hindrance, redo, retention, schema_file, settle};

/// What `migrate` is asked for.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The workspace: the directory of `portcullis.toml`.
    pub root: &'a Path,
    /// The default branch, if the configuration names it.
    pub default_branch: Option<&'a str>,
    /// Every engine's migrations: the target's, and what stands beside them.
    pub migrations: &'a [Migrations],
    /// The database.
    pub target: &'a Target,
    /// Where to end.
    pub goal: Goal,
    /// Why, for the receipt.
    pub reason: Option<String>,
    /// Whether an unknown database may be taken on.
    pub enrol: Enrol,
}

/// How a run that succeeded ended.
#[derive(Debug)]
pub enum Migrated {
    /// There was nothing to do, and nothing was done.
    UpToDate {
        /// The newest applied version.
        version: Option<String>,
        /// How many migrations are on disk and not applied: the goal didn't ask for them.
        pending: usize,
    },
    /// Done; here is the receipt.
    Done(Box<Filed>),
}

/// Takes a database through the gate.
///
/// # Errors
/// Why it stopped, what state the database is in, and what to do.
pub fn migrate(request: &Request<'_>, observer: &mut dyn Observer) -> Result<Migrated, Stop> {
    let mut clock = Clock::new(observer);
    let linted = read_and_lint(request, &mut clock)?;
    let locked = identify_and_lock(request, &linted, &mut clock)?;
    let (locked, settled) = settle::settle(locked, request, linted.inspected(), &mut clock)?;
    let mut request = request.clone();
    if !settled.runs.is_empty() {
        let applied = &locked.survey.applied;
        request.goal = redo::goal_after_a_death(&request.goal, linted.set(), applied);
    }
    let request = &request;
    let locked = drift::refuse_or_take(locked, request)?;
    let plan = plan_on(request, &linted, Some(&locked.survey))?;
    let is_newest = plan.to.as_deref() == linted.newest();
    let migrated = if plan.is_empty() && locked.arrival == Arrival::Known {
        let applied = &plan.applied_after;
        let pending = linted.set().pending(applied).count();
        Migrated::UpToDate { version: plan.to, pending }
    } else {
        hindrance::refuse(request.target, &locked.survey)?;
        clock.stage("plan", &describe::plan(&plan, &locked));
        Migrated::Done(Box::new(carry_out(request, linted, locked, plan, &mut clock)?))
    };
    if is_newest {
        schema_file::bring_up_to_date(request.root, request.target, &mut clock);
    }
    Ok(migrated)
}

/// What a run would do, without a lock and without writing anything.
///
/// # Errors
/// Why there can be no such run.
pub fn preview(
    request: &Request<'_>,
    observer: &mut dyn Observer,
) -> Result<(Plan, Estimate), Stop> {
    let mut clock = Clock::new(observer);
    let linted = read_and_lint(request, &mut clock)?;
    let survey = match portcullis_database::open_reader(request.target)? {
        Some(mut reader) => {
            let survey = reader.survey()?;
            stage::check_identity(request.target, &survey, request.enrol)?;
            drift::refuse(request, &survey, &reader.receipts()?)?;
            hindrance::refuse(request.target, &survey)?;
            Some(survey)
        }
        None => None,
    };
    let applied = survey.as_ref().map_or(&[][..], |survey| &survey.applied);
    let plan = plan(linted.set(), applied, &request.goal, request.target.engine().dialect())
        .map_err(|refusals| Stop::refused_plan(request.target, &refusals))?;
    acceptance::refuse_drafts(request.target, linted.set(), &plan)?;
    let estimate =
        estimate::estimate(request.target, &plan, survey.map_or(0, |survey| survey.bytes))?;
    Ok((plan, estimate))
}

fn read_and_lint(request: &Request<'_>, clock: &mut Clock<'_>) -> Result<Linted, Stop> {
    let set = stage::read(request.root, request.target)?;
    clock.stage(
        "read",
        &format!("{} in {}", count(set.migrations.len(), "migration"), set.root.display()),
    );
    let linted = stage::lint(set, request)?;
    let warnings = linted.verdict().warnings;
    clock.stage(
        "lint",
        &if warnings == 0 { "no findings".to_owned() } else { count(warnings, "warning") },
    );
    Ok(linted)
}

fn identify_and_lock(
    request: &Request<'_>,
    linted: &Linted,
    clock: &mut Clock<'_>,
) -> Result<Locked, Stop> {
    let target = request.target;
    // Opening makes the file: a run that can't be planned shouldn't leave an empty one.
    if portcullis_database::is_missing(target) {
        plan_on(request, linted, None)?;
    }
    let locked = stage::identify_and_lock(target, request.enrol)?;
    let arrival = match locked.arrival {
        Arrival::Known => "",
        Arrival::Created => ", new",
        Arrival::Enrolled => ", taken on",
    };
    let identity = locked.identity.to_string();
    // A new identity is shown whole: it may have to be written into the configuration.
    let identity = if locked.arrival == Arrival::Known { &identity[..8] } else { &identity };
    let shown = target.shown_from(request.root);
    clock.stage("identify", &format!("{} ({shown}{arrival}), identity {identity}", target.name));
    let connection = locked.survey.connection.as_ref();
    if let Some(warning) = connection.and_then(|connection| connection.warning.as_deref()) {
        clock.stage("note", warning);
    }
    if target.protected && target.identity.is_none() {
        clock.stage(
            "note",
            &format!("write identity = \"{}\" into [targets.{}]", locked.identity, target.name),
        );
    }
    Ok(locked)
}

/// The plan for a database in this state, if there is room to carry it out.
fn plan_on(request: &Request<'_>, linted: &Linted, survey: Option<&Survey>) -> Result<Plan, Stop> {
    let target = request.target;
    let applied = survey.map_or(&[][..], |survey| &survey.applied);
    let plan = plan(linted.set(), applied, &request.goal, target.engine().dialect())
        .map_err(|refusals| Stop::refused_plan(target, &refusals))?;
    acceptance::refuse_drafts(target, linted.set(), &plan)?;
    let bytes = survey.map_or(0, |survey| survey.bytes);
    estimate::estimate(target, &plan, bytes)?.check(target)?;
    let is_empty =
        survey.is_some_and(|one| one.applied.is_empty() && one.catalog.objects().is_empty());
    let shorter = is_empty && target.engine() == Engine::Postgres;
    Ok(if shorter { plan.in_shorter_transactions() } else { plan })
}

/// Everything from the intent on ends in a receipt, whatever happens.
fn carry_out(
    request: &Request<'_>,
    linted: Linted,
    mut locked: Locked,
    plan: Plan,
    clock: &mut Clock<'_>,
) -> Result<Filed, Stop> {
    let (mut facts, backup_name) = begin(request, &linted, &mut locked, &plan)?;
    let mut before_commit = Vec::new();
    let mut scene = Scene {
        root: request.root,
        target: request.target,
        baseline: Baseline::default(),
        queries: linted.queries(request.target, plan.to.as_deref()),
        clock,
        facts: &mut facts,
        before_commit: &mut before_commit,
    };
    let end = back_up_apply_and_test(&mut locked, plan, &backup_name, &mut scene);
    facts.finished = record::now();
    facts.timings = std::mem::take(&mut clock.timings);
    match end {
        Ok(smoke) => finish(request, &mut locked, facts, before_commit, smoke, clock),
        Err(trouble) => Err(fail(request, &mut locked, facts, before_commit, trouble)),
    }
}

fn back_up_apply_and_test(
    locked: &mut Locked,
    plan: Plan,
    backup_name: &str,
    scene: &mut Scene<'_, '_>,
) -> Result<SmokePassed, Trouble> {
    let backup = carry_out::back_up(locked, &plan, backup_name, scene)?;
    scene.clock.stage("backup", &describe::backup(&backup, scene.root));
    let applied = carry_out::apply(locked, plan, backup, scene)?;
    scene.clock.stage("apply", &describe::applied(scene.facts));
    let smoke = carry_out::smoke_test(locked, applied, scene)?;
    scene.clock.stage(
        "smoke",
        &format!("{} passed, on a fresh connection", count(smoke.checks().len(), "check")),
    );
    Ok(smoke)
}

/// Writes down, in the database, what this run will do: from here on a run that dies is
/// known to the next one.
fn begin(
    request: &Request<'_>,
    linted: &Linted,
    locked: &mut Locked,
    plan: &Plan,
) -> Result<(Facts, String), Stop> {
    let action = match request.goal {
        Goal::Redo { .. } => Action::Redo,
        Goal::Latest | Goal::Version(_) => Action::Migrate,
    };
    let mut facts = Beginning {
        reason: request.reason.clone(),
        set: Some(linted.set()),
        lint: linted.verdict().clone(),
        ..Beginning::of(locked, request.root, request.target, action)
    }
    .facts();
    facts.lint.allowed.retain(|one| plan.steps().any(|step| step.directory == one.migration));
    facts.drift.clone_from(&locked.drift);
    let backup_name = backup::named(request.target, &backup_stem(facts.run));
    let intent = Intent {
        action,
        started: facts.started.clone(),
        reason: facts.reason.clone(),
        plan: plan.digest(),
        applied_before: locked
            .survey
            .applied
            .iter()
            .map(|applied| applied.version.clone())
            .collect(),
        applied_after: plan.applied_after.clone(),
        schema_before: facts.schema_before,
        backup: request.target.backups.join(&backup_name).display().to_string(),
        steps: intent::steps(plan, request.target.engine().dialect()),
        arrival: Some(locked.arrival),
        drift: locked.drift.clone(),
    };
    locked.record_identity(request.target)?;
    let text = record::to_json(&intent, request.target)?;
    locked.writer.begin_run(facts.run, locked.identity, &text)?;
    if locked.arrival == Arrival::Created {
        go_on_with_the_record(request, locked, &mut facts)?;
    }
    Ok((facts, backup_name))
}

/// A database that was deleted and is made again goes on with the receipts that are there
/// as files, if they are complete.
fn go_on_with_the_record(
    request: &Request<'_>,
    locked: &mut Locked,
    facts: &mut Facts,
) -> Result<(), Stop> {
    let receipts = record::read_files(request.target, locked.identity);
    if receipts.first().is_none_or(|first| first.link.sequence != 1) {
        return Ok(());
    }
    for stored in &receipts {
        locked.writer.record(stored)?;
    }
    let last = receipts.last().map(|stored| stored.link);
    facts.sequence = last.map_or(1, |link| link.sequence + 1);
    facts.previous = last.map(|link| link.digest);
    Ok(())
}

/// Sorts by time, and is unique.
pub(crate) fn backup_stem(run: Uuid) -> String {
    let stamp = record::now().replace([':', '-', '.'], "");
    format!("{stamp}-{}", &run.simple().to_string()[..8])
}

fn finish(
    request: &Request<'_>,
    locked: &mut Locked,
    facts: Facts,
    before_commit: Vec<Check>,
    smoke: SmokePassed,
    clock: &mut Clock<'_>,
) -> Result<Filed, Stop> {
    let receipt = Receipt::applied(facts, before_commit, smoke);
    let filed = record::file(&mut *locked.writer, request.target, receipt)?;
    if let Some(cause) = &filed.incomplete {
        return Err(Stop::new(
            Exit::RecordIncomplete,
            "file the receipt",
            &request.target.name,
            cause,
            "make room there; cargo xtask recover completes the record",
        ));
    }
    clock.stage("receipt", &describe::receipt(&filed, request.root));
    // Only now, with a backup that this very run has read back, may older ones go.
    let facts = &filed.receipt.predicate.facts;
    retention::apply(request.target, facts.target.identity, facts.run);
    Ok(filed)
}

fn fail(
    request: &Request<'_>,
    locked: &mut Locked,
    facts: Facts,
    before_commit: Vec<Check>,
    trouble: Trouble,
) -> Stop {
    let failure = trouble.failed.failure.clone();
    let (exit, state, undo) =
        (trouble.failed.exit, trouble.failed.state.clone(), trouble.failed.undo.clone());
    let mut stop =
        Stop::new(exit, &failure.operation, failure.place, failure.cause, trouble.next_step);
    stop.notes.push(match undo {
        Some(undo) => format!("The database is {state} ({undo})."),
        None => format!("The database is {state}."),
    });
    stop.notes.extend(trouble.notes);
    if trouble.record == Record::LeftOpen {
        return stop;
    }
    let receipt = Receipt::failed(facts, before_commit, trouble.checks, trouble.failed);
    stop.notes.push(match record::file(&mut *locked.writer, request.target, receipt) {
        Ok(Filed { incomplete: Some(cause), .. }) => format!("The receipt is incomplete: {cause}"),
        Ok(Filed { file, .. }) => {
            format!("Receipt: {}", file.as_deref().map(redact::path).unwrap_or_default())
        }
        Err(error) => format!("The receipt couldn't be filed: {error}"),
    });
    stop
}
