use portcullis_model::sql::Dialect;

use crate::pragma::Pragma;
use crate::rule::example::{DROP, GOOD, UP};
use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Warning,
    allow: Allow::WithReason,
    summary: "`PRAGMA foreign_keys` is set in a migration that runs in a transaction.",
    why: "In a transaction SQLite takes the pragma and does nothing. Whoever relies on it \
          drops a table with foreign keys still on, and `ON DELETE CASCADE` deletes the rows \
          that point at it.",
    instead: "Delete the pragma. Portcullis sees that a table is rebuilt, switches foreign keys \
              off before the transaction, and checks them before the commit.",
    bad: &[(UP, b"PRAGMA foreign_keys = OFF;\nCREATE TABLE users (id INTEGER);\n"), DROP],
    good: GOOD,
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    if input.dialect != Dialect::Sqlite {
        return;
    }
    let in_transaction =
        input.statements().filter(|(file, _)| file.migration.metadata.run_in_transaction());
    for (file, statement) in in_transaction {
        if Pragma::of(statement).is_some_and(|pragma| pragma.sets("foreign_keys")) {
            findings.at(
                file.path(),
                statement.span(),
                "`PRAGMA foreign_keys` does nothing in a transaction",
                "delete it: Portcullis switches foreign keys off itself around a rebuild",
            );
        }
    }
}
