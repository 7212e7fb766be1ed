//! Back in line with the files: what was edited after it was applied is undone and applied
//! as it is now. The way there is [`migrate`](crate::migrate::migrate()), with
//! [`Goal::Redo`] as its goal; here is what only a redo asks.

use std::path::PathBuf;

use portcullis_database::backup::read_sidecar;
use portcullis_database::seam::StoredReceipt;
use portcullis_model::config::Target;
use portcullis_model::exit::Exit;
use portcullis_model::migration::MigrationSet;
use portcullis_model::plan::{Applied, Direction, Goal, oldest_to_undo};
use portcullis_model::redact;
use portcullis_receipt::{Facts, Receipt};

use crate::error::Stop;
use crate::migrate::{Migrated, Request, migrate};
use crate::observe::Observer;
use crate::stage;

/// How a redo ended.
#[derive(Debug)]
pub enum Redone {
    /// There was nothing to undo: every applied migration is on disk as it was applied.
    Nothing {
        /// How many migrations are pending.
        pending: usize,
    },
    /// It went through the gate.
    Through(Migrated),
}

/// Undoes what isn't on disk as it was applied, and applies what is.
///
/// # Errors
/// The target is protected, the migration that is named isn't applied, or as
/// [`migrate`](crate::migrate::migrate()).
pub fn redo(request: &Request<'_>, observer: &mut dyn Observer) -> Result<Redone, Stop> {
    refuse_protected(request.target)?;
    // Opening makes the file, and there is nothing to undo in an empty one.
    if portcullis_database::is_missing(request.target) {
        let set = stage::read(request.root, request.target)?;
        let set = stage::lint(set, request)?.into_set();
        return Ok(Redone::Nothing { pending: set.migrations.len() });
    }
    Ok(match migrate(request, observer)? {
        Migrated::UpToDate { pending, .. } => Redone::Nothing { pending },
        done => Redone::Through(done),
    })
}

/// After a redo that died there may be nothing left to undo: then what is left is to apply.
pub(crate) fn goal_after_a_death(goal: &Goal, set: &MigrationSet, applied: &[Applied]) -> Goal {
    match goal {
        Goal::Redo { from } => match oldest_to_undo(set, applied, from.as_deref()) {
            Ok(Some(_)) => goal.clone(),
            Ok(None) | Err(_) => Goal::Latest,
        },
        Goal::Latest | Goal::Version(_) => goal.clone(),
    }
}

/// A backup from before the migrations that are to be undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    /// Its file.
    pub backup: PathBuf,
    /// When it was taken, UTC: what was written later is not in it.
    pub taken: String,
}

/// Finds the backup that was taken before the oldest of them was applied.
///
/// # Errors
/// As [`redo`]; or there is no such backup any more.
pub fn backup_before(request: &Request<'_>) -> Result<Option<Before>, Stop> {
    let (set, applied, receipts) = look(request)?;
    let Some(oldest) = oldest(request, &set, &applied)? else { return Ok(None) };
    let name = applied.iter().find(|applied| applied.version == oldest).map(Applied::name);
    let place = redact::printable(name.unwrap_or(oldest)).into_owned();
    let found = receipts.iter().rev().find_map(|stored| before(stored, oldest));
    found.map(Some).ok_or_else(|| {
        Stop::new(
            Exit::Refused,
            "find the backup from before it was applied",
            place,
            "no receipt names one that is still there",
            "choose one that is old enough (cargo xtask backup list), cargo xtask restore BACKUP, then cargo xtask migrate",
        )
    })
}

/// The backup of this run, if the run applied the version and the backup doesn't have it.
fn before(stored: &StoredReceipt, version: &str) -> Option<Before> {
    let facts = serde_json::from_str::<Receipt>(&stored.body).ok()?.predicate.facts;
    let Facts { migrations, backup, .. } = facts;
    let applied_it = migrations.iter().any(|migration| {
        migration.version == version && migration.direction == Direction::Up && migration.stands
    });
    let file = PathBuf::from(backup?.file);
    let sidecar = read_sidecar(&file).ok().filter(|_| file.is_file())?;
    let fits = applied_it && !sidecar.applied.iter().any(|applied| applied == version);
    fits.then_some(Before { backup: file, taken: sidecar.created })
}

type Look = (MigrationSet, Vec<Applied>, Vec<StoredReceipt>);

fn look(request: &Request<'_>) -> Result<Look, Stop> {
    refuse_protected(request.target)?;
    let set = stage::read(request.root, request.target)?;
    let set = stage::lint(set, request)?.into_set();
    let Some(mut reader) = portcullis_database::open_reader(request.target)? else {
        return Ok((set, Vec::new(), Vec::new()));
    };
    Ok((set, reader.survey()?.applied, reader.receipts()?))
}

fn refuse_protected(target: &Target) -> Result<(), Stop> {
    if !target.protected {
        return Ok(());
    }
    let cause = "it is protected: what was applied there stays as it was applied";
    let next = "put the change into a new migration; cargo xtask migrate --to VERSION goes back";
    Err(Stop::new(Exit::Refused, "redo", &target.name, cause, next))
}

fn oldest<'a>(
    request: &Request<'_>,
    set: &MigrationSet,
    applied: &'a [Applied],
) -> Result<Option<&'a str>, Stop> {
    let from = match &request.goal {
        Goal::Redo { from } => from.as_deref(),
        Goal::Latest | Goal::Version(_) => None,
    };
    oldest_to_undo(set, applied, from)
        .map_err(|refusal| Stop::refused_plan(request.target, &[refusal]))
}
