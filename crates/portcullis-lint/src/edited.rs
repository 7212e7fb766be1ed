//! How a frozen migration differs from what was accepted: what three rules say.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use portcullis_model::migration::Migration;
use portcullis_model::redact;
use portcullis_model::sum::Change;
use similar::TextDiff;

use crate::input::{DOWN, METADATA, UP};
use crate::{Base, Findings, Input, Standing};

/// Longer diffs are read with git.
const LONGEST_DIFF: usize = 60;

/// Beyond this many bytes it takes too long to compare.
const LARGEST_FILE: usize = 1 << 20;

/// A file that isn't what was accepted.
struct Edit<'a> {
    name: &'static str,
    /// None if it wasn't there.
    old: Option<&'a [u8]>,
    /// None if it isn't there, or can't be read.
    now: Option<&'a [u8]>,
}

/// Reports every frozen migration of which this changed. `message` gets the files' names.
pub(crate) fn report(
    input: &Input<'_>,
    findings: &mut Findings,
    kind: Change,
    message: fn(&str) -> String,
) {
    let Some(base) = &input.context.base else { return };
    for (migration, _) in
        input.standings().filter(|(_, standing)| *standing == Standing::Frozen(kind))
    {
        let edits = edits(migration, base, kind);
        let names: Vec<&str> = edits.iter().map(|edit| edit.name).collect();
        let subject =
            if names.is_empty() { "the migration".to_owned() } else { names.join(" and ") };
        let (file, span) = place(migration, &edits);
        let help = help(migration, &edits, base, kind);
        match span {
            Some(span) => findings.at(file, span, message(&subject), help),
            None => findings.on(file, message(&subject), help),
        }
        let diff: String = edits.iter().map(|edit| edit.diff(migration)).collect();
        if kind > Change::LineEndings && !diff.is_empty() {
            findings.with_diff(diff);
        }
    }
}

/// The files that differ; none if what was accepted isn't known.
fn edits<'a>(migration: &'a Migration, base: &'a Base, kind: Change) -> Vec<Edit<'a>> {
    let files =
        [(UP, &migration.up), (DOWN, &migration.down), (METADATA, &migration.metadata_file)];
    let edits = files.map(|(name, file)| {
        let old = base.old.get(&migration.path.join(name)).map(Vec::as_slice);
        Edit { name, old, now: file.bytes() }
    });
    if edits.iter().all(|edit| edit.old.is_none()) {
        return Vec::new();
    }
    // Where more changed, how lines end is beside the point.
    let differs = |edit: &Edit<'_>| match kind {
        Change::Nothing | Change::LineEndings => edit.old != edit.now,
        Change::Comments | Change::Sql => edit.old.map(text) != edit.now.map(text),
    };
    edits.into_iter().filter(differs).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace("\r\n", "\n")
}

impl Edit<'_> {
    /// The line where the difference begins, without its end; none if there is no such
    /// line now.
    fn first_line(&self) -> Option<Range<usize>> {
        let now = self.now?;
        let mut old = self.old.unwrap_or_default().split(|byte| *byte == b'\n');
        let mut start = 0;
        for line in now.split(|byte| *byte == b'\n') {
            let bare = line.strip_suffix(b"\r").unwrap_or(line);
            if old.next().map(|old| old.strip_suffix(b"\r").unwrap_or(old)) != Some(bare) {
                return (!bare.is_empty()).then_some(start..start + bare.len());
            }
            start += line.len() + 1;
        }
        None
    }

    fn diff(&self, migration: &Migration) -> String {
        let [old, now] = [self.old, self.now].map(Option::unwrap_or_default);
        if old.len().max(now.len()) > LARGEST_FILE {
            return String::new();
        }
        let (old, now) = (text(old), text(now));
        let path = redact::path(&migration.path.join(self.name));
        let diff = TextDiff::configure().timeout(Duration::from_secs(1)).diff_lines(&*old, &*now);
        let diff = diff
            .unified_diff()
            .header(&format!("{path} (accepted)"), &format!("{path} (now)"))
            .to_string();
        let mut lines: Vec<&str> = diff.lines().collect();
        let left_out = lines.len().saturating_sub(LONGEST_DIFF);
        lines.truncate(LONGEST_DIFF);
        let mut diff = redact::urls(&lines.join("\n")).into_owned() + "\n";
        if left_out > 0 {
            diff += &format!("({left_out} more lines)\n");
        }
        diff
    }
}

fn place(migration: &Migration, edits: &[Edit<'_>]) -> (PathBuf, Option<Range<usize>>) {
    match edits.first() {
        Some(edit) => (migration.path.join(edit.name), edit.first_line()),
        None => (migration.path.clone(), None),
    }
}

fn help(migration: &Migration, edits: &[Edit<'_>], base: &Base, kind: Change) -> String {
    let path = match edits {
        [one] => migration.path.join(one.name),
        _ => migration.path.clone(),
    };
    let back = match edits {
        [Edit { name, old: None, .. }] => format!("rm {}", pasted(&migration.path.join(name))),
        _ => checkout(base, &path),
    };
    match kind {
        Change::Sql => format!("{back}; cargo xtask new NAME for the change"),
        Change::Comments => format!("{back}; say it elsewhere"),
        Change::LineEndings | Change::Nothing => {
            format!("{back}; `*.sql text eol=lf` in .gitattributes")
        }
    }
}

/// What puts a file back as the default branch has it, to be pasted.
pub(crate) fn checkout(base: &Base, path: &Path) -> String {
    format!("git checkout {} -- {}", redact::printable(&base.revision), pasted(path))
}

/// A path as a shell takes it.
pub(crate) fn pasted(path: &Path) -> String {
    let path = redact::path(path);
    let is_plain = |c: char| c.is_alphanumeric() || "-_./+@:".contains(c);
    if path.chars().all(is_plain) { path } else { format!("'{}'", path.replace('\'', "'\\''")) }
}
