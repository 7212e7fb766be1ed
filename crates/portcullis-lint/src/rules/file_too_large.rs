use portcullis_model::migration::{File, MAX_FILE};

use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Error,
    allow: Allow::Never,
    summary: "A file is larger than 64 MiB.",
    why: "Diesel reads the whole file into memory and runs it as one text. What is that large \
          is data, not a change of the schema, and it makes every later look at the \
          migrations slow. Portcullis doesn't read it.",
    instead: "Load the data with a program of its own, after the migration.",
    bad: &[],
    good: &[],
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    for file in input.files() {
        if let File::TooLarge(size) = file.file {
            findings.on(
                file.path(),
                format!(
                    "the file has {} MiB: beyond {} MiB it isn't read",
                    size.div_ceil(1 << 20),
                    MAX_FILE >> 20
                ),
                "load the data with a program of its own, after the migration",
            );
        }
    }
}
