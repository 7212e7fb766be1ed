use portcullis_model::migration::Metadata;
use portcullis_model::sql::Dialect;

use crate::input::head;
use crate::rule::example::{DOWN, METADATA, UP};
use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Error,
    allow: Allow::WithReason,
    summary: "A file has several statements and runs without a transaction.",
    why: "With Diesel on SQLite, if the second statement fails, the first has happened, and the \
          migration can neither be repeated nor reverted. PostgreSQL runs several statements \
          that are sent at once in a transaction all the same, and there `CREATE INDEX \
          CONCURRENTLY` fails.",
    instead: "Put one statement into each migration that runs without a transaction.",
    bad: &[
        (UP, b"CREATE TABLE users (id INTEGER);\nCREATE TABLE posts (id INTEGER);\n"),
        (DOWN, b"DROP TABLE users;\n"),
        (METADATA, b"run_in_transaction = false\n"),
    ],
    good: &[
        (UP, b"VACUUM;\n"),
        (DOWN, b"-- There is nothing to undo.\nSELECT 1;\n"),
        (METADATA, b"run_in_transaction = false\n"),
    ],
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    for file in input.sql() {
        // Where the key is missing, that is what has to be put right first.
        if file.migration.metadata != Metadata::Explicit(false) {
            continue;
        }
        let Some(second) = file.statements.get(1) else { continue };
        let harm = match input.dialect {
            Dialect::Sqlite => {
                "run without a transaction: if this one fails, the first has happened"
            }
            Dialect::Postgres => {
                "are sent at once: PostgreSQL runs them in a transaction all the same"
            }
        };
        findings.at(
            file.path(),
            head(second),
            format!("{} statements {harm}", file.statements.len()),
            "keep one statement here, and give each other one a migration of its own",
        );
    }
}
