use std::collections::BTreeSet;

use portcullis_model::redact::printable;

use crate::edited::checkout;
use crate::rule::example::{CREATE, DROP, SUM};
use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Error,
    allow: Allow::Never,
    summary: "`migrations.sum` names a migration that isn't there.",
    why: "It was accepted, and may have been applied: a database that has it can't be reverted, \
          and a new one is made without it.",
    instead: "Put the directory back. What a migration did is undone by another migration.",
    bad: &[SUM],
    good: &[SUM, CREATE, DROP],
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    let Some(sum) = input.sum() else { return };
    let there: BTreeSet<&str> =
        input.set.migrations.iter().map(|migration| migration.directory.as_str()).collect();
    for line in sum.lines.iter().filter(|line| !there.contains(line.directory.as_str())) {
        let path = input.set.root.join(&line.directory);
        // What is there instead has a finding of its own.
        if input.set.strays.iter().any(|stray| stray.path == path) {
            continue;
        }
        let frozen = input.context.base.as_ref();
        let help = match frozen.filter(|base| base.sum.line(&line.directory).is_some()) {
            Some(base) => checkout(base, &path),
            None => "put the directory back; if it isn't wanted, cargo xtask accept".to_owned(),
        };
        findings.at(
            input.sum_path(),
            input.name_in_sum(line),
            format!("`{}` was accepted and isn't there", short(&line.directory)),
            help,
        );
    }
}

fn short(name: &str) -> String {
    printable(&name.chars().take(60).collect::<String>()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::example::MAIN_SUM;
    use crate::tests::{findings, fired};

    #[test]
    fn what_is_there_instead_is_the_only_finding() {
        assert_eq!(fired(&[SUM, DROP]), [("not-a-migration", None)]);
        assert_eq!(fired(&[SUM, CREATE, DROP]), []);
    }

    #[test]
    fn what_is_frozen_is_fetched_from_where_it_is() {
        let found = findings(&[MAIN_SUM, SUM]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].help, "git checkout main -- migrations/20240101120000_create_users");
    }
}
