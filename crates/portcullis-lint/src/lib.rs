#![doc = include_str!("../README.md")]

mod explain;
mod finding;
mod input;
mod memory;
mod pragma;
pub mod render;
mod rule;
mod rules;
mod sources;
#[cfg(test)]
mod tests;

use portcullis_model::migration::MigrationSet;
use portcullis_model::sql::Dialect;

pub use explain::explain;
pub use finding::{Finding, Findings, Position, Severity};
pub use input::{Input, SourceFile, SqlFile};
pub use memory::Memory;
pub use rule::{Example, Rule};
pub use rules::RULES;

/// Every finding of every rule, sorted by file, place and rule.
pub fn lint(set: &MigrationSet, dialect: Dialect) -> Vec<Finding> {
    let input = Input::new(set, dialect);
    let mut findings = Findings::default();
    for rule in RULES {
        findings.begin(rule);
        (rule.check)(&input, &mut findings);
    }
    let mut findings = findings.into_sorted();
    sources::place(&mut findings, set);
    findings
}

/// The rule with this id.
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.id == id)
}
