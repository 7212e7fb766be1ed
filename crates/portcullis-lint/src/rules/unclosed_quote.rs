use portcullis_model::sql::TokenKind;

use crate::rule::example::{DROP, GOOD, UP};
use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Error,
    allow: Allow::Never,
    summary: "A quote or a comment is never closed.",
    why: "It swallows the rest of the file. SQLite runs what stands before an unclosed `/*` and \
          silently skips the rest; everything else that is unclosed is a syntax error.",
    instead: "Close it. A quote inside a quoted text is written twice: `'it''s'`.",
    bad: &[
        (
            UP,
            b"CREATE TABLE users (id INTEGER);\n/* The posts:\nCREATE TABLE posts (id INTEGER);\n",
        ),
        DROP,
    ],
    good: GOOD,
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    for file in input.sql() {
        // What isn't closed runs to the end, so it is the last token.
        let Some(token) = file.tokens.last().filter(|token| !token.closed) else { continue };
        let what = if token.kind == TokenKind::Comment { "comment" } else { "quote" };
        findings.at(
            file.path(),
            token.span.clone(),
            format!("this {what} is never closed: it swallows the rest of the file"),
            format!("close the {what}"),
        );
    }
}
