use std::collections::BTreeSet;

use portcullis_model::migration::{Migration, name_of, version_of};
use portcullis_model::redact::{path, printable};

use crate::rule::example::{CREATE, DROP, TWIN};
use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity, Twin};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Error,
    allow: Allow::WithReason,
    summary: "A migration is there for one engine and not for the other, under the same name.",
    why: "The application runs on both engines, with one `schema.rs`. A release whose migration \
          exists for one of them works there and fails on the other, and nothing says so \
          before. This is about drafts and what a branch adds; a directory that was begun \
          later than the other is compared from its second migration on.",
    instead: "Let `cargo xtask new` make both, under one version. Where one engine has nothing \
              to do, its `up.sql` says `SELECT 1;` and why; or allow it here.",
    bad: &[
        TWIN,
        CREATE,
        DROP,
        ("migrations/20240102120000_create_posts/up.sql", b"CREATE TABLE posts (id INTEGER);\n"),
        ("migrations/20240102120000_create_posts/down.sql", b"DROP TABLE posts;\n"),
    ],
    good: &[TWIN, CREATE, DROP],
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    let Some(twin) = &input.context.twin else { return };
    let Some(begun) = twin.directories.iter().map(|name| version_of(name)).min() else { return };
    let here: BTreeSet<&str> =
        input.set.migrations.iter().map(|migration| migration.directory.as_str()).collect();
    let first = input.set.migrations.first().map(|migration| migration.directory.as_str());
    // What this directory began with stands for all that the other one had by then.
    let is_before_both = |migration: &Migration| {
        migration.version < begun
            || (migration.version > begun && first == Some(migration.directory.as_str()))
    };
    for migration in input.migrations() {
        if is_before_both(migration) || twin.directories.contains(&migration.directory) {
            continue;
        }
        let there = path(&twin.path);
        match other_version(twin, &here, &migration.directory) {
            Some(name) => findings.on(
                migration.path.clone(),
                format!("{there} has it as `{}`: the engines' versions differ", printable(name)),
                "give both directories one name",
            ),
            None => findings.on(
                migration.path.clone(),
                format!("{there} has no such migration: the two schemas part here"),
                format!("write the same step for {there}, in a directory of the same name"),
            ),
        }
    }
}

/// What the other engine calls it, if only the versions differ.
fn other_version<'a>(twin: &'a Twin, here: &BTreeSet<&str>, directory: &str) -> Option<&'a str> {
    let mut alone = twin.directories.iter().map(String::as_str).filter(|name| !here.contains(name));
    alone.find(|name| !name_of(name).is_empty() && name_of(name) == name_of(directory))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::findings;

    /// Which migrations are found, and whether another version of theirs is named.
    fn found(here: &[&str], there: &[&str]) -> Vec<(String, bool)> {
        let path = |prefix: &str, name: &&str| format!("{prefix}migrations/{name}/up.sql");
        let down = here.iter().map(|name| format!("migrations/{name}/down.sql"));
        let paths: Vec<String> = here
            .iter()
            .map(|name| path("", name))
            .chain(down)
            .chain(there.iter().map(|name| path("twin:", name)))
            .collect();
        let files: Vec<(&str, &[u8])> =
            paths.iter().map(|path| (path.as_str(), b"SELECT 1;\n".as_slice())).collect();
        findings(&files)
            .into_iter()
            .inspect(|finding| assert_eq!(finding.rule, RULE.id))
            .map(|finding| {
                let name = finding.file.file_name().unwrap().to_str().unwrap().to_owned();
                (name, finding.message.contains("versions differ"))
            })
            .collect()
    }

    #[test]
    fn what_the_other_engine_lacks_is_found_from_where_both_have_begun() {
        let cases: &[(&str, &[&str], &[&str], &[(&str, bool)])] = &[
            ("both have all", &["1_a", "2_b"], &["1_a", "2_b"], &[]),
            ("the twin is missing", &["1_a", "2_b"], &["1_a"], &[("2_b", false)]),
            ("in the middle too", &["1_a", "2_b", "3_c"], &["1_a", "3_c"], &[("2_b", false)]),
            ("the other has more", &["1_a"], &["1_a", "2_b"], &[]),
            ("another version", &["1_a", "2_b"], &["1_a", "3_b"], &[("2_b", true)]),
            ("another name", &["1_a", "2_b"], &["1_a", "2_c"], &[("2_b", false)]),
            ("a name that comes again", &["1_a", "2_a"], &["1_a"], &[("2_a", false)]),
            ("the first of both", &["1_a"], &["1_b"], &[("1_a", false)]),
            ("the other isn't begun", &["1_a", "2_b"], &[], &[]),
            ("the other began later", &["1_a", "2_b", "4_d"], &["3_base"], &[("4_d", false)]),
            ("this one began later", &["3_base", "4_d"], &["1_a", "4_d"], &[]),
            ("and goes on alone", &["3_base", "5_e"], &["1_a", "4_d"], &[("5_e", false)]),
        ];
        for (what, here, there, expected) in cases {
            let expected: Vec<_> =
                expected.iter().map(|(name, differs)| ((*name).to_owned(), *differs)).collect();
            assert_eq!(found(here, there), expected, "{what}");
        }
    }
}
