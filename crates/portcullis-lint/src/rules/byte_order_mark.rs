use portcullis_model::sql::TokenKind;

use crate::input::BYTE_ORDER_MARK;
use crate::rule::example::{DROP, GOOD, UP};
use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Error,
    allow: Allow::Never,
    summary: "A file begins with a byte order mark, or has one between its words.",
    why: "PostgreSQL takes the mark for a part of the word behind it and stops with a syntax \
          error. SQLite skips it in front of a word, so that a file works for one and not for \
          the other, and nobody can see why.",
    instead: "Save the file as UTF-8 without a byte order mark.",
    bad: &[(UP, b"\xef\xbb\xbfCREATE TABLE users (id INTEGER);\n"), DROP],
    good: GOOD,
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    let mark = BYTE_ORDER_MARK.as_bytes();
    for file in input.files() {
        if file.file.bytes().is_some_and(|bytes| bytes.starts_with(mark)) {
            findings.at(
                file.path(),
                0..mark.len(),
                "the file begins with a byte order mark: PostgreSQL refuses its first statement",
                "save it as UTF-8 without a byte order mark",
            );
        }
    }
    for file in input.sql().iter().filter(|file| file.text.contains(BYTE_ORDER_MARK)) {
        for (start, _) in file.text.match_indices(BYTE_ORDER_MARK) {
            // The token that the mark is in, or the one before it.
            let begun = file.tokens.partition_point(|token| token.span.start <= start);
            let is_harmless = file.tokens[..begun]
                .last()
                .is_some_and(|token| token.span.end > start && token.kind != TokenKind::Word);
            if !is_harmless {
                findings.at(
                    file.path(),
                    start..start + mark.len(),
                    "an invisible byte order mark: PostgreSQL takes it for a part of a word",
                    "delete it: it stands where two files were joined",
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::example::{CREATE, DOWN};
    use crate::tests::fired;

    #[test]
    fn a_mark_counts_between_words_and_not_in_a_text() {
        let up: &[u8] = "INSERT INTO a VALUES ('\u{feff}');\n\u{feff}COMMIT;".as_bytes();
        let expected = [(RULE.id, Some((2, 1))), ("transaction-control", Some((2, 2)))];
        assert_eq!(fired(&[(UP, up), DROP]), expected);
        let up = "SELECT a\u{feff}b /* \u{feff} */ AS \"\u{feff}\"; \u{feff}".as_bytes();
        let expected = [9, 28].map(|column| (RULE.id, Some((1, column))));
        assert_eq!(fired(&[(UP, up), DROP]), expected);
        assert_eq!(fired(&[CREATE, (DOWN, b"\xef\xbb\xbf")]), [("byte-order-mark", Some((1, 1)))]);
    }
}
