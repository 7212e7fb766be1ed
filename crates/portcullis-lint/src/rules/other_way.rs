use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Warning,
    allow: Allow::WithReason,
    summary: "The application runs migrations itself.",
    why: "What calls `run_pending_migrations` changes a database without a verified backup, a \
          smoke test or a receipt, whenever the program happens to start, and possibly from \
          several processes at once. Tests, benches, examples, the schema crate and `xtask` \
          may.",
    instead: "Let `cargo xtask migrate` do it when the application is deployed, and give the \
              application a database role that can't: Portcullis's docs/only-way.md says how.",
    bad: &[(
        "src/main.rs",
        b"fn main() {\n    let mut connection = connect();\n    connection.run_pending_migrations(MIGRATIONS).unwrap();\n}\n",
    )],
    good: &[(
        "src/main.rs",
        b"fn main() {\n    // portcullis: allow(other-way): a database in memory, new at every start\n    memory().run_pending_migrations(MIGRATIONS).unwrap();\n}\n",
    )],
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    for file in input.rust() {
        for (name, span) in file.uses() {
            let what = match name {
                "embed_migrations!" => "carries migrations to run itself",
                _ => "runs migrations without a backup, a check or a record",
            };
            findings.at(
                file.path.to_owned(),
                span,
                format!("`{name}`: the application {what}"),
                "leave it to cargo xtask migrate; cargo xtask explain other-way says how to allow it",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::fired;

    #[test]
    fn an_exception_holds_for_one_statement() {
        let text = b"// portcullis: allow(other-way): the first\n\
            const M: M =\n    embed_migrations!();\n\
            const N: M = embed_migrations!();\n\
            // portcullis: allow(other-way)\n\
            // portcullis: allow(unusual-name): nothing of the kind\n\
            const S: &str = \"// portcullis: ignore\";\n\
            /// portcullis: ignore\nconst T: u8 = 1;\n\
            // portcullis: allow(other-way): a function in one line\n\
            fn f(c: C) { c.run_pending_migrations(M) }\n";
        let expected = [
            (RULE.id, Some((4, 14))),
            ("allow-malformed", Some((5, 4))),
            ("allow-unused", Some((6, 22))),
        ];
        assert_eq!(fired(&[("src/main.rs", text)]), expected);
    }
}
