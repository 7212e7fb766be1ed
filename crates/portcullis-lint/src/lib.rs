#![doc = include_str!("../README.md")]

mod context;
mod directive;
mod edited;
mod excerpt;
mod explain;
mod finding;
mod input;
mod memory;
mod pragma;
pub mod render;
mod report;
mod rule;
mod rules;
mod rust;
mod sources;
mod standing;
mod suppress;
#[cfg(test)]
mod tests;

use portcullis_model::migration::MigrationSet;
use portcullis_model::sql::Dialect;

pub use context::{Application, Base, Context, Drafts, Twin};
pub use explain::explain;
pub use finding::{Finding, Findings, Position, Severity};
pub use input::{Input, SourceFile, SqlFile};
pub use memory::Memory;
pub use report::{Allowed, Report};
pub use rule::{Allow, Example, Rule};
pub use rules::RULES;
pub use standing::Standing;

use sources::Sources;

/// What every rule finds, where nothing is known but the directory itself.
pub fn lint(set: &MigrationSet, dialect: Dialect) -> Report {
    lint_in(set, dialect, &Context::default())
}

/// What every rule finds. A migration that was accepted and is unchanged was linted then:
/// only the rules that look at the whole directory see it.
pub fn lint_in(set: &MigrationSet, dialect: Dialect, context: &Context) -> Report {
    let mut input = Input::new(set, dialect, context);
    let first = RULES.iter().filter(|rule| rule.id != rules::LAST.id);
    let found = first.flat_map(|rule| Findings::of(rule, &input)).collect();
    let (mut findings, used) = suppress::suppress(found, input.directives());
    input.note_used(used);
    findings.extend(Findings::of(rules::LAST, &input));
    if findings.is_empty() && input.directives().is_empty() {
        return Report::default();
    }
    let sources = Sources::new(set, &context.application);
    finding::sort(&mut findings);
    sources::place(&mut findings, &sources);
    let allowed = suppress::allowed(input.used(), input.directives(), &sources);
    Report { findings, allowed }
}

/// The rule with this id.
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.id == id)
}
