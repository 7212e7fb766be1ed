use crate::rule::example::{CREATE, DOWN, UP};
use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Error,
    allow: Allow::Never,
    summary: "A comment that should allow a finding can't be followed.",
    why: "It allows nothing, although whoever wrote it relies on it. A reason is demanded \
          because the migration will be read by somebody who has only that.",
    instead: "Write `-- portcullis: allow(RULE): REASON` above the statement. Several rules are \
              separated by commas. Some can't be allowed; `cargo xtask explain RULE` says so.",
    bad: &[CREATE, (DOWN, b"-- portcullis: ignore\nDROP TABLE users;\n")],
    good: &[
        (UP, b"-- portcullis: allow(stray-note): the note is for whoever reads the table\n-- TODO is a status here.\nCREATE TABLE users (status TEXT);\n"),
        (DOWN, b"DROP TABLE users;\n"),
    ],
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    for directive in input.directives() {
        for fault in &directive.faults {
            findings.at(
                directive.file.clone(),
                fault.span.clone(),
                fault.message.as_str(),
                fault.help.as_str(),
            );
        }
    }
}
