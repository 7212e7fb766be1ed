use std::collections::BTreeSet;
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
    summary: "On PostgreSQL, a column of a table that is there is made `NOT NULL`: by `SET NOT \
              NULL`, or by `ADD COLUMN … NOT NULL` without a default.",
    why: "It fails on the first row that has none, and real data has one. Until it has read the \
          whole table nobody else reads or writes it. The old version of the application, which \
          still runs, may write rows without a value.",
    instead: "Fill the rows, add `CHECK (column IS NOT NULL) NOT VALID`, and in a later migration \
              `VALIDATE CONSTRAINT`, which keeps nobody out; after that `SET NOT NULL` reads \
              nothing and may be allowed with this reason. Give a new column a `DEFAULT`.",
    bad: &[
        (UP, b"ALTER TABLE users ALTER COLUMN name SET NOT NULL;\n"),
        (DOWN, b"ALTER TABLE users ALTER COLUMN name DROP NOT NULL;\n"),
    ],
    good: GOOD,
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    if input.dialect != Dialect::Postgres {
        return;
    }
    let mut made = BTreeSet::new();
    for (file, statement) in input.statements().filter(|(file, _)| file.name == input::UP) {
        if let Some(table) = created(statement) {
            made.insert((file.path().to_owned(), table));
            continue;
        }
        let Some((table, at)) = altered(statement) else { continue };
        // No row of it is older than this migration.
        if made.contains(&(file.path().to_owned(), table)) {
            continue;
        }
        if let Some((what, span)) = demands(statement, at) {
            findings.at(
                file.path(),
                span,
                format!("{what} fails on a row without a value, and keeps everybody out while it looks"),
                "fill the rows, add CHECK (… IS NOT NULL) NOT VALID, and validate it in a later migration",
            );
        }
    }
}

/// The table that a statement creates.
fn created(statement: &Statement<'_>) -> Option<String> {
    let at = [
        &["create", "table", "if", "not", "exists"][..],
        &["create", "table"],
        &["create", "unlogged", "table"],
    ]
    .iter()
    .find(|words| statement.has_keywords(0, words))?
    .len();
    statement.name_at(at).map(|(name, _)| name)
}

/// The table that a statement alters, and where its actions begin.
fn altered(statement: &Statement<'_>) -> Option<(String, usize)> {
    if !statement.has_keywords(0, &["alter", "table"]) {
        return None;
    }
    let at = 2 + if statement.has_keywords(2, &["if", "exists"]) { 2 } else { 0 };
    let at = at + usize::from(statement.has_keywords(at, &["only"]));
    statement.name_at(at)
}

/// The action that demands a value of each row.
fn demands(statement: &Statement<'_>, from: usize) -> Option<(&'static str, Range<usize>)> {
    actions(statement, from).into_iter().find_map(|action| {
        let has = |words: &[&str]| action.clone().any(|at| statement.has_keywords(at, words));
        let begins = |words: &[&str]| statement.has_keywords(action.start, words);
        if begins(&["alter"]) && has(&["set", "not", "null"]) {
            return Some(("`SET NOT NULL`", head(statement)));
        }
        let constraint = ["constraint", "check", "unique", "primary", "foreign", "exclude"];
        let is_column = begins(&["add"]) && !constraint.iter().any(|word| begins(&["add", word]));
        let filled = ["default", "generated", "serial", "bigserial", "smallserial"];
        (is_column && has(&["not", "null"]) && !filled.iter().any(|word| has(&[word])))
            .then(|| ("`ADD COLUMN … NOT NULL` without a default", head(statement)))
    })
}

/// The actions of `ALTER TABLE`, which commas separate, as ranges of words.
fn actions(statement: &Statement<'_>, from: usize) -> Vec<Range<usize>> {
    let (mut actions, mut start, mut depth) = (Vec::new(), from, 0_usize);
    for at in from..statement.len() {
        match statement.word(at) {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            "," if depth == 0 => {
                actions.push(start..at);
                start = at + 1;
            }
            _ => {}
        }
    }
    actions.push(start..statement.len());
    actions
}
