use portcullis_model::sql::TokenKind;

use crate::rule::example::{CREATE, DOWN, GOOD};
use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity};

const DIESELS: &str = "__diesel_schema_migrations";
const OURS: &str = "__portcullis_";

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Error,
    allow: Allow::Never,
    summary: "A statement names a table that belongs to Diesel or to Portcullis.",
    why: "`__diesel_schema_migrations` and the tables that begin with `__portcullis_` are the \
          record of what was applied. A migration that changes them makes that record wrong, \
          while it is being written.",
    instead: "Leave them alone: only who runs the migrations writes there.",
    bad: &[CREATE, (DOWN, b"DROP TABLE users;\nDELETE FROM __diesel_schema_migrations;\n")],
    good: GOOD,
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    for file in input.sql() {
        // A quoted text counts: SQLite takes 'name' for a name where it needs one.
        let names = file.tokens.iter().filter(|token| {
            token.span.len() >= OURS.len()
                && matches!(token.kind, TokenKind::Word | TokenKind::QuotedName | TokenKind::Text)
        });
        for token in names {
            let name = file.text[token.span.clone()].trim_start_matches(['"', '`', '[', '\'']);
            let Some(owner) = owner(name) else { continue };
            findings.at(
                file.path(),
                token.span.clone(),
                format!("this table is {owner}'s record of what was applied"),
                "leave it alone: delete the statement",
            );
        }
    }
}

fn owner(name: &str) -> Option<&'static str> {
    let begins = |prefix: &str| {
        name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    if begins(DIESELS) {
        Some("Diesel")
    } else if begins(OURS) {
        Some("Portcullis")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::fired;

    #[test]
    fn names_count_however_they_are_quoted() {
        let down = b"SELECT 1; -- __portcullis_a\nDROP TABLE main.[__Portcullis_runs];\nDELETE FROM '__diesel_schema_migrations';\nSELECT __portcullisx, a__portcullis_;";
        let found = fired(&[CREATE, (DOWN, down)]);
        assert_eq!(found, [(RULE.id, Some((2, 17))), (RULE.id, Some((3, 13)))]);
    }
}
