//! Findings for people: each with a picture of the place.

use std::collections::BTreeSet;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use portcullis_model::migration::MigrationSet;
use portcullis_model::redact;

use crate::sources::Sources;
use crate::{Finding, Severity};

/// A line of this many bytes is data: it is not drawn.
const LONGEST_LINE: usize = 2_000;

/// The findings as rustc would draw them, and a line that counts them. Empty if there
/// are none. `set` is what they were found in.
pub fn human(findings: &[Finding], set: &MigrationSet, colour: bool) -> String {
    if findings.is_empty() {
        return String::new();
    }
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let sources = Sources::new(set);
    let mut out = String::new();
    for finding in findings {
        out += &renderer.render(&[group(finding, sources.bytes(&finding.file))]);
        out += "\n\n";
    }
    out + &summary(findings) + "\n"
}

fn group<'a>(finding: &'a Finding, bytes: Option<&'a [u8]>) -> Group<'a> {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(&finding.message).id(finding.rule);
    let path = redact::path(&finding.file);
    let drawn = finding.span.as_ref().zip(bytes).and_then(|(span, bytes)| excerpt(bytes, span));
    let group = match (drawn, finding.position) {
        (Some((line, span)), Some(position)) => title.element(
            Snippet::source(line)
                .line_start(position.line)
                .path(path)
                .annotation(AnnotationKind::Primary.span(span)),
        ),
        (_, Some(position)) => {
            title.element(Origin::path(path).line(position.line).char_column(position.column))
        }
        (_, None) => title.element(Origin::path(path)),
    };
    group.element(Level::HELP.message(&finding.help))
}

/// The line that a span begins in, and what of the span is in it; none if the line is
/// too long or isn't UTF-8. Looks at that line only: there may be many findings in a
/// large file.
fn excerpt<'a>(bytes: &'a [u8], span: &Range<usize>) -> Option<(&'a str, Range<usize>)> {
    let is_newline = |byte: &u8| *byte == b'\n';
    let window =
        span.start.saturating_sub(LONGEST_LINE)..(span.start + LONGEST_LINE).min(bytes.len());
    let before = bytes.get(window.start..span.start)?;
    let after = bytes.get(span.start..window.end)?;
    let start = match before.iter().rposition(is_newline) {
        Some(newline) => window.start + newline + 1,
        None => window.start,
    };
    let end = after.iter().position(is_newline).map_or(window.end, |length| span.start + length);
    if end - start >= LONGEST_LINE {
        return None;
    }
    let line = std::str::from_utf8(&bytes[start..end]).ok()?;
    let drawn = span.start - start..span.end.clamp(span.start, end) - start;
    line.get(drawn.clone()).map(|_| (line, drawn))
}

/// "2 errors, 1 warning in 3 files"
fn summary(findings: &[Finding]) -> String {
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let counted = [Severity::Error, Severity::Warning]
        .map(|severity| (count(severity), severity.name()))
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, noun)| plural(count, noun))
        .collect::<Vec<_>>()
        .join(", ");
    let files: BTreeSet<_> = findings.iter().map(|finding| &finding.file).collect();
    format!("{counted} in {}", plural(files.len(), "file"))
}

fn plural(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
