use std::ops::Range;

use portcullis_model::sql::{Dialect, Statement, Token, fold};

use crate::input::head;
use crate::rule::example::{DOWN, GOOD, UP};
use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity};

const FUNCTION: &str = "load_extension";

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Error,
    allow: Allow::WithReason,
    summary: "A statement reaches beyond the database: `ATTACH`, `DETACH` or `load_extension()`.",
    why: "The backup that is made before a run has nothing of an attached file, and the file is \
          another one on every machine. An extension is code from outside, in the process that \
          migrates.",
    instead: "Let a migration depend on its own database only; move data between databases \
              with a program.",
    bad: &[
        (UP, b"ATTACH DATABASE 'old.db' AS old;\nINSERT INTO users SELECT * FROM old.users;\n"),
        (DOWN, b"DELETE FROM users;\n"),
    ],
    good: GOOD,
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    if input.dialect != Dialect::Sqlite {
        return;
    }
    for (file, statement) in input.statements() {
        if let Some((what, span)) = beyond(statement) {
            findings.at(
                file.path(),
                span,
                format!("{what}: the backup before the run doesn't cover it"),
                "let the migration use its own database only",
            );
        }
    }
}

fn beyond(statement: &Statement<'_>) -> Option<(&'static str, Range<usize>)> {
    if statement.has_keywords(0, &["attach"]) {
        return Some(("`ATTACH` brings in another file", head(statement)));
    }
    if statement.has_keywords(0, &["detach"]) {
        return Some(("`DETACH` lets go of another file", head(statement)));
    }
    let called = |(index, token): &(usize, &Token)| {
        // With quotes or without.
        [FUNCTION.len(), FUNCTION.len() + 2].contains(&token.span.len())
            && fold(statement.word(*index)) == FUNCTION
            && statement.word(index + 1) == "("
    };
    let (_, token) = statement.tokens().iter().enumerate().find(called)?;
    Some(("`load_extension()` runs code from outside", token.span.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::fired;

    #[test]
    fn calls_are_found_and_columns_are_not() {
        let up = b"SELECT load_extension FROM a;\nSELECT 1, \"Load_Extension\" ('x');\ndetach b;";
        let found = fired(&[(UP, up), (DOWN, b"SELECT 1")]);
        assert_eq!(found, [(RULE.id, Some((2, 11))), (RULE.id, Some((3, 1)))]);
    }
}
