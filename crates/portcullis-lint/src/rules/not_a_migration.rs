use portcullis_model::migration::StrayKind;
use portcullis_model::redact::printable;

use crate::rule::example::{CREATE, DROP, GOOD};
use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Error,
    allow: Allow::Never,
    summary: "A directory among the migrations has no `up.sql`, or can't be read.",
    why: "Diesel refuses the whole migrations directory because of it: no migration runs.",
    instead: "Add the `up.sql`, move the directory elsewhere, or begin its name with a dot.",
    bad: &[
        CREATE,
        DROP,
        ("migrations/20240201120000_create_posts/down.sql", b"DROP TABLE posts;\n"),
    ],
    good: GOOD,
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    for stray in &input.set.strays {
        let (message, help) = match &stray.kind {
            StrayKind::NoUp => (
                "this directory has no up.sql: Diesel refuses all migrations because of it"
                    .to_owned(),
                "add the up.sql, move the directory elsewhere, or begin its name with a dot",
            ),
            StrayKind::Unreadable(reason) => (
                format!(
                    "this directory can't be read ({}): Diesel refuses all migrations",
                    printable(reason)
                ),
                "make it readable, or move it elsewhere",
            ),
            StrayKind::File | StrayKind::NotADirectory(_) => continue,
        };
        findings.on(stray.path.clone(), message, help);
    }
}
