use crate::rule::example::{CREATE, DROP, GOOD};
use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Error,
    allow: Allow::Never,
    summary: "Two migrations have one version.",
    why: "Diesel keeps migrations by version: of two with the same one, it runs either and \
          silently never runs the other. The version is the directory's name up to the \
          first `_`, without `-`, so `2024-01-01_a` and `20240101_b` share theirs.",
    instead: "Give every migration a version of its own, as `diesel migration generate` does.",
    bad: &[
        CREATE,
        DROP,
        ("migrations/20240101120000_create_posts/up.sql", b"CREATE TABLE posts (id INTEGER);\n"),
        ("migrations/20240101120000_create_posts/down.sql", b"DROP TABLE posts;\n"),
    ],
    good: GOOD,
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    for [first, second] in input.set.migrations.array_windows() {
        if first.version == second.version {
            findings.on(
                second.path.clone(),
                format!(
                    "`{}` has this version too: Diesel runs only one of the two",
                    first.printable_name()
                ),
                "give the newer of them a version of its own",
            );
        }
    }
}
