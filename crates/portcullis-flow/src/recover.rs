//! After a bad night: what became of a run that died, without beginning another one.

use std::path::PathBuf;

use portcullis_model::config::Target;
use portcullis_model::exit::Exit;
use portcullis_model::migration::MigrationSet;
use portcullis_model::plan::{Applied, Goal, Protection, plan};

use crate::error::Stop;
use crate::migrate::Request;
use crate::observe::{Clock, Observer};
use crate::settle::{Settled, settle};
use crate::stage::{self, Enrol};

/// What was found, and is settled now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// What the database was after each run that had died, oldest first.
    pub runs: Vec<&'static str>,
    /// The newest receipt's file, where it had to be written once more.
    pub file: Option<PathBuf>,
    /// The newest applied version.
    pub version: Option<String>,
    /// What to type next, if the database isn't yet as the files have it.
    pub next_step: Option<String>,
}

/// Wins the lock, learns what became of runs that have no receipt, files their receipts, and
/// tests what they left. What is on disk needn't pass the linter: nothing of it is applied.
///
/// # Errors
/// A run is still at work, the database can't be opened, it is another one, or it isn't well
/// and a person is needed.
pub fn recover(request: &Request<'_>, observer: &mut dyn Observer) -> Result<Recovered, Stop> {
    let target = request.target;
    let mut clock = Clock::new(observer);
    let set = stage::read(request.root, target)?;
    // Opening makes the file, and nothing has ever died in an empty one.
    if portcullis_database::is_missing(target) {
        return Err(Stop::new(
            Exit::Refused,
            "recover the database",
            target.shown(),
            "there is no such file",
            "check the target's path in portcullis.toml; if the database is lost: cargo xtask backup list, cargo xtask restore BACKUP",
        ));
    }
    let (inspected, _) = stage::inspect(set, request);
    let locked = stage::identify_and_lock(target, Enrol::No)?;
    let (locked, Settled { runs, file }) = settle(locked, request, &inspected, &mut clock)?;
    let applied = &locked.survey.applied;
    let version = applied.last().map(|applied| applied.version.clone());
    Ok(Recovered { runs, file, version, next_step: next_step(target, inspected.set(), applied) })
}

fn next_step(target: &Target, set: &MigrationSet, applied: &[Applied]) -> Option<String> {
    let protection = if target.protected { Protection::Protected } else { Protection::Unprotected };
    match plan(set, applied, &Goal::Latest, target.engine().dialect()) {
        Ok(plan) if plan.is_empty() => None,
        Ok(_) => Some("cargo xtask migrate".to_owned()),
        Err(refusals) => refusals.first().map(|refusal| refusal.next_step(protection)),
    }
}
