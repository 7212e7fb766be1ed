//! The stages up to the lock, as values that only the stage before can make.

use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use portcullis_database::seam::Survey;
use portcullis_database::{Writer, make_private_directory, write_private};
use portcullis_lint::{Allowed, Context, Report, lint_in};
use portcullis_model::config::{Migrations, Target};
use portcullis_model::exit::Exit;
use portcullis_model::migration::MigrationSet;
use portcullis_model::redact;
use portcullis_model::tree::Disk;
use portcullis_receipt::{AllowedFinding, Arrival, LintFacts};
use portcullis_workspace::inspect;
use uuid::Uuid;

use crate::error::Stop;
use crate::migrate::Request;

/// Migrations that were read and linted, whatever was found.
#[derive(Debug, Clone)]
pub(crate) struct Inspected {
    set: MigrationSet,
    verdict: LintFacts,
}

/// Migrations that were read, and linted without an error.
#[derive(Debug, Clone)]
pub struct Linted(Inspected);

impl Inspected {
    /// The migrations.
    pub(crate) fn set(&self) -> &MigrationSet {
        &self.set
    }

    /// The newest version on disk.
    pub(crate) fn newest(&self) -> Option<&str> {
        self.set.migrations.last().map(|migration| migration.version.as_str())
    }

    /// The user's smoke queries, if they are about the version that a run ends at: they
    /// are written for the newest.
    pub(crate) fn queries<'a>(&self, target: &'a Target, ends_at: Option<&str>) -> &'a [PathBuf] {
        if ends_at == self.newest() { &target.smoke } else { &[] }
    }

    /// What the linter found.
    pub(crate) fn verdict(&self) -> &LintFacts {
        &self.verdict
    }
}

impl Linted {
    /// The migrations.
    pub fn set(&self) -> &MigrationSet {
        self.0.set()
    }

    /// What the linter found besides errors.
    pub fn verdict(&self) -> &LintFacts {
        self.0.verdict()
    }

    /// For what doesn't ask whether there were errors.
    pub(crate) fn inspected(&self) -> &Inspected {
        &self.0
    }

    /// The migrations, for good.
    pub(crate) fn into_set(self) -> MigrationSet {
        self.0.set
    }

    /// As [`Inspected::newest`].
    pub(crate) fn newest(&self) -> Option<&str> {
        self.0.newest()
    }

    /// As [`Inspected::queries`].
    pub(crate) fn queries<'a>(&self, target: &'a Target, ends_at: Option<&str>) -> &'a [PathBuf] {
        self.0.queries(target, ends_at)
    }
}

/// Reads a target's migrations.
///
/// # Errors
/// The directory can't be read.
pub fn read(root: &Path, target: &Target) -> Result<MigrationSet, Stop> {
    MigrationSet::read(&Disk::new(root), &target.migrations).map_err(|error| {
        Stop::new(
            Exit::Usage,
            "read the migrations",
            redact::path(&root.join(&error.path)),
            error.to_string(),
            "make the directory, or name the right one under [migrations] in portcullis.toml",
        )
    })
}

/// Lints migrations and lets them pass if there is no error among the findings.
///
/// # Errors
/// The findings.
pub fn lint(set: MigrationSet, request: &Request<'_>) -> Result<Linted, Stop> {
    let (inspected, report) = inspect(set, request);
    match inspected.verdict.errors {
        0 => Ok(Linted(inspected)),
        errors => Err(refused_by_lint(&inspected.set, report, errors)),
    }
}

/// Lints migrations.
pub(crate) fn inspect(set: MigrationSet, request: &Request<'_>) -> (Inspected, Report) {
    let target = request.target;
    let migrations =
        Migrations { dialect: target.engine().dialect(), path: target.migrations.clone() };
    let base = inspect::base(request.root, request.default_branch, &migrations, &set);
    let twin = inspect::twin(request.root, request.migrations, &migrations);
    let context = Context { base, twin, ..Context::default() };
    let mut report = lint_in(&set, migrations.dialect, &context);
    // What was changed since it was accepted is like a draft: a protected target refuses it,
    // others are where it is tried.
    report.findings.retain(|finding| finding.rule != "accept-again");
    let found = report.verdict();
    let allowed = report.allowed.iter().filter_map(allowed).collect();
    let verdict = LintFacts { errors: found.errors, warnings: found.warnings, allowed };
    (Inspected { set, verdict }, report)
}

fn allowed(found: &Allowed) -> Option<AllowedFinding> {
    Some(AllowedFinding {
        migration: found.migration.clone()?,
        rule: found.rule.to_owned(),
        reason: redact::urls(&found.reason).into_owned(),
    })
}

fn refused_by_lint(set: &MigrationSet, report: Report, errors: usize) -> Stop {
    let mut stop = Stop::new(
        Exit::Refused,
        "let the migrations pass",
        redact::path(&set.root),
        format!(
            "the linter found {}; no database was touched",
            portcullis_model::words::count(errors, "error")
        ),
        "correct them; cargo xtask explain RULE says more about each",
    );
    stop.findings = Some(Box::new(report));
    stop
}

/// A database that is the right one, opened for writing, with this process as its only
/// runner.
pub struct Locked {
    pub(crate) writer: Box<dyn Writer>,
    pub(crate) survey: Survey,
    pub(crate) identity: Uuid,
    pub(crate) arrival: Arrival,
    /// What something else has changed, and this run takes as it is.
    pub(crate) drift: Vec<String>,
}

/// Whether a database that this tool doesn't know may be taken on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enrol {
    /// It is taken on.
    Yes,
    /// It is refused.
    No,
}

/// Takes the lock, connects, and compares the database's identity with what it must be.
///
/// # Errors
/// Somebody else holds the lock, the database can't be opened, or it is another one.
pub fn identify_and_lock(target: &Target, enrol: Enrol) -> Result<Locked, Stop> {
    let mut writer = portcullis_database::lock(target)?.open()?;
    let survey = writer.survey()?;
    let recorded = recorded_identity(target);
    let (identity, arrival) = decide_identity(target, &survey, recorded, enrol)?;
    Ok(Locked { writer, survey, identity, arrival, drift: Vec::new() })
}

/// Compares a database's identity with what it must be, for a look without a lock.
///
/// # Errors
/// It is another database, or one that this tool doesn't know.
pub(crate) fn check_identity(target: &Target, survey: &Survey, enrol: Enrol) -> Result<(), Stop> {
    decide_identity(target, survey, recorded_identity(target), enrol).map(|_| ())
}

/// What the configuration, or for an unprotected target the record under `var/`, says.
pub(crate) fn recorded_identity(target: &Target) -> Option<Uuid> {
    let text = std::fs::read_to_string(&target.identity_record).ok()?;
    Uuid::from_str(text.trim()).ok()
}

/// Which identity the database has or gets, and how it came under the gate.
fn decide_identity(
    target: &Target,
    survey: &Survey,
    recorded: Option<Uuid>,
    enrol: Enrol,
) -> Result<(Uuid, Arrival), Stop> {
    let place = target.shown();
    let refused = |cause: String, next: &str| {
        Stop::new(Exit::Refused, "identify the database", place.clone(), cause, next)
    };
    let expected = target.identity.or(if target.protected { None } else { recorded });
    if survey.is_copy {
        let cause = "it is a copy: the identity in it was written in another database".to_owned();
        return match enrol {
            // A database of its own from now on.
            Enrol::Yes => Ok((target.identity.unwrap_or_else(Uuid::new_v4), Arrival::Enrolled)),
            Enrol::No => Err(refused(
                cause,
                "check that the target names the right database; to take the copy on as one of its own: cargo xtask migrate --enrol",
            )),
        };
    }
    match (survey.identity, expected) {
        (Some(found), Some(expected)) if found == expected => Ok((found, Arrival::Known)),
        (Some(found), None) if enrol == Enrol::Yes => Ok((found, Arrival::Enrolled)),
        (Some(found), Some(_)) if enrol == Enrol::Yes && target.identity.is_none() => {
            Ok((found, Arrival::Enrolled))
        }
        (Some(found), Some(expected)) => Err(refused(
            format!(
                "it carries the identity {found}, but {} must carry {expected}: this is another database",
                target.name
            ),
            "check the path; if this is the right one, correct the recorded identity (--enrol, or identity in portcullis.toml)",
        )),
        (Some(found), None) => Err(refused(
            format!("it carries the identity {found}, which nothing here names"),
            if target.protected {
                "compare it with what you know, and write it as identity into portcullis.toml"
            } else {
                "if this is the right database, take it on: cargo xtask migrate --enrol"
            },
        )),
        (None, expected) => {
            match (survey.is_new() && !target.protected, enrol) {
                // One that was deleted is made again as itself: its backups are still its own.
                (true, _) => Ok((expected.unwrap_or_else(Uuid::new_v4), Arrival::Created)),
                (false, Enrol::Yes) => {
                    Ok((expected.unwrap_or_else(Uuid::new_v4), Arrival::Enrolled))
                }
                (false, Enrol::No) => Err(refused(
                    "it has no identity yet: this tool doesn't know it".to_owned(),
                    "if this is the right database, take it on: cargo xtask migrate --enrol",
                )),
            }
        }
    }
}

impl Locked {
    /// Records a new database's identity, before the database gets it.
    pub(crate) fn record_identity(&self, target: &Target) -> Result<(), Stop> {
        match self.arrival {
            Arrival::Known => Ok(()),
            Arrival::Created | Arrival::Enrolled => record_identity(target, self.identity),
        }
    }
}

/// Records which database an unprotected target is; the configuration names a protected
/// one's.
pub(crate) fn record_identity(target: &Target, identity: Uuid) -> Result<(), Stop> {
    if target.protected || recorded_identity(target) == Some(identity) {
        return Ok(());
    }
    if let Some(directory) = target.identity_record.parent() {
        make_private_directory(directory)?;
    }
    Ok(write_private(&target.identity_record, format!("{identity}\n").as_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_model::catalog::Catalog;
    use portcullis_model::config::Config;
    use portcullis_model::plan::Applied;

    const ONE: Uuid = Uuid::from_u128(1);
    const TWO: Uuid = Uuid::from_u128(2);

    fn decide(
        protected: bool,
        configured: Option<Uuid>,
        recorded: Option<Uuid>,
        found: Option<Uuid>,
        new: bool,
        enrol: Enrol,
    ) -> Result<Arrival, ()> {
        let text = "[targets.dev]\nengine = \"sqlite\"\npath = \"/srv/a.db\"\nbackups = \"/srv/b\"";
        let mut target =
            Config::parse(text, Path::new("/w")).unwrap().targets.remove("dev").unwrap();
        (target.protected, target.identity) = (protected, configured);
        let applied = if new { vec![] } else { vec![Applied { version: "1".into(), noted: None }] };
        let survey = Survey {
            engine_version: String::new(),
            bytes: 0,
            identity: found,
            is_copy: false,
            hindrances: Vec::new(),
            applied,
            catalog: Catalog::default(),
            open_runs: vec![],
            last_receipt: None,
            head: None,
            connection: None,
        };
        decide_identity(&target, &survey, recorded, enrol)
            .map(|(_, arrival)| arrival)
            .map_err(|_| ())
    }

    #[test]
    fn a_database_is_known_new_taken_on_or_refused() {
        use Arrival::*;
        use Enrol::*;
        let (open, guarded) = (false, true);
        // protected, configured, recorded, found, new, enrol
        assert_eq!(decide(open, None, None, None, true, No), Ok(Created));
        assert_eq!(decide(open, None, Some(ONE), None, true, No), Ok(Created));
        assert_eq!(decide(open, None, Some(ONE), Some(ONE), false, No), Ok(Known));
        assert_eq!(decide(open, None, Some(ONE), Some(TWO), false, No), Err(()));
        assert_eq!(decide(open, None, Some(ONE), Some(TWO), false, Yes), Ok(Enrolled));
        assert_eq!(decide(open, None, None, None, false, No), Err(()));
        assert_eq!(decide(open, None, None, None, false, Yes), Ok(Enrolled));
        assert_eq!(decide(guarded, None, Some(ONE), Some(ONE), false, No), Err(()));
        assert_eq!(decide(guarded, Some(ONE), None, Some(ONE), false, No), Ok(Known));
        assert_eq!(decide(guarded, Some(ONE), None, Some(TWO), false, Yes), Err(()));
        assert_eq!(decide(guarded, Some(ONE), None, None, true, No), Err(()));
        assert_eq!(decide(guarded, Some(ONE), None, None, true, Yes), Ok(Enrolled));
    }
}
