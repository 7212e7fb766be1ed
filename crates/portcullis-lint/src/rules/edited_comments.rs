use portcullis_model::sum::Change;

use crate::rule::example::{CREATE, DOWN, FROZEN, MAIN_CREATE, MAIN_DROP, MAIN_SUM, SUM};
use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity, edited};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Error,
    allow: Allow::Never,
    summary: "Comments or blanks of a migration that is final were changed.",
    why: "It runs the same statements, but it isn't what was accepted: its fingerprint differs \
          from the one in every database that has applied it, and none of them can tell that \
          only a comment changed.",
    instead: "Put the file back. What is to be said about it finds a place elsewhere.",
    bad: &[
        MAIN_SUM,
        MAIN_CREATE,
        MAIN_DROP,
        SUM,
        CREATE,
        (DOWN, b"-- The users are gone for good.\nDROP TABLE users;\n"),
    ],
    good: FROZEN,
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    edited::report(input, findings, Change::Comments, |what| {
        format!("comments or blanks of {what} changed, and what was accepted is final")
    });
}
