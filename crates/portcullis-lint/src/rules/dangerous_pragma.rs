use portcullis_model::sql::Dialect;

use crate::pragma::Pragma;
use crate::rule::example::{DOWN, DROP, UP};
use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Error,
    allow: Allow::Never,
    summary: "A pragma takes away what keeps an SQLite database whole.",
    why: "With `journal_mode` OFF or MEMORY, or `synchronous` OFF, a crash can corrupt the \
          file. With `writable_schema`, a typing mistake can. With \
          `ignore_check_constraints`, rows get in that their table forbids. With \
          `query_only` or `hard_heap_limit`, not even the record of the run can be written. \
          Each stays in force for what the connection does next.",
    instead: "Leave these pragmas alone. To change a constraint, rebuild the table: create the \
              new one, copy, drop, rename.",
    bad: &[
        (UP, b"PRAGMA ignore_check_constraints = ON;\nINSERT INTO users (id) VALUES (-1);\n"),
        (DOWN, b"DELETE FROM users WHERE id = -1;\n"),
    ],
    good: &[(UP, b"PRAGMA user_version = 3;\nCREATE TABLE users (id INTEGER);\n"), DROP],
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    if input.dialect != Dialect::Sqlite {
        return;
    }
    for (file, statement) in input.statements() {
        let Some(pragma) = Pragma::of(statement).filter(Pragma::is_dangerous) else { continue };
        let harm = match pragma.name.as_str() {
            "ignore_check_constraints" => "lets rows in that their table forbids",
            "writable_schema" => "lets a mistake corrupt the schema",
            "query_only" | "hard_heap_limit" => "keeps what runs the migration from recording it",
            _ => "lets a crash corrupt the database",
        };
        let value = pragma.value.unwrap_or_default().to_ascii_uppercase();
        findings.at(
            file.path(),
            statement.span(),
            format!("`{}` set to {value} {harm}", pragma.name),
            "delete the statement",
        );
    }
}
