use crate::rule::example::{DROP, GOOD, UP};
use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Warning,
    allow: Allow::Never,
    summary: "A file has carriage returns.",
    why: "Git converts line endings differently on different machines, so the same commit \
          becomes different files. A carriage return inside a quoted text is stored in the \
          database. One without a line feed doesn't end a `--` comment in SQLite, but does \
          in PostgreSQL.",
    instead: "End lines with a line feed only; `*.sql text eol=lf` in .gitattributes keeps it \
              so.",
    bad: &[(UP, b"CREATE TABLE users (id INTEGER);\r\n"), DROP],
    good: GOOD,
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    for file in input.files() {
        let Some(first) = file.text.and_then(|text| text.find('\r')) else { continue };
        findings.at(
            file.path(),
            first..first + 1,
            "the file has carriage returns: what it is depends on how git checked it out",
            "end lines with a line feed only, and put `*.sql text eol=lf` into .gitattributes",
        );
    }
}
