//! How migrations are tested, and which exceptions there are.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{ConfigError, FILE, raw};
use crate::redact;

/// Migrations that a rule isn't for, by the names of their directories, and why. A name that
/// ends in `*` is for all that begin so.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exceptions(BTreeMap<String, String>);

impl Exceptions {
    /// Whether a migration is one.
    pub fn include(&self, directory: &str) -> bool {
        self.0.keys().any(|name| is_for(name, directory))
    }

    /// The names that are for none of these.
    fn stale<'a>(&'a self, directories: &'a BTreeSet<&str>) -> impl Iterator<Item = &'a str> {
        let is_stale = |name: &&String| !directories.iter().any(|one| is_for(name, one));
        self.0.keys().filter(is_stale).map(String::as_str)
    }
}

fn is_for(name: &str, directory: &str) -> bool {
    match name.strip_suffix('*') {
        Some(beginning) => directory.starts_with(beginning),
        None => name == directory,
    }
}

/// How migrations are tested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestMigration {
    /// Migrations that need no test case, and why.
    pub without_case: Exceptions,
    /// Migrations that can't be undone, and why.
    pub irreversible: Exceptions,
    /// Migrations that messy data needn't go through, and why.
    pub without_messy: Exceptions,
    /// How long one statement of a test may take.
    pub statement_timeout: Duration,
}

impl TestMigration {
    /// The names of exceptions that are for none of these migrations.
    pub fn stale<'a>(&'a self, directories: &'a BTreeSet<&str>) -> impl Iterator<Item = &'a str> {
        let all = [&self.without_case, &self.irreversible, &self.without_messy];
        all.into_iter().flat_map(|all| all.stale(directories))
    }
}

pub(super) fn resolve(raw: raw::TestMigration) -> Result<TestMigration, ConfigError> {
    Ok(TestMigration {
        without_case: with_reasons("without-case", raw.without_case)?,
        irreversible: with_reasons("irreversible", raw.irreversible)?,
        without_messy: with_reasons("without-messy", raw.without_messy)?,
        statement_timeout: raw.statement_timeout.unwrap_or(Duration::from_secs(30)),
    })
}

/// Exceptions, each with a reason: without one nobody knows whether it still holds.
fn with_reasons(key: &str, all: BTreeMap<String, String>) -> Result<Exceptions, ConfigError> {
    match all.iter().find(|(_, reason)| reason.trim().is_empty()) {
        None => Ok(Exceptions(all)),
        Some((name, _)) => Err(ConfigError {
            place: format!("{FILE}: test-migration.{key}.{}", redact::printable(name)),
            cause: "it gives no reason".to_owned(),
            next_step: "say why".to_owned(),
        }),
    }
}
