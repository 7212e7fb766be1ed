use std::collections::BTreeSet;
use std::path::Path;

use portcullis_model::migration::Migration;

use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Warning,
    allow: Allow::WithReason,
    summary: "Migrations run in another order than their numbers say.",
    why: "Diesel compares versions as text, so `10` comes before `2`, and a version of 8 digits \
          may come after one of 14. People read the numbers, and write the later migration \
          for tables that aren't there yet.",
    instead: "Give all versions the same number of digits, as `diesel migration generate` does.",
    bad: &[
        ("migrations/2_create_users/up.sql", b"CREATE TABLE users (id INTEGER);\n"),
        ("migrations/2_create_users/down.sql", b"DROP TABLE users;\n"),
        ("migrations/10_create_posts/up.sql", b"CREATE TABLE posts (id INTEGER);\n"),
        ("migrations/10_create_posts/down.sql", b"DROP TABLE posts;\n"),
    ],
    good: &[
        ("migrations/02_create_users/up.sql", b"CREATE TABLE users (id INTEGER);\n"),
        ("migrations/02_create_users/down.sql", b"DROP TABLE users;\n"),
        ("migrations/10_create_posts/up.sql", b"CREATE TABLE posts (id INTEGER);\n"),
        ("migrations/10_create_posts/down.sql", b"DROP TABLE posts;\n"),
    ],
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    // Settled ones can't be renamed any more; what is new among them, `draft-out-of-order`
    // finds.
    let is_open: BTreeSet<&Path> =
        input.migrations().iter().map(|migration| migration.path.as_path()).collect();
    let numbered = input
        .set
        .migrations
        .iter()
        .filter_map(|migration| number(&migration.version).map(|number| (number, migration)));
    let mut before: Option<((usize, &str), &Migration)> = None;
    for (number, migration) in numbered {
        if let Some((_, before)) = before.filter(|(before, _)| *before > number)
            && is_open.contains(migration.path.as_path())
        {
            findings.on(
                migration.path.clone(),
                format!(
                    "`{}` runs before this migration: Diesel compares versions as text",
                    before.printable_name()
                ),
                "give both versions the same number of digits, if neither was applied anywhere",
            );
        }
        before = Some((number, migration));
    }
}

/// Something that compares as the number does, however long it is.
fn number(version: &str) -> Option<(usize, &str)> {
    let is_number = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
    let digits = version.trim_start_matches('0');
    is_number.then_some((digits.len(), digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_whatever_their_length() {
        assert!(number("9") < number("10"));
        assert!(number("009") < number("10"));
        assert!(number("20240201") < number("20240101120000"));
        assert_eq!(number("000"), number("0"));
        assert_eq!((number(""), number("1a")), (None, None));
    }
}
