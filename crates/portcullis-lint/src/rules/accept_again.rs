use portcullis_model::sum::Change;

use crate::rule::example::{CREATE, DOWN, DROP, SUM};
use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity, Standing};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Error,
    allow: Allow::Never,
    summary: "A migration was changed after it was accepted.",
    why: "`migrations.sum` says what was looked at and accepted, and this isn't it any more. \
          As long as it isn't on the default branch it may be changed, and is accepted again.",
    instead: "Run `cargo xtask accept`.",
    bad: &[SUM, CREATE, (DOWN, b"DROP TABLE IF EXISTS users;\n")],
    good: &[SUM, CREATE, DROP],
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    for (migration, standing) in input.standings() {
        let what = match standing {
            Standing::Accepted(Change::Sql) => "its statements have",
            Standing::Accepted(Change::Comments) => "comments or blanks in it have",
            _ => continue,
        };
        findings.on(
            migration.path.clone(),
            format!("it was accepted, and {what} changed since"),
            "cargo xtask accept",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::example::{FROZEN, GOOD, UP};
    use crate::tests::fired;

    #[test]
    fn what_changed_is_said_and_line_endings_are_not() {
        assert_eq!(fired(&[SUM, CREATE, (DOWN, b"DROP TABLE users;\r\n")]), []);
        let up: &[u8] = b"CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT); -- why\n";
        assert_eq!(fired(&[SUM, (UP, up), DROP]), [(RULE.id, None)]);
        assert_eq!(fired(GOOD), []);
        assert_eq!(fired(FROZEN), []);
    }
}
