use crate::rule::example::{CREATE, DOWN, GOOD};
use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Warning,
    allow: Allow::Never,
    summary: "A comment allows what isn't there.",
    why: "It holds from where it stands to the end of the next statement; before the first \
          statement, also for what is about a whole file. Nothing of the kind is there: it \
          stands in the wrong place, or was left behind.",
    instead: "Put it directly above the statement that it is about, or delete it.",
    bad: &[CREATE, (DOWN, b"-- portcullis: allow(stray-note): it was done\nDROP TABLE users;\n")],
    good: GOOD,
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    for (index, directive) in input.directives().iter().enumerate() {
        for (named, (rule, span)) in directive.rules.iter().enumerate() {
            if !input.used().contains(&(index, named)) {
                findings.at(
                    directive.file.clone(),
                    span.clone(),
                    format!("`{}` finds nothing here: the comment allows nothing", rule.id),
                    "put it directly above the statement that it is about, or delete it",
                );
            }
        }
    }
}
