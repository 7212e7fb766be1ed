use crate::rule::example::{DOWN, GOOD, UP};
use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity};

/// What `diesel migration generate` writes into new files.
const TEMPLATES: [&str; 2] = ["Your SQL goes here", "This file should undo anything in `up.sql`"];

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Error,
    allow: Allow::Never,
    summary: "The comment that `diesel migration generate` writes is still there.",
    why: "It says that the file isn't written yet. In a `down.sql` the comment alone \
          \"reverts\" successfully and undoes nothing.",
    instead: "Replace the comment with statements, and with why they are needed.",
    bad: &[
        (UP, b"-- Your SQL goes here\nCREATE TABLE users (id INTEGER);\n"),
        (DOWN, b"-- This file should undo anything in `up.sql`\nDROP TABLE users;\n"),
    ],
    good: GOOD,
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    for file in input.sql() {
        for (start, comment) in file.comments() {
            if TEMPLATES.iter().any(|template| comment.contains(template)) {
                findings.at(
                    file.path(),
                    start..start + comment.len(),
                    "this is Diesel's template: it says that the file isn't written yet",
                    "replace it with statements; if they are there, delete it",
                );
            }
        }
    }
}
