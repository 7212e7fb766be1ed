use portcullis_model::migration::File;

use crate::rule::example::{CREATE, GOOD};
use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Error,
    allow: Allow::WithReason,
    summary: "A migration has no `down.sql`.",
    why: "Diesel stops with an error when it shall revert the migration, and nobody has \
          thought about the way back until it is needed.",
    instead: "Write a `down.sql` that undoes `up.sql`, last statement first. Where rows can't \
              be brought back, bring the tables back and say in a comment what is lost.",
    bad: &[CREATE],
    good: GOOD,
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    for migration in input.migrations() {
        if migration.down == File::Missing {
            findings.on(
                migration.path.clone(),
                "there is no down.sql: Diesel can't revert the migration",
                "add a down.sql that undoes up.sql, last statement first",
            );
        }
    }
}
