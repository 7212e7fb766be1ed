use portcullis_model::sum::Change;

use crate::rule::example::{DROP, FROZEN, MAIN_CREATE, MAIN_DROP, MAIN_SUM, SUM, UP};
use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity, edited};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Error,
    allow: Allow::Never,
    summary: "A migration that is final runs something else than what was accepted.",
    why: "It is on the default branch, so databases have applied it as it was. They don't run \
          it again: from now on they and new ones differ.",
    instead: "Put the file back, and write a new migration for the change.",
    bad: &[
        MAIN_SUM,
        MAIN_CREATE,
        MAIN_DROP,
        SUM,
        (UP, b"CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);\n"),
        DROP,
    ],
    good: FROZEN,
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    edited::report(input, findings, Change::Sql, |what| {
        format!("what was final changed in {what}: databases that ran it won't run the change")
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::example::{CREATE, DOWN, METADATA};
    use crate::tests::{findings, fired};

    #[test]
    fn without_the_old_text_the_migration_is_named() {
        let files = [MAIN_SUM, SUM, CREATE, (DOWN, b"DROP TABLE user;\n")];
        let found = findings(&files);
        assert_eq!(found.len(), 1);
        assert!(found[0].message.starts_with("what was final changed in the migration:"));
        assert_eq!(
            (found[0].file.to_str(), &found[0].diff),
            (CREATE.0.strip_suffix("/up.sql"), &None)
        );
    }

    #[test]
    fn every_file_that_differs_is_named() {
        let old = [MAIN_SUM, MAIN_CREATE, MAIN_DROP, SUM];
        let with = |more: &[(&'static str, &'static [u8])]| {
            let found = findings(&[&old, more].concat());
            let finding = found.iter().find(|finding| finding.rule == RULE.id).unwrap();
            (finding.message.clone(), finding.help.clone(), finding.diff.clone().unwrap())
        };
        let metadata = (METADATA, b"run_in_transaction = false\n".as_slice());
        let (message, help, diff) = with(&[CREATE, DROP, metadata]);
        assert!(message.starts_with("what was final changed in metadata.toml:"), "{message}");
        assert!(
            help.starts_with("rm migrations/20240101120000_create_users/metadata.toml;"),
            "{help}"
        );
        assert!(diff.contains("+run_in_transaction = false"), "{diff}");
        // CRLF is no difference of its own here.
        let crlf = (DOWN, b"DROP TABLE users;\r\n".as_slice());
        let (message, _, diff) = with(&[(UP, b"SELECT 1;\n"), crlf]);
        assert!(message.starts_with("what was final changed in up.sql:"), "{message}");
        assert!(!diff.contains("down.sql"), "{diff}");
        let changed = (DOWN, b"DROP TABLE IF EXISTS users;\r\n".as_slice());
        let (message, _, diff) = with(&[(UP, b"SELECT 1;\n"), changed]);
        assert!(message.starts_with("what was final changed in up.sql and down.sql:"), "{message}");
        assert!(diff.contains("+SELECT 1;\n") && diff.contains("+DROP TABLE IF"), "{diff}");
        assert_eq!(fired(&[MAIN_SUM, SUM, CREATE, DROP]), []);
    }
}
