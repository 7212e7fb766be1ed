use crate::rule::example::{DROP, GOOD, UP};
use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Error,
    allow: Allow::Never,
    summary: "A file has a NUL byte.",
    why: "A NUL ends a text for SQLite and PostgreSQL, so Diesel stops with an error when it \
          comes to this file, after the migrations before it have run. Most often the file \
          was saved as UTF-16.",
    instead: "Save the file as UTF-8, without NUL.",
    bad: &[(UP, b"CREATE TABLE users (id INTEGER);\n\0"), DROP],
    good: GOOD,
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    for file in input.files().iter().filter(|file| file.text.is_none()) {
        let bytes = file.file.bytes().unwrap_or_default();
        if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
            findings.at(
                file.path(),
                at..at + 1,
                format!("byte {at} is NUL: Diesel can't run the file"),
                "delete it; if the file is UTF-16, save it as UTF-8",
            );
        }
    }
}
