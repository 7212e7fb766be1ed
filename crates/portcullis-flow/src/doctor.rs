//! The technician's page: what state a database is in, what happened last, which backups are
//! good, and what to type. It looks, and changes nothing, whatever is broken.

use std::path::{Path, PathBuf};

use portcullis_database::backup::{self, Sidecar};
use portcullis_database::seam::Survey;
use portcullis_database::{Error, ErrorKind, VerifiedBackup};
use portcullis_model::config::{Place, Target};
use portcullis_model::exit::Exit;
use portcullis_model::words::count;
use portcullis_receipt::Receipt;

use crate::drift;
use crate::error::Stop;
use crate::stage::{self, Enrol};
use crate::{record, steps};

/// What was found.
#[derive(Debug)]
pub struct Diagnosis {
    /// How the database is.
    pub condition: Condition,
    /// The newest receipt, and where it was read.
    pub last: Option<(Receipt, Source)>,
    /// The backups, newest first.
    pub backups: Vec<Examined>,
    /// Why they can't be listed.
    pub backups_unreadable: Option<String>,
    /// The steps that a run left for a person.
    pub steps: Option<PathBuf>,
}

/// How a database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// It is what its last run left, and nothing is wrong with it.
    Well {
        /// The newest applied version.
        version: Option<String>,
        /// It is too large to be read while writers might wait.
        unread: bool,
    },
    /// It was never made.
    New,
    /// It is gone.
    Missing,
    /// It can't be reached or read now: why, and what to do about that.
    Unreachable(String, Vec<String>),
    /// It is there, and isn't a database any more.
    Unreadable(String),
    /// This may be another one: why.
    Stranger(String),
    /// It can be read, and isn't what was written.
    Damaged(Vec<String>),
    /// Something in it can't be used.
    Faulty(Vec<String>),
    /// So many runs have begun and have no receipt.
    Open(usize),
    /// Something else has changed it.
    Drifted(Vec<String>),
}

/// Where a receipt was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// In the database.
    Database,
    /// From its file: the database can't be asked.
    File,
}

/// A backup, and whether it is what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// Its file.
    pub path: PathBuf,
    /// What its sidecar says.
    pub sidecar: Sidecar,
    /// What reading it has shown.
    pub health: Health,
}

/// What reading a backup has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// Every byte is as it was.
    Good,
    /// This is wrong with it.
    Bad(String),
    /// It wasn't read: a newer one is good.
    Unread,
}

/// Which backups are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// From the newest on, until one is good.
    UntilGood,
    /// Every one.
    All,
}

/// Looks at a target, at its receipts and at its backups.
pub fn examine(target: &Target, depth: Depth) -> Diagnosis {
    let (condition, last) = look(target);
    let (mut backups, backups_unreadable) = match crate::backup::list(target) {
        Ok(listed) => (listed, None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    backups.reverse();
    let backups = read(backups, depth);
    let last = last.map(|receipt| (receipt, Source::Database));
    let last = last.or_else(|| Some((newest_file(target, &backups)?, Source::File)));
    let is_new = !target.protected && backups.is_empty() && last.is_none();
    let condition =
        if is_new && condition == Condition::Missing { Condition::New } else { condition };
    let steps = backups.iter().map(|one| steps::path(&one.path)).find(|path| path.exists());
    Diagnosis { condition, last, backups, backups_unreadable, steps }
}

fn look(target: &Target) -> (Condition, Option<Receipt>) {
    let mut reader = match portcullis_database::open_reader(target) {
        Ok(Some(reader)) => reader,
        Ok(None) => return (Condition::Missing, None),
        Err(error) => return (unopened(target, error), None),
    };
    let (survey, receipts) = match reader.survey().and_then(|it| Ok((it, reader.receipts()?))) {
        Ok(read) => read,
        Err(error) => return (unread(target, error), None),
    };
    let last = receipts.last().and_then(|stored| serde_json::from_str(&stored.body).ok());
    let drift = drift::find(target, &survey, &receipts);
    let faults = reader.faults().map_err(|error| unread(target, error));
    let condition = match faults {
        Err(condition) => condition,
        Ok(Some(faults)) if !faults.damage.is_empty() => Condition::Damaged(faults.damage),
        Ok(_) if !survey.open_runs.is_empty() => Condition::Open(survey.open_runs.len()),
        Ok(_) if stranger(target, &survey).is_some() => {
            Condition::Stranger(stranger(target, &survey).unwrap_or_default())
        }
        Ok(_) if !drift.is_empty() => Condition::Drifted(drift.words()),
        Ok(Some(faults)) if !faults.unusable.is_empty() => Condition::Faulty(faults.unusable),
        Ok(faults) => Condition::Well {
            version: survey.applied.last().map(|applied| applied.version.clone()),
            unread: faults.is_none(),
        },
    };
    (condition, last)
}

fn stranger(target: &Target, survey: &Survey) -> Option<String> {
    stage::check_identity(target, survey, Enrol::No).err().map(|Stop { cause, .. }| cause)
}

/// A protected target is never created: where its file isn't, it is missing.
fn unopened(target: &Target, error: Error) -> Condition {
    if portcullis_database::is_missing(target) { Condition::Missing } else { unread(target, error) }
}

fn unread(target: &Target, error: Error) -> Condition {
    let is_file = matches!(target.place, Place::File(_));
    match error.kind {
        ErrorKind::Unreadable => Condition::Unreadable(error.cause),
        ErrorKind::Failed if is_file => Condition::Unreadable(error.cause),
        _ if is_file => Condition::Unreachable(error.cause, vec![error.next_step]),
        _ => {
            let then = "cargo xtask recover, when it answers again".to_owned();
            Condition::Unreachable(error.cause, vec![error.next_step, then])
        }
    }
}

pub(crate) fn read(listed: Vec<(PathBuf, Sidecar)>, depth: Depth) -> Vec<Examined> {
    let mut is_found = false;
    let mut examined = Vec::new();
    for (path, sidecar) in listed {
        let health = if is_found && depth == Depth::UntilGood {
            Health::Unread
        } else {
            match VerifiedBackup::open(&path) {
                Ok(backup) => {
                    is_found |= backup.is_restorable();
                    Health::Good
                }
                Err(error) => Health::Bad(error.cause),
            }
        };
        examined.push(Examined { path, sidecar, health });
    }
    examined
}

/// The newest receipt that is there as a file, of the database that the target names.
fn newest_file(target: &Target, backups: &[Examined]) -> Option<Receipt> {
    let of_backups = || backups.iter().find_map(|one| one.sidecar.identity);
    let named = target.identity.or_else(|| stage::recorded_identity(target));
    let stored = record::read_files(target, named.or_else(of_backups)?).pop()?;
    serde_json::from_str(&stored.body).ok()
}

impl Diagnosis {
    /// The newest backup that was found good, and that this tool can put back.
    pub fn best(&self) -> Option<&Examined> {
        self.backups
            .iter()
            .find(|one| one.health == Health::Good && backup::is_restorable(&one.path))
    }

    /// Whether the last run left the database to a person.
    fn is_left_to_person(&self) -> bool {
        let exit = self.last.as_ref().map(|(receipt, _)| receipt.predicate.outcome.exit);
        exit == Some(Exit::NeedsPerson)
    }

    /// What to do, in order; empty if there is nothing.
    pub fn next_steps(&self) -> Vec<String> {
        let mut next = Vec::new();
        if let Some(steps) = self.steps.as_deref().filter(|_| self.exit() != Exit::Done) {
            next.push(format!("read the steps that a run left: {}", word(steps)));
        }
        match &self.condition {
            Condition::Well { .. } if self.is_left_to_person() => {
                next.push("cargo xtask recover, if somebody has done what the last run asked for".into());
            }
            Condition::Well { .. } => {}
            Condition::New => next.push("cargo xtask migrate makes it".to_owned()),
            Condition::Faulty(_) if !self.is_left_to_person() => next.push(
                "correct it by a migration; if the last run did it, cargo xtask restore its backup (cargo xtask receipt show)".to_owned(),
            ),
            Condition::Missing
            | Condition::Unreadable(_)
            | Condition::Damaged(_)
            | Condition::Faulty(_) => next.extend(self.restore()),
            Condition::Unreachable(_, advice) => next.extend(advice.iter().cloned()),
            Condition::Stranger(_) => next.push(
                "check the target in portcullis.toml; if this is the right database, cargo xtask migrate --enrol"
                    .to_owned(),
            ),
            Condition::Open(_) => {
                next.push("cargo xtask recover, if no run is at work".to_owned());
            }
            Condition::Drifted(_) => {
                next.push("cargo xtask drift shows it, and says what can be done".to_owned());
            }
        }
        next
    }

    fn restore(&self) -> Vec<String> {
        match self.best() {
            Some(best) => vec![
                "stop the programs that use the database; what is there now is kept first".to_owned(),
                format!("cargo xtask restore {}", word(&best.path)),
            ],
            None if self.backups.is_empty() => vec![
                "no backup of it is here: look where copies of its backups go, and cargo xtask restore FILE".to_owned(),
            ],
            None => vec![format!(
                "{} here, and none is good: look where copies of them go, and cargo xtask restore FILE",
                count(self.backups.len(), "backup")
            )],
        }
    }

    /// What it means for the database.
    pub fn exit(&self) -> Exit {
        match &self.condition {
            Condition::Well { .. } if !self.is_left_to_person() => Exit::Done,
            Condition::New => Exit::Done,
            Condition::Unreadable(_) | Condition::Damaged(_) | Condition::Missing => {
                Exit::NeedsPerson
            }
            Condition::Faulty(_) if self.is_left_to_person() => Exit::NeedsPerson,
            Condition::Well { .. }
            | Condition::Faulty(_)
            | Condition::Unreachable(..)
            | Condition::Stranger(_)
            | Condition::Open(_)
            | Condition::Drifted(_) => Exit::Refused,
        }
    }
}

/// A path as one word of a shell.
fn word(path: &Path) -> String {
    steps::quoted(path)
}
