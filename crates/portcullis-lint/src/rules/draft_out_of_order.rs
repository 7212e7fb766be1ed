use portcullis_model::migration::Migration;

use crate::rule::example::{CREATE, DROP, SUM};
use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity, Standing};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Error,
    allow: Allow::Never,
    summary: "A new migration runs before one that was accepted already.",
    why: "A database that has the accepted one runs the new one after it, a new database before \
          it: the two don't have the same history, and may not have the same tables. That \
          happens when two branches write migrations at the same time.",
    instead: "Run `cargo xtask rebase`: it gives the new one a version behind the others.",
    bad: &[
        SUM,
        CREATE,
        DROP,
        ("migrations/20231201120000_create_posts/up.sql", b"CREATE TABLE posts (id INTEGER);\n"),
        ("migrations/20231201120000_create_posts/down.sql", b"DROP TABLE posts;\n"),
    ],
    good: &[SUM, CREATE, DROP],
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    if input.sum().is_none() {
        return;
    }
    let standings: Vec<(&Migration, Standing)> = input.standings().collect();
    let last = |wanted: fn(Standing) -> bool| {
        standings.iter().rposition(|(_, standing)| wanted(*standing)).unwrap_or(0)
    };
    let accepted = last(|standing| standing != Standing::Draft);
    let frozen = last(|standing| matches!(standing, Standing::Frozen(_)));
    for (index, (migration, standing)) in standings.iter().enumerate() {
        let later = match standing {
            Standing::Draft => accepted,
            Standing::Accepted(_) => frozen,
            Standing::Frozen(_) => continue,
        };
        if let Some((later, _)) = standings.get(later).filter(|_| index < later) {
            findings.on(
                migration.path.clone(),
                format!(
                    "`{}` was accepted already, and runs after this one",
                    later.printable_name()
                ),
                "cargo xtask rebase",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::example::FROZEN;
    use crate::tests::fired;

    #[test]
    fn a_line_that_was_sorted_in_before_a_frozen_one_is_out_of_order_too() {
        let line = "0_a sha256:0000000000000000000000000000000000000000000000000000000000000000 \
            statements:0000000000000000 bytes:0000000000000000 clean portcullis/0.1.0\n\n";
        let accepted = std::str::from_utf8(SUM.1).unwrap();
        let sum = accepted.replacen("\n\n", &format!("\n\n{line}"), 1);
        let mut files = FROZEN.to_vec();
        files.retain(|file| file.0 != SUM.0);
        files.extend([
            (SUM.0, sum.as_bytes()),
            ("migrations/0_a/up.sql", b"SELECT 1;"),
            ("migrations/0_a/down.sql", b"SELECT 1;"),
        ]);
        let rules: Vec<_> = fired(&files).into_iter().map(|(rule, _)| rule).collect();
        assert_eq!(rules, ["accept-again", RULE.id]);
    }
}
