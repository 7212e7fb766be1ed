use crate::rule::example::{CREATE, DROP, FROZEN};
use crate::rule::{Rule, id};
use crate::{Allow, Drafts, Findings, Input, Severity, Standing};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Warning,
    allow: Allow::Never,
    summary: "A migration that is about to be merged wasn't accepted.",
    why: "Only what was accepted is frozen on the default branch, and keeps its place among the \
          migrations of others. This is said where a branch is checked as a whole \
          (`cargo xtask lint --since`), not while somebody is working on it.",
    instead: "Run `cargo xtask accept`, and commit `migrations.sum`.",
    bad: &[("main:migrations/migrations.sum", b"# migrations.sum, format 1\n"), CREATE, DROP],
    good: FROZEN,
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    if input.context.drafts == Drafts::Welcome || input.sum().is_none() {
        return;
    }
    for (migration, _) in input.standings().filter(|(_, standing)| *standing == Standing::Draft) {
        findings.on(
            migration.path.clone(),
            "this migration is a draft: nobody has accepted it",
            "cargo xtask accept",
        );
    }
}
