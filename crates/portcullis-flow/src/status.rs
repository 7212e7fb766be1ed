//! Where a database stands beside the migrations on disk: a look that writes nothing.

use std::path::Path;

use portcullis_database::Reader;
use portcullis_database::seam::{StoredReceipt, Survey};
use portcullis_model::config::Target;
use portcullis_model::migration::{Migration, MigrationSet};
use portcullis_model::plan::{Applied, Standing, standing};
use portcullis_model::sum::{self, Acceptance, Sum};
use portcullis_receipt::Receipt;

use crate::drift::{self, Drift};
use crate::error::Stop;
use crate::schema_file::{self, SchemaFile};
use crate::stage;

/// Where a database stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// Whether there is a database.
    pub exists: bool,
    /// Every migration of the disk and of the database, by version.
    pub rows: Vec<Row>,
    /// What `migrations.sum` is.
    pub sum: SumState,
    /// Why this may be another database than the one that is meant.
    pub stranger: Option<String>,
    /// What something else has changed.
    pub drift: Drift,
    /// How many runs have no receipt: they are at work, or died.
    pub open_runs: usize,
    /// The newest receipt.
    pub last: Option<Receipt>,
    /// The files that `diesel.toml` names, where they can be compared.
    pub schema_files: Vec<SchemaFile>,
    /// Whether the target is protected.
    pub protected: bool,
    /// Who else can log in and change the schema, each with the reason.
    pub others: Vec<String>,
}

/// A migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Diesel's version.
    pub version: String,
    /// The directory's name: on disk, or else when it was applied, or else the version.
    pub name: String,
    /// How the database has it.
    pub state: State,
    /// How `migrations.sum` has what is on disk; unknown where it can't be read.
    pub acceptance: Option<Acceptance>,
}

/// How a database has a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Applied as it is on disk.
    Applied,
    /// Not applied yet.
    Pending,
    /// Not applied, though a newer one is.
    OutOfOrder,
    /// Applied as something else than what is on disk.
    Edited,
    /// Applied, and gone from the disk.
    Missing,
    /// Applied by something else than the gate.
    Foreign,
}

/// What `migrations.sum` is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SumState {
    /// It was read.
    Read,
    /// There is none: nothing was accepted yet.
    None,
    /// It can't be read; what is wrong, and what to do.
    Broken(String, String),
}

impl Row {
    /// Whether it is applied as it is on disk and as it was accepted.
    pub fn is_settled(&self, sum: &SumState) -> bool {
        self.state == State::Applied
            && (*sum != SumState::Read || self.acceptance == Some(Acceptance::Accepted))
    }
}

/// Looks at a target.
///
/// # Errors
/// The migrations or the database can't be read.
pub fn status(root: &Path, target: &Target) -> Result<Status, Stop> {
    let set = stage::read(root, target)?;
    let (sum_state, sum) = read_sum(&set);
    let Some(mut reader) = portcullis_database::open_reader(target)? else {
        return Ok(Status {
            exists: false,
            rows: rows(&set, &[], sum.as_ref(), target),
            sum: sum_state,
            stranger: None,
            drift: Drift::default(),
            open_runs: 0,
            last: None,
            schema_files: Vec::new(),
            protected: target.protected,
            others: Vec::new(),
        });
    };
    let survey = reader.survey()?;
    let receipts = reader.receipts()?;
    let rows = rows(&set, &survey.applied, sum.as_ref(), target);
    let stranger = stage::check_identity(target, &survey, stage::Enrol::No).err();
    let in_step = rows.iter().all(|row| matches!(row.state, State::Applied | State::Foreign));
    let schema_files = if in_step && !target.protected {
        schema_files(root, target, &mut *reader, &survey)?
    } else {
        Vec::new()
    };
    Ok(Status {
        exists: true,
        rows,
        sum: sum_state,
        stranger: stranger.map(|stop| stop.cause),
        drift: drift::find(target, &survey, &receipts),
        open_runs: survey.open_runs.len(),
        last: last(&receipts),
        schema_files,
        protected: target.protected,
        others: reader.others_who_may_change()?,
    })
}

fn schema_files(
    root: &Path,
    target: &Target,
    reader: &mut dyn Reader,
    survey: &Survey,
) -> Result<Vec<SchemaFile>, Stop> {
    Ok(schema_file::check(root, target, &reader.columns()?, &survey.catalog))
}

fn last(receipts: &[StoredReceipt]) -> Option<Receipt> {
    serde_json::from_str(&receipts.last()?.body).ok()
}

fn read_sum(set: &MigrationSet) -> (SumState, Option<Sum>) {
    if set.sum_file == portcullis_model::migration::File::Missing {
        return (SumState::None, Some(Sum::default()));
    }
    match set.sum() {
        Ok(sum) => (SumState::Read, Some(sum)),
        Err(problems) => {
            let problem = problems.first().map(|problem| &problem.kind);
            let message = problem.map(sum::ProblemKind::message).unwrap_or_default();
            let help = problem.map(sum::ProblemKind::help).unwrap_or_default();
            (SumState::Broken(message, help.to_owned()), None)
        }
    }
}

fn rows(set: &MigrationSet, applied: &[Applied], sum: Option<&Sum>, target: &Target) -> Vec<Row> {
    let newest = applied.iter().map(|applied| applied.version.as_str()).max();
    let acceptance =
        |migration: &Migration| sum.map(|sum| sum.acceptance(migration, target.engine().dialect()));
    let on_disk = set.migrations.iter().map(|migration| {
        let applied = applied.iter().find(|applied| applied.version == migration.version);
        let state = match applied.map(|applied| standing(set, applied)) {
            None if Some(migration.version.as_str()) < newest => State::OutOfOrder,
            None => State::Pending,
            Some(Standing::Unknown(_)) => State::Foreign,
            Some(Standing::Edited(_)) => State::Edited,
            Some(Standing::Unchanged(_) | Standing::Missing) => State::Applied,
        };
        Row {
            version: migration.version.clone(),
            name: migration.directory.clone(),
            state,
            acceptance: acceptance(migration),
        }
    });
    let missing = applied.iter().filter(|applied| standing(set, applied) == Standing::Missing);
    let missing = missing.map(|applied| Row {
        version: applied.version.clone(),
        name: applied.name().to_owned(),
        state: State::Missing,
        acceptance: None,
    });
    let mut rows: Vec<Row> = on_disk.chain(missing).collect();
    rows.sort_by(|a, b| (&a.version, &a.name).cmp(&(&b.version, &b.name)));
    rows
}

impl Status {
    fn any(&self, state: State) -> bool {
        self.rows.iter().any(|row| row.state == state)
    }

    /// Whether a draft sorts before something that was accepted: the linter stops there.
    fn has_draft_too_early(&self) -> bool {
        let is = |row: &&Row, acceptance| row.acceptance == Some(acceptance);
        let draft = self.rows.iter().find(|row| is(row, Acceptance::Draft));
        let last = self.rows.iter().rfind(|row| is(row, Acceptance::Accepted));
        draft.zip(last).is_some_and(|(draft, last)| draft.version < last.version)
    }

    fn has(&self, acceptance: impl Fn(Acceptance) -> bool, state: State) -> bool {
        let is = |row: &Row| row.state == state && row.acceptance.is_some_and(&acceptance);
        self.rows.iter().any(is)
    }

    /// What to type next.
    pub fn next_step(&self) -> String {
        let is_changed = |acceptance| matches!(acceptance, Acceptance::Changed(_));
        let is_draft = |acceptance| acceptance != Acceptance::Accepted;
        let text = if let SumState::Broken(_, help) = &self.sum {
            help
        } else if self.open_runs > 0 {
            "cargo xtask recover finds out what became of the run that has no receipt"
        } else if self.stranger.is_some() {
            "check the path; if this is the right database, cargo xtask migrate --enrol"
        } else if !self.drift.is_empty() {
            "cargo xtask drift shows the difference; undo it, or take the schema as it is: cargo xtask migrate --enrol --reason \"…\""
        } else if self.has(is_changed, State::Edited) && !self.protected {
            "cargo xtask redo, then cargo xtask accept; what is frozen cargo xtask lint names, and how to put it back"
        } else if self.any(State::Edited) || self.any(State::Missing) {
            if self.protected {
                "restore the files as they were applied; put the change into a new migration"
            } else {
                "cargo xtask redo brings the database back in line with the files"
            }
        } else if self.any(State::OutOfOrder) && !self.protected && !self.has_draft_too_early() {
            "cargo xtask redo applies what sorts too early, and what runs after it again"
        } else if self.any(State::OutOfOrder) {
            "cargo xtask rebase gives what sorts too early a newer version"
        } else if self.protected && self.has(is_draft, State::Pending) {
            "cargo xtask accept, and have the change of migrations.sum reviewed"
        } else if self.any(State::Pending) {
            "cargo xtask migrate"
        } else if self.schema_files.iter().any(|file| !file.behind.is_empty()) {
            "cargo xtask migrate brings the schema file up to date, where the diesel program is installed"
        } else if self.sum == SumState::Read && self.has(is_draft, State::Applied) {
            "cargo xtask accept, when the drafts are ready for others"
        } else {
            "nothing: the database is as the files have it"
        };
        text.to_owned()
    }
}
