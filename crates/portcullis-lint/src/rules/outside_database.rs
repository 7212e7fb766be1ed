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
    summary: "A statement reaches beyond the database: SQLite's `ATTACH`, `DETACH` and \
              `load_extension()`; PostgreSQL's roles, databases, tablespaces, subscriptions, \
              `ALTER SYSTEM`, `LOAD`, and `COPY` from or to a program, a file or the client.",
    why: "The backup that is made before a run has nothing of an attached file, of a role or of \
          the server's configuration, and no rollback of the run takes them back. A program or an \
          extension is code from outside. `COPY … FROM STDIN` waits for rows that nobody sends.",
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
    for (file, statement) in input.statements() {
        let found = match input.dialect {
            Dialect::Sqlite => beyond(statement),
            Dialect::Postgres => beyond_the_server(statement),
        };
        if let Some((what, span)) = found {
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

/// What belongs to the whole server, or leaves it.
fn beyond_the_server(statement: &Statement<'_>) -> Option<(&'static str, Range<usize>)> {
    const MADE: [(&str, &str); 6] = [
        ("role", "a role belongs to the whole server"),
        ("user", "a role belongs to the whole server"),
        ("group", "a role belongs to the whole server"),
        ("database", "a database is beside this one"),
        ("tablespace", "a tablespace belongs to the whole server"),
        ("subscription", "a subscription connects to another server"),
    ];
    let verb = ["create", "alter", "drop"].iter().any(|word| statement.has_keywords(0, &[word]));
    // That one is this database's own.
    let is_mapping = statement.has_keywords(1, &["user", "mapping"]);
    if verb
        && !is_mapping
        && let Some((_, what)) = MADE.iter().find(|(kind, _)| statement.has_keywords(1, &[kind]))
    {
        return Some((what, head(statement)));
    }
    if statement.has_keywords(0, &["alter", "system"]) {
        return Some(("`ALTER SYSTEM` configures the whole server", head(statement)));
    }
    if statement.has_keywords(0, &["load"]) {
        return Some(("`LOAD` runs code from outside", head(statement)));
    }
    if !statement.has_keywords(0, &["copy"]) {
        return None;
    }
    // Behind FROM or TO comes what isn't a table: a word, or a file's name.
    let outside = (1..statement.len()).any(|at| {
        let is_way = statement.has_keywords(at, &["from"]) || statement.has_keywords(at, &["to"]);
        let next = statement.word(at + 1);
        let word =
            ["program", "stdin", "stdout"].iter().any(|word| next.eq_ignore_ascii_case(word));
        is_way && (word || next.starts_with('\'') || next.starts_with('$'))
    });
    outside.then(|| ("`COPY` reads or writes outside of the database", head(statement)))
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
