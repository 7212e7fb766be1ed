use portcullis_model::sql::{Dialect, Statement};

use crate::pragma::Pragma;
use crate::rule::example::{DOWN, METADATA, UP};
use crate::rule::{Rule, id};
use crate::{Findings, Input, Severity};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Error,
    summary: "A statement that SQLite refuses in a transaction is in a migration that runs in one.",
    why: "`VACUUM`, `PRAGMA synchronous` and `PRAGMA journal_mode` from or to WAL fail in a \
          transaction, and the migration with them.",
    instead: "Put the statement, alone, into a migration with `run_in_transaction = false` in \
              its `metadata.toml`.",
    bad: &[(UP, b"PRAGMA journal_mode = WAL;\n"), (DOWN, b"PRAGMA journal_mode = DELETE;\n")],
    good: &[
        (UP, b"PRAGMA journal_mode = WAL;\n"),
        (DOWN, b"PRAGMA journal_mode = DELETE;\n"),
        (METADATA, b"run_in_transaction = false\n"),
    ],
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    if input.dialect != Dialect::Sqlite {
        return;
    }
    let in_transaction =
        input.statements().filter(|(file, _)| file.migration.metadata.run_in_transaction());
    for (file, statement) in in_transaction {
        if let Some(what) = refused(statement) {
            findings.at(
                file.path(),
                statement.span(),
                format!("SQLite refuses `{what}` in a transaction, and this migration runs in one"),
                "move it into a migration of its own, with `run_in_transaction = false` in metadata.toml",
            );
        }
    }
}

/// What the statement is, if SQLite refuses it.
fn refused(statement: &Statement<'_>) -> Option<String> {
    if statement.has_keywords(0, &["vacuum"]) {
        return Some("VACUUM".to_owned());
    }
    // The dangerous ones have a rule of their own, and should be nowhere.
    let pragma = Pragma::of(statement).filter(|pragma| !pragma.is_dangerous())?;
    (pragma.sets("journal_mode") || pragma.sets("synchronous"))
        .then(|| format!("PRAGMA {}", pragma.name))
}
