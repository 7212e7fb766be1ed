use portcullis_model::sum::Change;

use crate::rule::example::{CREATE, DOWN, FROZEN, MAIN_CREATE, MAIN_DROP, MAIN_SUM, SUM};
use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity, edited};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Warning,
    allow: Allow::Never,
    summary: "The line endings of a migration that is final were changed.",
    why: "Its fingerprint is the same, and it runs as before. But a line ending inside a quoted \
          text is stored in the database, and now it is another one.",
    instead: "Put `*.sql text eol=lf` into .gitattributes, and the file back.",
    bad: &[MAIN_SUM, MAIN_CREATE, MAIN_DROP, SUM, CREATE, (DOWN, b"DROP TABLE users;\r\n")],
    good: FROZEN,
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    edited::report(input, findings, Change::LineEndings, |what| {
        format!("the line endings of {what} aren't those that were accepted")
    });
}
