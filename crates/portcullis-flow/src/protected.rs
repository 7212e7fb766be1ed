//! What the databases that people depend on have.

use portcullis_model::config::Config;
use portcullis_model::digest::Digest;

/// Target, version and fingerprint of each migration that this tool has applied to a
/// protected target which can be read from here. One that can't says nothing.
pub fn protected(config: &Config) -> Vec<(String, String, Digest)> {
    let mut found = Vec::new();
    for target in config.targets.values().filter(|target| target.protected) {
        let reader = portcullis_database::open_reader(target).ok().flatten();
        let survey = reader.and_then(|mut reader| reader.survey().ok());
        let applied = survey.into_iter().flat_map(|survey| survey.applied);
        found.extend(applied.filter_map(|applied| {
            let fingerprint = applied.fingerprint()?;
            Some((target.name.clone(), applied.version, fingerprint))
        }));
    }
    found
}
