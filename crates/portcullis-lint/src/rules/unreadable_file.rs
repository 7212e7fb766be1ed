use portcullis_model::migration::File;
use portcullis_model::redact::printable;

use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Error,
    allow: Allow::Never,
    summary: "A file can't be read.",
    why: "Diesel comes to this file after the migrations before it have run, and stops there. A \
          `metadata.toml` that can't be read is silently ignored.",
    instead: "Make the file readable for who runs the migrations.",
    bad: &[],
    good: &[],
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    for file in input.files() {
        if let File::Unreadable(reason) = file.file {
            findings.on(
                file.path(),
                format!("the file can't be read: {}", printable(reason)),
                "make it readable for who runs the migrations",
            );
        }
    }
}
