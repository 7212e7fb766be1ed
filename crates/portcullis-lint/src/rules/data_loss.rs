use std::ops::Range;

use portcullis_model::sql::{Dialect, Statement};

use crate::input::{self, head};
use crate::rule::example::{DOWN, GOOD, UP};
use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Error,
    allow: Allow::WithReason,
    summary: "On PostgreSQL, a migration throws rows away: `DROP TABLE`, `DROP SCHEMA`, \
              `DROP COLUMN`, `TRUNCATE`, or `DELETE` without `WHERE`.",
    why: "After the commit only the backup has them, and the old version of the application, \
          which still runs while the new one is rolled out, asks for them.",
    instead: "Release an application that doesn't use them first. Then say so: the reason stands \
              beside the statement, and whoever reviews it reads it.",
    bad: &[(UP, b"DROP TABLE users;\n"), (DOWN, b"SELECT 1;\n")],
    good: GOOD,
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    if input.dialect != Dialect::Postgres {
        return;
    }
    // A down that throws away what its up has made is what it is for.
    for (file, statement) in input.statements().filter(|(file, _)| file.name == input::UP) {
        if let Some((what, span)) = loses(statement) {
            findings.at(
                file.path(),
                span,
                format!("{what}: after the commit only the backup has its rows"),
                "release an application that doesn't need them first, then allow it with the reason",
            );
        }
    }
}

fn loses(statement: &Statement<'_>) -> Option<(&'static str, Range<usize>)> {
    let begins = |words: &[&str]| statement.has_keywords(0, words);
    let has = |words: &[&str]| (1..statement.len()).any(|at| statement.has_keywords(at, words));
    let what = if begins(&["drop", "table"]) {
        "`DROP TABLE`"
    } else if begins(&["drop", "schema"]) {
        "`DROP SCHEMA`"
    } else if begins(&["truncate"]) {
        "`TRUNCATE`"
    } else if begins(&["delete"]) && !has(&["where"]) {
        "`DELETE` without `WHERE`"
    } else if begins(&["alter", "table"]) && has(&["drop", "column"]) {
        "`DROP COLUMN`"
    } else {
        return None;
    };
    Some((what, head(statement)))
}
