//! `accept`: lists drafts in `migrations.sum`, with what the linter said of them.

use std::collections::BTreeSet;
use std::path::Path;

use portcullis_lint::{Finding, Report, Severity};
use portcullis_model::config::{Migrations, like};
use portcullis_model::digest::Digest;
use portcullis_model::migration::{File, Migration, MigrationSet, name_of, version_of};
use portcullis_model::redact::{self, printable};
use portcullis_model::sum::{self, Acceptance, Allow, Digests, Line, Sum, Verdict};

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
        let mut drafts = engine.set.migrations.iter().filter(|one| !is_meant(one, request.names));
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
            request.errors == Errors::Refused
                || is_about_history(finding.rule)
                || finding.rule == "duplicate-version"
        })
        .collect()
}

/// What no reason excuses.
fn is_about_history(rule: &str) -> bool {
    ["sum-malformed", "sum-line-missing", "accepted-missing", "draft-out-of-order"].contains(&rule)
}

fn is_meant(migration: &Migration, names: &[String]) -> bool {
    let is_its = |name: &String| {
        [&*migration.version, &*migration.directory, name_of(&migration.directory)]
            .contains(&name.as_str())
    };
    names.is_empty() || names.iter().any(is_its)
}

/// Names that no engine has a migration for are refused.
///
/// # Errors
/// The first of them, with what it may have meant.
pub fn check_names(engines: &[Engine<'_>], names: &[String]) -> Result<(), Error> {
    let all: Vec<&Migration> = engines.iter().flat_map(|engine| &engine.set.migrations).collect();
    let known: Vec<&str> = all
        .iter()
        .flat_map(|one| [&*one.version, &*one.directory, name_of(&one.directory)])
        .collect();
    match names.iter().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(Error::usage(
            OPERATION,
            format!("\"{}\"", printable(&redact::urls(name))),
            "there is no migration of this name",
            match like(name, &known) {
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
        let wanted = acceptance != Acceptance::Accepted && is_meant(migration, request.names);
        match before {
            Some(line) if !wanted => accepted.sum.lines.push(line.clone()),
            None if !wanted => left = left.or(Some(migration)),
            before => {
                if let Some(left) = left {
                    return Err(order(left, migration));
                }
                if let Some(before) = before {
                    refuse_protected(migration, before, request.protected)?;
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
        match engine.frozen.line(&line.directory) {
            // `objections` has it.
            Some(_) => accepted.sum.lines.push(line.clone()),
            None => accepted.dropped.push(line.directory.clone()),
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
    migration: &Migration,
    before: &Line,
    protected: &[Protected],
) -> Result<(), Error> {
    let has = |one: &&Protected| {
        one.version == migration.version && one.fingerprint == before.digests.fingerprint
    };
    match protected.iter().find(has) {
        None => Ok(()),
        Some(protected) => Err(Error::refused(
            OPERATION,
            redact::path(&migration.path),
            format!(
                "it was edited, but is frozen: {} has it as it was accepted",
                printable(&protected.target)
            ),
            "put it back as it was (git log -p shows it), and write a new migration: cargo xtask new NAME",
        )),
    }
}

/// Writes the sum, if it says something new.
///
/// # Errors
/// It can't be written; what was there is as it was.
pub fn carry_out(root: &Path, engine: &Engine<'_>, accepted: &Accepted) -> Result<(), Error> {
    if accepted.lines.is_empty() && accepted.dropped.is_empty() {
        return Ok(());
    }
    let path = root.join(&engine.migrations.path).join(sum::FILE);
    files::write(&path, &accepted.sum.to_string())
}
