//! Servers for trial restores: a target names another one, known once all are read.

use std::collections::BTreeMap;

use super::{ConfigError, FILE, Place, Server, Target, raw, unknown_target};

/// Which target names which.
pub(super) fn named(targets: &BTreeMap<String, raw::Target>) -> Vec<(String, String)> {
    let targets = targets.iter();
    targets.filter_map(|(name, target)| Some((name.clone(), target.scratch.clone()?))).collect()
}

/// Gives each target the server that it names.
pub(super) fn resolve(
    targets: &mut BTreeMap<String, Target>,
    named: &[(String, String)],
) -> Result<(), ConfigError> {
    for (name, scratch) in named {
        let place = format!("targets.{name}.scratch");
        let found = targets.get(scratch).ok_or_else(|| unknown_target(targets, scratch, &place))?;
        let wrong = |cause: &str, next_step: &str| ConfigError {
            place: format!("{FILE}: {place}"),
            cause: cause.to_owned(),
            next_step: next_step.to_owned(),
        };
        let Place::Server(found) = &found.place else {
            let next = "name a PostgreSQL target, or remove it for a throwaway server";
            return Err(wrong("the target that it names is no server", next));
        };
        let found = found.clone();
        let Some(Place::Server(own)) = targets.get_mut(name).map(|target| &mut target.place) else {
            continue;
        };
        if same_server(own, &found) {
            let next = "name a target on another server, or remove it for a throwaway server";
            return Err(wrong("it names the server that backups are taken of", next));
        }
        // A trial restores once: the server that it goes to needs none of its own.
        own.scratch = Some(Box::new(Server { scratch: None, ..*found }));
    }
    Ok(())
}

/// By their names; that they aren't one under two names is checked by their identifiers.
fn same_server(one: &Server, other: &Server) -> bool {
    (&one.host, one.port) == (&other.host, other.port)
}
