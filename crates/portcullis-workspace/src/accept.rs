//! `accept`: lists drafts in `migrations.sum`, with what the linter said of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use portcullis_lint::{Finding, Report, Severity};
use portcullis_model::config::{Migrations, like};
use portcullis_model::digest::Digest;
use portcullis_model::migration::{File, Migration, MigrationSet, name_of, version_of};
use portcullis_model::redact::{self, printable};
use portcullis_model::sum::{self, Acceptance, Allow, Digests, Line, Sum, Tested, Verdict};

use crate::{Error, files};

const OPERATION: &str = "accept the migrations";

/// What is to be accepted.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Versions, directories or names; every draft if there are none.
    pub names: &'a [String],
    /// Whether errors stand against it.
    pub errors: Errors,
    /// What is frozen by a database that people depend on.
    pub protected: &'a [Protected],
    /// What accepts: name and version.
    pub tool: &'a str,
}

/// What an error among the findings means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errors {
    /// The migration isn't accepted.
    Refused,
    /// It was there before the gate: the line says how many errors it has.
    Recorded,
}

/// A migration that is applied to a protected target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protected {
    /// The target.
    pub target: String,
    /// The migration's version.
    pub version: String,
    /// What was applied.
    pub fingerprint: Digest,
}

/// One engine's migrations, linted.
#[derive(Debug, Clone, Copy)]
pub struct Engine<'a> {
    /// Whose they are.
    pub migrations: &'a Migrations,
    /// As they are in the working tree.
    pub set: &'a MigrationSet,
    /// What the linter says.
    pub report: &'a Report,
    /// What the default branch has accepted: frozen.
    pub frozen: &'a Sum,
}

/// What accepting comes to, for one engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The new sum.
    pub sum: Sum,
    /// The lines that are new or written anew.
    pub lines: Vec<Line>,
    /// Directories that are gone, and that nobody else has: their lines go.
    pub dropped: Vec<String>,
}

impl Accepted {
    /// Notes in its new lines how these directories were tested.
    pub fn note_tests(&mut self, tested: &BTreeMap<String, Tested>) {
        let there: Vec<String> = self.lines.iter().map(|line| line.directory.clone()).collect();
        let new = |line: &&mut Line| there.contains(&line.directory);
        for line in self.sum.lines.iter_mut().filter(new).chain(&mut self.lines) {
            line.tested = tested.get(&line.directory).copied();
        }
    }
}

/// The errors that stand against accepting: all but those that accepting settles, and those
/// of drafts that aren't meant.
pub fn objections<'a>(engine: &'a Engine<'_>, request: &Request<'_>) -> Vec<&'a Finding> {
    let there = engine.set.sum().unwrap_or_default();
    // The finding stands where the line of the migration that is missing begins.
    let is_frozen = |finding: &Finding| {
        let start = finding.span.as_ref().map(|span| span.start);
        let line = there.lines.iter().find(|line| Some(line.span.start) == start);
        line.is_none_or(|line| engine.frozen.line(&line.directory).is_some())
    };
    let is_other_draft = |finding: &Finding| {
        let is_other = |one: &&Migration| {
            !is_meant(&one.directory, request.names) && engine.frozen.line(&one.directory).is_none()
        };
        let mut drafts = engine.set.migrations.iter().filter(is_other);
        drafts.any(|other| finding.file.starts_with(&other.path))
    };
    let is_settled = |finding: &Finding| match finding.rule {
        "accept-again" => true,
        "accepted-missing" => !is_frozen(finding),
        rule => {
            let is_text = !["duplicate-version", "draft-out-of-order"].contains(&rule);
            is_text && is_other_draft(finding)
        }
    };
    let of_the_set = |finding: &Finding| finding.file.starts_with(&engine.set.root);
    let errors = engine.report.findings.iter().filter(|it| it.severity == Severity::Error);
    errors
        .filter(|finding| of_the_set(finding) && !is_settled(finding))
        .filter(|finding| {
            request.errors == Errors::Refused || NEVER_RECORDED.contains(&finding.rule)
        })
        .collect()
}

/// What is no matter of how somebody wrote a migration long ago.
const NEVER_RECORDED: [&str; 7] = [
    "accepted-missing",
    "draft-out-of-order",
    "duplicate-version",
    "edited-comments",
    "edited-sql",
    "sum-line-missing",
    "sum-malformed",
];

/// No names mean everything.
fn is_meant(directory: &str, names: &[String]) -> bool {
    names.is_empty() || names.iter().any(|name| is_name_of(directory, name))
}

/// Whether somebody may call a migration so: also by its path, as a shell completes it.
fn is_name_of(directory: &str, name: &str) -> bool {
    let name = name.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    !name.is_empty() && (words(directory).contains(&name) || version_of(directory) == name)
}

/// What people take from a listing.
fn words(directory: &str) -> [&str; 3] {
    let version = directory.split('_').next().unwrap_or_default();
    [directory, version, name_of(directory)]
}

/// Names that no engine has a migration for are refused.
///
/// # Errors
/// The first of them, with what it may have meant.
pub fn check_names(engines: &[Engine<'_>], names: &[String]) -> Result<(), Error> {
    let sums: Vec<Sum> =
        engines.iter().map(|engine| engine.set.sum().unwrap_or_default()).collect();
    let there = engines.iter().flat_map(|engine| &engine.set.migrations);
    let listed = sums.iter().flat_map(|sum| &sum.lines).map(|line| &line.directory);
    let all: Vec<&String> = there.map(|one| &one.directory).chain(listed).collect();
    let is_known = |name: &&String| all.iter().any(|directory| is_name_of(directory, name));
    match names.iter().find(|name| !is_known(name)) {
        None => Ok(()),
        Some(name) => Err(Error::usage(
            OPERATION,
            format!("\"{}\"", printable(&redact::urls(name))),
            "there is no migration of this name",
            match like(name, &all.iter().flat_map(|directory| words(directory)).collect::<Vec<_>>())
            {
                Some(meant) => format!("did you mean {}?", printable(meant)),
                None => "cargo xtask status lists the drafts".to_owned(),
            },
        )),
    }
}

/// Decides what the sum says afterwards. There are no objections.
///
/// # Errors
/// Errors can't be recorded any more, a draft that stays one runs before one that is
/// accepted, or a protected target has what was accepted before.
pub fn decide(engine: &Engine<'_>, request: &Request<'_>) -> Result<Accepted, Error> {
    let there = engine.set.sum().unwrap_or_default();
    let path = engine.migrations.path.join(sum::FILE);
    if request.errors == Errors::Recorded && engine.set.sum_file != File::Missing {
        return Err(Error::refused(
            OPERATION,
            redact::path(&path),
            "errors are recorded once, when a directory comes under the gate; this one is",
            "correct them, or allow each with a reason (cargo xtask explain RULE)",
        ));
    }
    let mut accepted = Accepted { sum: Sum::default(), lines: Vec::new(), dropped: Vec::new() };
    let mut left: Option<&Migration> = None;
    for migration in &engine.set.migrations {
        let before = there.line(&migration.directory);
        let acceptance = there.acceptance(migration, engine.migrations.dialect);
        let wanted =
            acceptance != Acceptance::Accepted && is_meant(&migration.directory, request.names);
        match before {
            Some(line) if !wanted => accepted.sum.lines.push(line.clone()),
            None if !wanted => left = left.or(Some(migration)),
            before => {
                if let Some(left) = left {
                    return Err(order(left, migration));
                }
                if let Some(before) = before {
                    refuse_protected(engine, before, "it was edited", request.protected)?;
                }
                let line = line(engine, migration, request.tool);
                accepted.sum.lines.push(line.clone());
                accepted.lines.push(line);
            }
        }
    }
    let present: BTreeSet<&str> =
        engine.set.migrations.iter().map(|one| one.directory.as_str()).collect();
    let gone = there.lines.iter().filter(|line| !present.contains(line.directory.as_str()));
    for line in gone {
        // `objections` has what is frozen.
        let is_frozen = engine.frozen.line(&line.directory).is_some();
        if is_frozen || !is_meant(&line.directory, request.names) {
            accepted.sum.lines.push(line.clone());
        } else {
            refuse_protected(engine, line, "it is gone", request.protected)?;
            accepted.dropped.push(line.directory.clone());
        }
    }
    let version = |line: &Line| (version_of(&line.directory), line.directory.clone());
    accepted.sum.lines.sort_by_cached_key(version);
    Ok(accepted)
}

/// The line that says what a migration is and what the linter says of it.
fn line(engine: &Engine<'_>, migration: &Migration, tool: &str) -> Line {
    let found = || {
        let its = |finding: &&Finding| finding.file.starts_with(&migration.path);
        // That it isn't accepted, or not as it is, is over.
        let past = ["draft", "accept-again"];
        engine.report.findings.iter().filter(its).filter(move |it| !past.contains(&it.rule))
    };
    let errors = found().filter(|finding| finding.severity == Severity::Error).count();
    let allowed = engine
        .report
        .allowed
        .iter()
        .filter(|allowed| allowed.migration.as_deref() == Some(migration.directory.as_str()))
        .map(|allowed| Allow { rule: allowed.rule.to_owned(), reason: allowed.reason.clone() })
        .collect();
    Line {
        directory: migration.directory.clone(),
        digests: Digests::of(migration, engine.migrations.dialect),
        verdict: Verdict { errors, warnings: found().count() - errors },
        allowed,
        tested: None,
        tool: tool.to_owned(),
        span: 0..0,
    }
}

fn order(left: &Migration, meant: &Migration) -> Error {
    Error::refused(
        OPERATION,
        redact::path(&meant.path),
        format!("{} is a draft and runs before it", left.printable_name()),
        "accept that one too, or remove it",
    )
}

/// What a protected database has was accepted for good.
fn refuse_protected(
    engine: &Engine<'_>,
    line: &Line,
    what: &str,
    protected: &[Protected],
) -> Result<(), Error> {
    let version = version_of(&line.directory);
    let has =
        |one: &&Protected| one.version == version && one.fingerprint == line.digests.fingerprint;
    match protected.iter().find(has) {
        None => Ok(()),
        Some(protected) => Err(Error::refused(
            OPERATION,
            redact::path(&engine.migrations.path.join(&line.directory)),
            format!(
                "{what}, but is frozen: {} has it as it was accepted",
                printable(&protected.target)
            ),
            "put it back as it was (git log -p shows it), and write a new migration: cargo xtask new NAME",
        )),
    }
}

/// Writes the sums that say something new: all of them, or none.
///
/// # Errors
/// One can't be written; what was there is as it was.
pub fn carry_out(root: &Path, engines: &[Engine<'_>], decided: &[Accepted]) -> Result<(), Error> {
    let changed = engines
        .iter()
        .zip(decided)
        .filter(|(_, accepted)| !accepted.lines.is_empty() || !accepted.dropped.is_empty());
    let files: Vec<_> = changed
        .map(|(engine, accepted)| {
            (root.join(&engine.migrations.path).join(sum::FILE), accepted.sum.to_string())
        })
        .collect();
    files::write(&files)
}
