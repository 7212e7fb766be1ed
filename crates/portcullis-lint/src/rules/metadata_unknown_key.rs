use portcullis_model::config::like;
use portcullis_model::redact::printable;
use toml::de::DeTable;

use crate::rule::example::{CREATE, DROP, METADATA};
use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity};

const KEY: &str = "run_in_transaction";

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Error,
    allow: Allow::WithReason,
    summary: "A `metadata.toml` has another key than `run_in_transaction`.",
    why: "Diesel ignores every other key. A mistyped one means the opposite of what it says: \
          the file is there, the key isn't, and the migration runs without a transaction.",
    instead: "Keep nothing else in that file; put an explanation into a comment.",
    bad: &[CREATE, DROP, (METADATA, b"run_in_transaction = true\ntimeout = 30\n")],
    good: &[CREATE, DROP, (METADATA, b"# Short.\nrun_in_transaction = true\n")],
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    for file in input.files().iter().filter(|file| file.name == crate::input::METADATA) {
        let Some(Ok(table)) = file.text.map(DeTable::parse) else { continue };
        for key in table.get_ref().keys().filter(|key| key.get_ref() != KEY) {
            let name: &str = key.get_ref();
            let help = match like(name, &[KEY]) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "delete it: keep nothing else in this file".to_owned(),
            };
            let message = format!("Diesel doesn't know the key `{}` and ignores it", short(name));
            findings.at(file.path(), key.span(), message, help);
        }
    }
}

/// A key may be as long as the file.
fn short(name: &str) -> String {
    printable(&name.chars().take(40).collect::<String>()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::fired;

    #[test]
    fn every_other_key_counts() {
        let text = b"run_in_transaction = true\na = 1\nrun_in_transactions = false\n[b]\nc = 1\n";
        let rule = RULE.id;
        assert_eq!(
            fired(&[CREATE, DROP, (METADATA, text)]),
            [(rule, Some((2, 1))), (rule, Some((3, 1))), (rule, Some((4, 2)))]
        );
    }
}
