use portcullis_model::migration::Metadata;

use crate::rule::example::{CREATE, DROP, METADATA};
use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Error,
    allow: Allow::Never,
    summary: "A `metadata.toml` doesn't say `run_in_transaction`.",
    why: "Without the file, Diesel runs a migration in a transaction. With the file but \
          without the key, it doesn't: what was meant as a comment switches the transaction \
          off, and a migration that fails halfway stays halfway.",
    instead: "Write the key, or delete the file to run in a transaction.",
    bad: &[CREATE, DROP, (METADATA, b"# Asked for by the shop.\n")],
    good: &[CREATE, DROP, (METADATA, b"run_in_transaction = true\n")],
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    for file in input.files() {
        let is_metadata = file.name == crate::input::METADATA && file.text.is_some();
        if is_metadata && file.migration.metadata == Metadata::KeyMissing {
            findings.on(
                file.path(),
                "there is no `run_in_transaction`: Diesel runs the migration without a transaction",
                "write `run_in_transaction = true` or `= false`, or delete the file for `true`",
            );
        }
    }
}
