use crate::rule::example::{DROP, GOOD, UP};
use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Error,
    allow: Allow::Never,
    summary: "A file isn't UTF-8.",
    why: "Diesel reads SQL as UTF-8 and stops with an error when it comes to this file, after \
          the migrations before it have run. A `metadata.toml` that isn't UTF-8 is silently \
          ignored.",
    instead: "Save the file as UTF-8.",
    bad: &[(UP, b"CREATE TABLE users (id INTEGER);\n-- Gr\xf6\xdfe\n"), DROP],
    good: GOOD,
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    for file in input.files().iter().filter(|file| file.text.is_none()) {
        let bytes = file.file.bytes().unwrap_or_default();
        let Err(error) = std::str::from_utf8(bytes) else { continue };
        let at = error.valid_up_to();
        let line = 1 + bytes[..at].iter().filter(|byte| **byte == b'\n').count();
        findings.at(
            file.path(),
            at..at + error.error_len().unwrap_or(bytes.len() - at),
            format!("byte {at}, in line {line}, isn't UTF-8: Diesel can't read the file"),
            "save it as UTF-8",
        );
    }
}
