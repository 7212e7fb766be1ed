use crate::rule::example::GOOD;
use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Warning,
    allow: Allow::WithReason,
    summary: "A migration's version isn't a number.",
    why: "The version is the directory's name up to the first `_`, without `-`. Diesel sorts \
          versions as text, so one with letters runs after every number, whenever it was \
          written; and one that is empty runs first.",
    instead: "Begin the name with a time, as `diesel migration generate` does: \
              `2024-01-01-120000_create_users`.",
    bad: &[
        ("migrations/v1_create_users/up.sql", b"CREATE TABLE users (id INTEGER);\n"),
        ("migrations/v1_create_users/down.sql", b"DROP TABLE users;\n"),
    ],
    good: GOOD,
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    for migration in input.migrations() {
        let version = &migration.version;
        if version.is_empty() || !version.bytes().all(|byte| byte.is_ascii_digit()) {
            findings.on(
                migration.path.clone(),
                "the version isn't a number: Diesel sorts it as text among the others",
                "begin the name with a time, such as 20240101120000_, if it was never applied",
            );
        }
    }
}
