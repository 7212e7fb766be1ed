use crate::input::UP as NAME;
use crate::rule::example::{DROP, GOOD, UP};
use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Error,
    allow: Allow::Never,
    summary: "An `up.sql` has no statement.",
    why: "Diesel runs a file of comments successfully and records the migration as applied, \
          although nothing has changed; what is written into the file later never runs \
          there. At a file of zero bytes it stops with an error.",
    instead: "Write the change, or delete the migration.",
    bad: &[(UP, b"-- The users come later.\n"), DROP],
    good: GOOD,
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    for file in input.sql().iter().filter(|file| file.name == NAME && file.statements.is_empty()) {
        let message = match file.text {
            "" => "the file has zero bytes: Diesel stops here with an error",
            _ => "there is no statement: it is recorded as applied and changes nothing",
        };
        let help = "write the change, or delete the migration";
        match file.tokens.first() {
            Some(token) => findings.at(file.path(), token.span.clone(), message, help),
            None => findings.on(file.path(), message, help),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::fired;

    #[test]
    fn empty_is_what_has_no_statement() {
        for up in ["", " \n", ";;", "/* CREATE TABLE a(x); */ -- b"] {
            let found = fired(&[(UP, up.as_bytes()), DROP]);
            assert_eq!(
                found.iter().map(|(rule, _)| *rule).collect::<Vec<_>>(),
                ["empty-up"],
                "{up}"
            );
        }
    }
}
