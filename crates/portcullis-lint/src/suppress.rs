//! Takes the findings away that a comment allows.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::path::Path;

use crate::directive::Directive;
use crate::sources::{Sources, Walk};
use crate::{Allowed, Finding};

/// A rule of a directive: both by index.
pub(crate) type Named = (usize, usize);

/// The findings that nothing allows, and what allowed the others.
pub(crate) fn suppress(
    mut findings: Vec<Finding>,
    directives: &[Directive],
) -> (Vec<Finding>, BTreeSet<Named>) {
    let mut used = BTreeSet::new();
    if !directives.is_empty() {
        let files = by_file(directives);
        findings.retain(|finding| {
            let named = allowing(finding, directives, &files);
            used.extend(named);
            named.is_none()
        });
    }
    (findings, used)
}

/// Where the directives of each file stand among all: a file's are together and in order.
fn by_file(directives: &[Directive]) -> HashMap<&Path, Range<usize>> {
    let mut files: HashMap<&Path, Range<usize>> = HashMap::new();
    for (index, directive) in directives.iter().enumerate() {
        files.entry(&directive.file).or_insert(index..index).end = index + 1;
    }
    files
}

/// What allows a finding: of several the nearest above it.
fn allowing(
    finding: &Finding,
    directives: &[Directive],
    files: &HashMap<&Path, Range<usize>>,
) -> Option<Named> {
    let (from, candidates) = match &finding.span {
        Some(span) => {
            let from = files.get(finding.file.as_path())?.clone();
            covering(&directives[from.clone()], span).map(|found| (from.start, found))?
        }
        None => (0, 0..directives.len()),
    };
    candidates.map(|index| from + index).rev().find_map(|index| {
        let directive = &directives[index];
        let rule = directive.rules.iter().position(|(rule, _)| rule.id == finding.rule)?;
        (finding.span.is_some() || covers_whole(directive, finding)).then_some((index, rule))
    })
}

/// Which directives of a file hold at these bytes: they begin one after the other, and end
/// so.
fn covering(directives: &[Directive], span: &Range<usize>) -> Option<Range<usize>> {
    let begun = directives.partition_point(|directive| directive.covers.start <= span.start);
    let ended = directives.partition_point(|directive| directive.covers.end < span.end);
    (ended < begun).then_some(ended..begun)
}

/// Whether a directive holds for something about a whole file or migration.
fn covers_whole(directive: &Directive, finding: &Finding) -> bool {
    let migration = directive.migration.as_ref();
    directive.covers_whole && migration.is_some_and(|(path, _)| finding.file.starts_with(path))
}

/// What was used, for the record.
pub(crate) fn allowed(
    used: &BTreeSet<Named>,
    directives: &[Directive],
    sources: &Sources<'_>,
) -> Vec<Allowed> {
    let mut allowed = Vec::with_capacity(used.len());
    // One file after the other, each from its beginning to its end.
    let mut walk: Option<(&Path, Walk<'_>)> = None;
    for (index, rule) in used {
        let directive = &directives[*index];
        let file = directive.file.as_path();
        let begin = || (file, Walk::new(sources.bytes(file).unwrap_or_default()));
        let (_, walk) = match &mut walk {
            Some(begun) if begun.0 == file => begun,
            other => other.insert(begin()),
        };
        allowed.push(Allowed {
            migration: directive.migration.as_ref().map(|(_, name)| name.clone()),
            rule: directive.rules[*rule].0.id,
            reason: directive.reason.clone(),
            file: directive.file.clone(),
            position: walk.to(directive.span.start),
        });
    }
    allowed
}
