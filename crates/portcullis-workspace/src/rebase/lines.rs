//! The lines of a sum after the rebase: the others', then one's own under their new names.

use std::collections::BTreeSet;

use portcullis_model::migration::{File, Migration, version_of};
use portcullis_model::redact;
use portcullis_model::sum::{self, Digests, Line, Problem, ProblemKind};

use super::own::is_same_name;
use super::{Engine, OPERATION};
use crate::Error;

/// The lines that are written now; of a conflict those of both sides.
///
/// # Errors
/// Something is wrong with the file that no order settles.
pub(super) fn written(engine: &Engine<'_>) -> Result<Vec<Line>, Error> {
    let file = &engine.working.sum_file;
    if *file == File::Missing {
        return Ok(Vec::new());
    }
    let problems = match file.text().map(|text| (text, sum::parse(text))) {
        Some((_, Ok(sum))) => return Ok(sum.lines),
        Some((text, Err(problems))) => match problems.into_iter().find(is_no_conflict) {
            Some(problem) => (text, problem),
            None => return Ok(sum::lines(text).0),
        },
        None => ("", Problem { span: 0..0, kind: ProblemKind::NotText }),
    };
    Err(unreadable(engine, problems.0, &problems.1))
}

/// Whether more is wrong than that git, or somebody, has mixed up two orders.
fn is_no_conflict(problem: &Problem) -> bool {
    use ProblemKind::{ConflictMarker, Duplicate, OutOfOrder};
    !matches!(problem.kind, ConflictMarker | Duplicate(_) | OutOfOrder { .. })
}

fn unreadable(engine: &Engine<'_>, text: &str, problem: &Problem) -> Error {
    let path = redact::path(&engine.migrations.path.join(sum::FILE));
    let before = text.get(..problem.span.start).unwrap_or_default();
    let place = if problem.span.is_empty() {
        path.clone()
    } else {
        format!("{path}:{}", before.matches('\n').count() + 1)
    };
    let next = match problem.kind {
        ProblemKind::Format(_) => problem.kind.help().to_owned(),
        // In the middle of a merge this brings the conflict back.
        _ => format!("put it back (git checkout --merge -- {path}), then cargo xtask rebase"),
    };
    Error::refused(OPERATION, place, problem.kind.message(), next)
}

/// The lines of a migration, with their places: under its name, or under an old one, should
/// a rebase have died before the sum was written.
fn its_lines<'a>(
    engine: &Engine<'_>,
    written: &'a [Line],
    migration: &Migration,
) -> Vec<(usize, &'a Line)> {
    let under = |is_its: &dyn Fn(&str) -> bool| -> Vec<(usize, &Line)> {
        written.iter().enumerate().filter(|(_, line)| is_its(&line.directory)).collect()
    };
    let lines = under(&|directory| directory == migration.directory);
    if !lines.is_empty() {
        return lines;
    }
    let is_there = |directory: &str| {
        engine.others.directories.contains(directory)
            || engine.working.migrations.iter().any(|one| one.directory == directory)
    };
    under(&|directory| is_same_name(directory, &migration.directory) && !is_there(directory))
}

/// Where a migration stands in the sum, if it was accepted, be it as something else.
pub(super) fn place_in(
    engine: &Engine<'_>,
    written: &[Line],
    migration: &Migration,
) -> Option<usize> {
    its_lines(engine, written, migration).first().map(|(place, _)| *place)
}

/// The new lines; and which of one's own have lost theirs.
pub(super) fn lines(
    engine: &Engine<'_>,
    written: &[Line],
    renames: &[(String, String)],
) -> (Vec<Line>, Vec<String>) {
    let others = &engine.others;
    let (there, own): (Vec<&Migration>, Vec<&Migration>) = engine
        .working
        .migrations
        .iter()
        .partition(|migration| others.directories.contains(&migration.directory));
    // What isn't merged yet comes with its line.
    let here: BTreeSet<&str> = there.iter().map(|migration| migration.directory.as_str()).collect();
    let is_here = |directory: &str| {
        here.contains(directory) || written.iter().any(|line| line.directory == directory)
    };
    let mut lines: Vec<Line> =
        others.sum.lines.iter().filter(|line| is_here(&line.directory)).cloned().collect();
    // The others have it as a draft, and it was accepted here.
    for line in written.iter().filter(|line| here.contains(line.directory.as_str())) {
        if !lines.iter().any(|known| known.directory == line.directory) {
            lines.push(line.clone());
        }
    }
    let mut moved: Vec<(&Migration, Migration)> = own
        .into_iter()
        .map(|migration| {
            let new = renames.iter().find(|(old, _)| *old == migration.directory);
            (migration, named(migration, new.map_or(&migration.directory, |(_, new)| new)))
        })
        .collect();
    moved.sort_by_cached_key(|(_, moved)| (moved.version.clone(), moved.directory.clone()));
    let mut drafts = Vec::new();
    let mut after_draft = false;
    for (migration, moved) in moved {
        let its = its_lines(engine, written, migration);
        let is_unchanged = |(_, line): &&(usize, &Line)| {
            named(migration, &line.directory).fingerprint() == line.digests.fingerprint
        };
        match its.iter().find(is_unchanged) {
            // What runs after a draft can't stay accepted.
            Some((_, line)) if !after_draft => {
                let digests = Digests::of(&moved, engine.migrations.dialect);
                lines.push(Line { directory: moved.directory, digests, ..(*line).clone() });
            }
            _ => {
                after_draft = true;
                if !its.is_empty() {
                    drafts.push(moved.directory);
                }
            }
        }
    }
    lines.sort_by_cached_key(|line| (version_of(&line.directory), line.directory.clone()));
    (lines, drafts)
}

/// The migration, were its directory called so.
fn named(migration: &Migration, directory: &str) -> Migration {
    let (directory, version) = (directory.to_owned(), version_of(directory));
    Migration { version, directory, ..migration.clone() }
}
