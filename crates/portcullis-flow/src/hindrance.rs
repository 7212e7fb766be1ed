//! A run that counts on being undone isn't begun where that is known not to work.

use portcullis_database::seam::{Hindrance, Survey};
use portcullis_model::config::{AutoRestore, Place, Target};
use portcullis_model::exit::Exit;

use crate::error::Stop;

/// Refuses a run whose target asks for an undo that couldn't be carried out.
pub(crate) fn refuse(target: &Target, survey: &Survey) -> Result<(), Stop> {
    let Place::Server(server) = &target.place else { return Ok(()) };
    let counts = |hindrance: &&Hindrance| match (hindrance, server.auto_restore) {
        (_, AutoRestore::Off) => false,
        (_, AutoRestore::Fenced) => true,
        // A copy has everything as it was.
        (Hindrance::Filling(_), AutoRestore::Clone) => false,
        (Hindrance::Swapping(_), AutoRestore::Clone) => true,
    };
    let found: Vec<&Hindrance> = survey.hindrances.iter().filter(counts).collect();
    let Some(Hindrance::Filling(why) | Hindrance::Swapping(why)) = found.first() else {
        return Ok(());
    };
    let more = match found.len() - 1 {
        0 => String::new(),
        more => format!("; and {more} more such"),
    };
    Err(Stop::new(
        Exit::Refused,
        "prepare to undo the run",
        target.shown(),
        format!("auto-restore couldn't bring the database back: {why}{more}"),
        "change that, or set auto-restore = \"off\": a run that fails after its commit is then for a person",
    ))
}
