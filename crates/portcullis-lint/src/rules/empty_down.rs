use crate::input::DOWN as NAME;
use crate::rule::example::{CREATE, DOWN, GOOD};
use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Error,
    allow: Allow::WithReason,
    summary: "A `down.sql` has no statement.",
    why: "Diesel runs a file of comments successfully: the migration counts as reverted, its \
          tables are still there, and the next run of `up.sql` fails on them. At a file of \
          zero bytes it stops with an error.",
    instead: "Write the statements that undo `up.sql`, last one first. If there is nothing to \
              undo, write `SELECT 1;` and say in a comment why: then it is a decision.",
    bad: &[CREATE, (DOWN, b"-- Nothing yet.\n")],
    good: GOOD,
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    for file in input.sql().iter().filter(|file| file.name == NAME && file.statements.is_empty()) {
        let message = match file.text {
            "" => "the file has zero bytes: Diesel stops here with an error",
            _ => "there is no statement: reverting succeeds and undoes nothing",
        };
        let help = "undo what up.sql does; if there is nothing to undo, write `SELECT 1;` and why";
        match file.tokens.first() {
            Some(token) => findings.at(file.path(), token.span.clone(), message, help),
            None => findings.on(file.path(), message, help),
        }
    }
}
