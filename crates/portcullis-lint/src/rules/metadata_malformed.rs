use std::ops::Range;

use portcullis_model::migration::Metadata;
use toml::de::{DeTable, DeValue};

use crate::rule::example::{CREATE, DROP, METADATA};
use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Error,
    allow: Allow::Never,
    summary: "A `metadata.toml` isn't TOML, or its `run_in_transaction` is neither `true` nor `false`.",
    why: "Diesel silently ignores a file that it can't read, and runs the migration in a \
          transaction, whatever the file was meant to say.",
    instead: "Write `run_in_transaction = false` or `run_in_transaction = true`, and nothing \
              else.",
    bad: &[CREATE, DROP, (METADATA, b"run_in_transaction = \"false\"\n")],
    good: &[CREATE, DROP, (METADATA, b"run_in_transaction = false\n")],
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    for file in input.files() {
        let text = file.text.filter(|_| file.name == crate::input::METADATA);
        let Some(text) = text.filter(|_| file.migration.metadata == Metadata::Malformed) else {
            continue;
        };
        let (what, span) = match fault(text) {
            Fault::Syntax(span) => ("this isn't TOML", span),
            Fault::Value(span) => {
                ("`run_in_transaction` is neither `true` nor `false`", Some(span))
            }
        };
        let message = format!("{what}: Diesel ignores the file and uses a transaction");
        let help = "write `run_in_transaction = true` or `run_in_transaction = false`";
        match span {
            Some(span) => findings.at(file.path(), span, message, help),
            None => findings.on(file.path(), message, help),
        }
    }
}

enum Fault {
    Syntax(Option<Range<usize>>),
    Value(Range<usize>),
}

fn fault(text: &str) -> Fault {
    match DeTable::parse(text) {
        Err(error) => Fault::Syntax(error.span()),
        Ok(table) => {
            let value = table.get_ref().get("run_in_transaction");
            match value.filter(|value| !matches!(value.get_ref(), DeValue::Boolean(_))) {
                Some(value) => Fault::Value(value.span()),
                None => Fault::Syntax(None),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::fired;

    #[test]
    fn the_place_is_where_the_mistake_is() {
        for (text, place) in
            [("run_in_transaction = 1", Some((1, 22))), ("[run_in_transaction]", Some((1, 1)))]
        {
            let found = fired(&[CREATE, DROP, (METADATA, text.as_bytes())]);
            assert_eq!(found, [("metadata-malformed", place)], "{text}");
        }
        // Where in the line is for the parser to say.
        let found = fired(&[CREATE, DROP, (METADATA, b"# c\nrun_in_transaction: false\n")]);
        assert!(matches!(found[..], [("metadata-malformed", Some((2, _)))]), "{found:?}");
    }
}
