use portcullis_model::redact::printable;

use crate::rule::example::GOOD;
use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Warning,
    allow: Allow::WithReason,
    summary: "A migration's name is hard to handle, or says nothing.",
    why: "Blanks, quotes and a leading `-` trip up shells and scripts; control characters and \
          bytes that aren't UTF-8 can't be typed. Without a `_` the whole name is the version, \
          and a list of migrations says nothing.",
    instead: "Name it after what it does, in lower case: `20240101120000_create_users`.",
    bad: &[
        ("migrations/20240101120000_create users/up.sql", b"CREATE TABLE users (id INTEGER);\n"),
        ("migrations/20240101120000_create users/down.sql", b"DROP TABLE users;\n"),
    ],
    good: GOOD,
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    for migration in input.migrations() {
        if let Some(message) = message(&migration.directory) {
            findings.on(
                migration.path.clone(),
                message,
                "name it after what it does, such as 20240101120000_create_users, if it was never applied",
            );
        }
    }
}

fn message(name: &str) -> Option<&'static str> {
    if name.contains(char::REPLACEMENT_CHARACTER) {
        Some("the name isn't UTF-8: Diesel records another one")
    } else if printable(name) != name {
        Some("the name has a control character: nobody can see or type it")
    } else if name.contains(char::is_whitespace) || name.contains(['\'', '"', '`']) {
        Some("the name has a blank or a quote: scripts trip up over it")
    } else if name.starts_with('-') {
        Some("the name begins with `-`: commands take it for an option")
    } else if !name.contains('_') {
        Some("the name has no `_`: all of it is the version, and nothing says what it does")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unusual_names_are_named() {
        for name in ["a\tb_c", "a\u{202e}_", "it's_a", "1_\u{fffd}", "-1_a", "1", "1_a b"] {
            assert!(message(name).is_some(), "{name}");
        }
        for name in ["1_a", "2024-01-01-000000_größe", "00000000000000_diesel_initial_setup"] {
            assert_eq!(message(name), None, "{name}");
        }
    }
}
