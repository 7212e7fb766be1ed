use portcullis_model::sql::{Dialect, Statement};

use crate::input::head;
use crate::rule::example::{CREATE, DOWN, GOOD};
use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Error,
    allow: Allow::Never,
    summary: "A migration begins, ends or splits a transaction itself.",
    why: "Diesel runs the migration in a transaction. `COMMIT` and `ROLLBACK` end that one: \
          what follows can't be rolled back, and on SQLite Diesel's own commit then fails \
          although the migration is recorded. `BEGIN` fails on SQLite and does nothing on \
          PostgreSQL; savepoints get mixed up with those of the caller.",
    instead: "Delete the statement: the migration has a transaction already.",
    bad: &[CREATE, (DOWN, b"BEGIN;\nDROP TABLE users;\nCOMMIT;\n")],
    good: GOOD,
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    for (file, statement) in input.statements() {
        let in_transaction = file.migration.metadata.run_in_transaction();
        // Several statements without a transaction have a rule of their own.
        if !in_transaction && file.statements.len() > 1 {
            continue;
        }
        if let Some(message) = message(statement, input.dialect, in_transaction) {
            findings.at(
                file.path(),
                head(statement),
                message,
                "delete it: who runs the migration decides about transactions",
            );
        }
    }
}

/// The statement's keyword and what it does, if it is about transactions.
fn message(statement: &Statement<'_>, dialect: Dialect, in_transaction: bool) -> Option<String> {
    let keywords = statement.transaction_control()?;
    let harm = match keywords {
        ["begin"] | ["start", ..] => match dialect {
            Dialect::Sqlite => "fails inside the migration's transaction",
            Dialect::Postgres => "does nothing inside the migration's transaction",
        },
        ["commit"] | ["end"] => {
            "ends the migration's transaction: what follows can't be rolled back"
        }
        ["rollback"] | ["abort"] => {
            "undoes what the migration did so far, and what follows runs all the same"
        }
        _ => "gets mixed up with the savepoints of who runs the migration",
    };
    let alone = "stands alone: it leaves a transaction open, or ends one that isn't there";
    let harm = if in_transaction { harm } else { alone };
    Some(format!("`{}` {harm}", keywords.join(" ").to_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::example::METADATA;
    use crate::tests::fired;

    #[test]
    fn only_a_statement_of_its_own_controls_a_transaction() {
        let quiet = b"-- COMMIT;\nSELECT 'COMMIT;', \"commit\", begin FROM a;\n\
            CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT CASE 1 WHEN 1 THEN 2 END; END;\n";
        assert_eq!(fired(&[CREATE, (DOWN, quiet)]), []);
        let loud = b"begin immediate;\n/* c */ END;\nROLLBACK TO a;\nSAVEPOINT a; RELEASE a;";
        let places = [(1, 1), (2, 9), (3, 1), (4, 1), (4, 14)];
        assert_eq!(fired(&[CREATE, (DOWN, loud)]), places.map(|place| (RULE.id, Some(place))));
    }

    #[test]
    fn without_a_transaction_nothing_may_be_left_open() {
        let metadata = (METADATA, b"run_in_transaction = false".as_slice());
        let found = fired(&[CREATE, (DOWN, b"BEGIN"), metadata]);
        assert_eq!(found, [(RULE.id, Some((1, 1)))]);
        let found = fired(&[CREATE, (DOWN, b"BEGIN;\nSELECT 1;\nCOMMIT;"), metadata]);
        assert_eq!(found, [("several-statements-outside-transaction", Some((2, 1)))]);
    }
}
