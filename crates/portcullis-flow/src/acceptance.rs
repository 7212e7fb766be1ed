//! A protected database gets only what was accepted.

use portcullis_model::config::Target;
use portcullis_model::exit::Exit;
use portcullis_model::migration::MigrationSet;
use portcullis_model::plan::{Direction, Plan};
use portcullis_model::redact;
use portcullis_model::sum;
use portcullis_model::words::count;

use crate::error::Stop;

/// Refuses drafts, and what was changed since it was accepted, on a protected target.
pub(crate) fn refuse_drafts(target: &Target, set: &MigrationSet, plan: &Plan) -> Result<(), Stop> {
    let drafts: Vec<String> = plan
        .steps()
        .filter(|step| step.direction == Direction::Up && !step.accepted)
        .map(|step| redact::printable(&step.directory).into_owned())
        .collect();
    if !target.protected || drafts.is_empty() {
        return Ok(());
    }
    let refused = |cause: String, next: &str| {
        Err(Stop::new(Exit::Refused, "plan", &target.name, cause, next))
    };
    if let Err(problems) = set.sum() {
        let problem = problems.first().map(|problem| (problem.kind.message(), problem.kind.help()));
        let (message, help) = problem.unwrap_or_default();
        return refused(format!("{} can't be read: {message}", sum::FILE), help);
    }
    refused(
        format!(
            "it is protected, and {} not what was accepted: {}",
            if drafts.len() == 1 {
                "a migration is".to_owned()
            } else {
                format!("{} are", count(drafts.len(), "migration"))
            },
            drafts.join(", ")
        ),
        "cargo xtask accept, and have the change of migrations.sum reviewed",
    )
}
