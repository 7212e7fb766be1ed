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

const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);

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

/// No exceptions, and thirty seconds.
impl Default for TestMigration {
    fn default() -> Self {
        Self {
            without_case: Exceptions::default(),
            irreversible: Exceptions::default(),
            without_messy: Exceptions::default(),
            statement_timeout: STATEMENT_TIMEOUT,
        }
    }
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
        statement_timeout: statement_timeout(raw.statement_timeout)?,
    })
}

/// Zero means "for ever" to PostgreSQL: then an endless query would never be one.
fn statement_timeout(given: Option<Duration>) -> Result<Duration, ConfigError> {
    match given {
        Some(given) if given.as_millis() == 0 => Err(ConfigError {
            place: format!("{FILE}: test-migration.statement-timeout"),
            cause: "it must be more than zero".to_owned(),
            next_step: "write it like \"30s\"".to_owned(),
        }),
        given => Ok(given.unwrap_or(STATEMENT_TIMEOUT)),
    }
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
