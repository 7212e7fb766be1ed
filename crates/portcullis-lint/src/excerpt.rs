//! The line that a finding is drawn in.

use std::ops::Range;

use portcullis_model::redact;

/// A line of this many bytes is data: it is not drawn.
const LONGEST_LINE: usize = 2_000;

/// A line, and what of it is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Excerpt {
    pub(crate) line: String,
    pub(crate) meant: Range<usize>,
}

impl Excerpt {
    /// The line that a span begins in, and what of the span is in it; none if the line is
    /// too long, isn't UTF-8, or holds a password. Looks at that line only: there may be many findings in a
    /// large file.
    pub(crate) fn new(bytes: &[u8], span: &Range<usize>) -> Option<Self> {
        let is_newline = |byte: &u8| *byte == b'\n';
        let window =
            span.start.saturating_sub(LONGEST_LINE)..(span.start + LONGEST_LINE).min(bytes.len());
        let before = bytes.get(window.start..span.start)?;
        let after = bytes.get(span.start..window.end)?;
        let start = match before.iter().rposition(is_newline) {
            Some(newline) => window.start + newline + 1,
            None => window.start,
        };
        let end =
            after.iter().position(is_newline).map_or(window.end, |length| span.start + length);
        if end - start >= LONGEST_LINE {
            return None;
        }
        let line = std::str::from_utf8(&bytes[start..end]).ok()?;
        let meant = span.start - start..span.end.clamp(span.start, end) - start;
        line.get(meant.clone())?;
        // A line with a password in it is named, not shown.
        if redact::urls(line) != line {
            return None;
        }
        Some(Self { line: line.to_owned(), meant })
    }
}
