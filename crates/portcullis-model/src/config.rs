//! `portcullis.toml`: found, parsed, checked, and resolved to absolute places.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use uuid::Uuid;

use crate::redact;
use crate::sql::Dialect;

mod raw;
mod scratch;
mod server;
mod target;

pub use server::{
    AutoRestore, BackupKind, ChannelBinding, NoPin, Password, Pin, Server, default_variable,
};

/// The file's name, at the root of a workspace.
pub const FILE: &str = "portcullis.toml";

/// Every key with its meaning and default, as a file that can be copied.
pub const REFERENCE: &str = include_str!("config/reference.toml");

/// A database engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// SQLite, in a file.
    Sqlite,
    /// PostgreSQL, behind TLS.
    Postgres,
}

impl Engine {
    /// The SQL it speaks.
    pub fn dialect(self) -> Dialect {
        match self {
            Engine::Sqlite => Dialect::Sqlite,
            Engine::Postgres => Dialect::Postgres,
        }
    }

    /// The word for it in the configuration.
    pub fn name(self) -> &'static str {
        self.dialect().name()
    }
}

/// The configuration, checked and with every path absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The directory that holds `portcullis.toml`.
    pub root: PathBuf,
    /// Each engine's migrations.
    pub migrations: Vec<Migrations>,
    /// The target that is meant when none is named.
    pub default_target: String,
    /// The branch that others start from, if the configuration names it.
    pub default_branch: Option<String>,
    /// The targets by name.
    pub targets: BTreeMap<String, Target>,
    /// How long one statement of a test may take.
    pub test_statement_timeout: Duration,
    /// Migrations, by their directories' names, that need no test case, and why.
    pub without_case: BTreeMap<String, String>,
    /// Migrations that can't be undone, and why.
    pub irreversible: BTreeMap<String, String>,
}

/// The migrations of one engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrations {
    /// Whose SQL they are written in.
    pub dialect: Dialect,
    /// Their directory, relative to the configuration's root.
    pub path: PathBuf,
}

/// A named database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// Where the database is.
    pub place: Place,
    /// The engine's migrations, relative to the configuration's root.
    pub migrations: PathBuf,
    /// Whether it is held to the rules for databases that people depend on.
    pub protected: bool,
    /// The identity that the database must carry, if the configuration names it.
    pub identity: Option<Uuid>,
    /// Where an unprotected target's identity is recorded.
    pub identity_record: PathBuf,
    /// The directory for backups.
    pub backups: PathBuf,
    /// The directory for receipts.
    pub receipts: PathBuf,
    /// `.slt` files, or directories of them, that are run as smoke queries.
    pub smoke: Vec<PathBuf>,
    /// Above this database size no scan and no copy happens while writers wait; bytes.
    pub hold_writes_max: u64,
    /// How long to wait for other writers.
    pub lock_wait: Duration,
    /// Which backups may go.
    pub retention: Retention,
}

/// Where a database is, and with that, which engine it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// SQLite: a file.
    File(PathBuf),
    /// PostgreSQL: a database of a server.
    Server(Box<Server>),
}

impl Target {
    /// Its engine.
    pub fn engine(&self) -> Engine {
        match self.place {
            Place::File(_) => Engine::Sqlite,
            Place::Server(_) => Engine::Postgres,
        }
    }

    /// Where it is, for people: a path, or `database on host:port`.
    pub fn shown(&self) -> String {
        match &self.place {
            Place::File(path) => redact::path(path),
            Place::Server(server) => server.shown(),
        }
    }

    /// [`Self::shown`], with a file's path as seen from `root`.
    pub fn shown_from(&self, root: &Path) -> String {
        match &self.place {
            Place::File(path) => redact::path(path.strip_prefix(root).unwrap_or(path)),
            Place::Server(server) => server.shown(),
        }
    }
}

/// Which backups may be removed: those that are neither among the newest nor young.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// This many of the newest stay.
    pub keep_last: usize,
    /// Younger ones stay.
    pub keep_for: Duration,
}

/// What is wrong with a configuration, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {cause}")]
pub struct ConfigError {
    /// File, and line or key.
    pub place: String,
    /// What is wrong.
    pub cause: String,
    /// What to do.
    pub next_step: String,
}

impl Config {
    /// Reads the configuration from the first of `start` and its parents that has one.
    ///
    /// # Errors
    /// None found, unreadable, or wrong.
    pub fn find(start: &Path) -> Result<Self, ConfigError> {
        let root = Self::find_root(start)?;
        let path = root.join(FILE);
        let text = std::fs::read_to_string(&path).map_err(|error| ConfigError {
            place: redact::path(&path),
            cause: format!("can't be read: {error}"),
            next_step: "make it a readable UTF-8 file".to_owned(),
        })?;
        Self::parse(&text, &root)
    }

    /// The first of `start` and its parents that has a configuration, whatever it says.
    ///
    /// # Errors
    /// None has.
    pub fn find_root(start: &Path) -> Result<PathBuf, ConfigError> {
        let found = start.ancestors().find(|directory| directory.join(FILE).is_file());
        found.map(Path::to_owned).ok_or_else(|| ConfigError {
            place: redact::path(start),
            cause: format!("there is no {FILE} here or in any parent directory"),
            next_step: format!(
                "run it inside the workspace, or write a {FILE} (cargo xtask explain config)"
            ),
        })
    }

    /// Checks a configuration's text; relative paths are taken from `root`.
    ///
    /// # Errors
    /// Whatever is wrong with it. No value of the text is repeated in an error, as it may
    /// hold a password.
    pub fn parse(text: &str, root: &Path) -> Result<Self, ConfigError> {
        let raw = raw::parse(text)?;
        let migrations = migrations(raw.migrations, &raw.targets)?;
        let scratch = scratch::named(&raw.targets);
        let mut targets = BTreeMap::new();
        for (name, target) in raw.targets {
            let target = target::resolve(root, &migrations, name, target)?;
            targets.insert(target.name.clone(), target);
        }
        scratch::resolve(&mut targets, &scratch)?;
        let default_target = raw.default_target.unwrap_or_else(|| default_target(&targets));
        if !targets.contains_key(&default_target) {
            return Err(unknown_target(&targets, &default_target, "default-target"));
        }
        Ok(Self {
            root: root.to_owned(),
            migrations,
            default_target,
            default_branch: raw.default_branch,
            targets,
            test_statement_timeout: test_timeout(raw.test_migration.statement_timeout)?,
            without_case: with_reasons("without-case", raw.test_migration.without_case)?,
            irreversible: with_reasons("irreversible", raw.test_migration.irreversible)?,
        })
    }

    /// The target of this name, or the default one.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn target(&self, name: Option<&str>) -> Result<&Target, ConfigError> {
        let name = name.unwrap_or(&self.default_target);
        self.targets.get(name).ok_or_else(|| unknown_target(&self.targets, name, "--target"))
    }
}

/// Zero means "for ever" to PostgreSQL: then an endless query would never be one.
fn test_timeout(given: Option<Duration>) -> Result<Duration, ConfigError> {
    match given {
        Some(given) if given.as_millis() == 0 => Err(ConfigError {
            place: format!("{FILE}: test-migration.statement-timeout"),
            cause: "it must be more than zero".to_owned(),
            next_step: "write it like \"30s\"".to_owned(),
        }),
        given => Ok(given.unwrap_or(Duration::from_secs(30))),
    }
}

/// Exceptions, each with a reason: without one nobody knows whether it still holds.
fn with_reasons(
    key: &str,
    all: BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, ConfigError> {
    match all.iter().find(|(_, reason)| reason.trim().is_empty()) {
        None => Ok(all),
        Some((name, _)) => Err(ConfigError {
            place: format!("{FILE}: test-migration.{key}.{}", redact::printable(name)),
            cause: "it gives no reason".to_owned(),
            next_step: "say why".to_owned(),
        }),
    }
}

fn unknown_target(targets: &BTreeMap<String, Target>, name: &str, place: &str) -> ConfigError {
    let known: Vec<&str> = targets.keys().map(String::as_str).collect();
    ConfigError {
        place: place.to_owned(),
        cause: format!("there is no target {:?}", redact::printable(&redact::urls(name))),
        next_step: match like(name, &known) {
            Some(suggestion) => format!("did you mean {suggestion}?"),
            None => format!("{FILE} has these targets: {}", known.join(", ")),
        },
    }
}

/// The candidate that a mistyped word most likely meant: at most a third of its letters
/// are wrong.
pub fn like<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    candidates
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), *candidate))
        .filter(|(distance, _)| *distance <= (word.chars().count() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// What is meant where the configuration doesn't say: the only target, or `dev`.
fn default_target(targets: &BTreeMap<String, Target>) -> String {
    match targets.keys().next() {
        Some(only) if targets.len() == 1 => only.clone(),
        _ => "dev".to_owned(),
    }
}

/// Each engine's directory, below the configuration's root: there git and `new` find them.
/// SQLite's has a usual place, unless there are only PostgreSQL's.
fn migrations(
    raw: raw::Migrations,
    targets: &BTreeMap<String, raw::Target>,
) -> Result<Vec<Migrations>, ConfigError> {
    let has_sqlite = targets.values().any(|target| target.engine == Engine::Sqlite);
    let usual = has_sqlite || raw.postgres.is_none();
    let sqlite = raw.sqlite.or_else(|| usual.then(|| "migrations/sqlite".into()));
    let both = [(Dialect::Sqlite, sqlite), (Dialect::Postgres, raw.postgres)];
    let found = both.into_iter().filter_map(|(dialect, path)| Some((dialect, path?)));
    let mut migrations: Vec<Migrations> = Vec::new();
    for (dialect, path) in found {
        let wrong = |cause: &str| ConfigError {
            place: format!("{FILE}: migrations.{}", dialect.name()),
            cause: cause.to_owned(),
            next_step: "name a directory below this file, such as migrations/sqlite".to_owned(),
        };
        if is_url(&path) {
            return Err(wrong("it is a URL"));
        }
        // From a root of its own, `..` can't lead out of it unnoticed.
        let below = clean(&Path::new("/root").join(&path));
        let path = below.strip_prefix("/root").unwrap_or(Path::new("")).to_owned();
        if path.as_os_str().is_empty() {
            return Err(wrong("it isn't below the workspace"));
        }
        if migrations.iter().any(|other| other.path == path) {
            return Err(wrong("two engines can't share a directory"));
        }
        migrations.push(Migrations { dialect, path });
    }
    Ok(migrations)
}

fn is_url(path: &Path) -> bool {
    path.to_string_lossy().contains("://")
}

/// The path without `.` and with `..` resolved by its text, so that one file has one
/// spelling in messages and comparisons.
fn clean(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                out.pop();
            }
            Component::CurDir => {}
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests;
