//! `portcullis.toml`: found, parsed, checked, and resolved to absolute places.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use uuid::Uuid;

use crate::redact;
use crate::sql::Dialect;

mod raw;

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
}

impl Engine {
    /// The SQL it speaks.
    pub fn dialect(self) -> Dialect {
        match self {
            Engine::Sqlite => Dialect::Sqlite,
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
    /// Its engine.
    pub engine: Engine,
    /// The database file.
    pub path: PathBuf,
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
        let migrations = migrations(raw.migrations)?;
        let mut targets = BTreeMap::new();
        for (name, target) in raw.targets {
            let target = resolve(root, &migrations, name, target)?;
            targets.insert(target.name.clone(), target);
        }
        if !targets.contains_key(&raw.default_target) {
            return Err(unknown_target(&targets, &raw.default_target, "default-target"));
        }
        Ok(Self {
            root: root.to_owned(),
            migrations,
            default_target: raw.default_target,
            default_branch: raw.default_branch,
            targets,
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

fn resolve(
    root: &Path,
    migrations: &[Migrations],
    name: String,
    raw: raw::Target,
) -> Result<Target, ConfigError> {
    let wrong = |key: &str, cause: &str, next_step: &str| ConfigError {
        place: format!(
            "{FILE}: targets.{}{}{key}",
            redact::printable(&redact::urls(&name)),
            if key.is_empty() { "" } else { "." }
        ),
        cause: cause.to_owned(),
        next_step: next_step.to_owned(),
    };
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)) {
        return Err(wrong(
            "",
            "a target's name has letters, digits, - and _ only",
            "rename the target",
        ));
    }
    check_database_path(&raw.path).map_err(|(cause, next)| wrong("path", cause, next))?;
    let places = raw.backups.iter().chain(&raw.receipts).chain(&raw.smoke);
    if places.into_iter().any(|path| is_url(path)) {
        return Err(wrong("", "one of its places is a URL", "write paths only"));
    }
    let var = root.join("var");
    let target = Target {
        engine: raw.engine,
        path: clean(&root.join(&raw.path)),
        migrations: migrations
            .iter()
            .find(|migrations| migrations.dialect == raw.engine.dialect())
            .map(|migrations| migrations.path.clone())
            .ok_or_else(|| {
                let name = raw.engine.name();
                wrong("engine", "this engine has no migrations", &format!("set migrations.{name}"))
            })?,
        protected: raw.protected,
        identity: raw.identity,
        identity_record: var.join("identity").join(&name),
        backups: raw
            .backups
            .as_ref()
            .map_or_else(|| var.join("backups").join(&name), |path| clean(&root.join(path))),
        receipts: raw
            .receipts
            .map_or_else(|| var.join("receipts").join(&name), |path| clean(&root.join(path))),
        smoke: raw.smoke.iter().map(|path| clean(&root.join(path))).collect(),
        hold_writes_max: raw.hold_writes_max.as_u64(),
        lock_wait: raw.lock_wait,
        retention: Retention {
            keep_last: raw.retention.keep_last,
            keep_for: raw.retention.keep_for,
        },
        name: name.clone(),
    };
    if target.retention.keep_last == 0 {
        return Err(wrong(
            "retention.keep-last",
            "at least one backup must stay",
            "set it to 1 or more",
        ));
    }
    if target.protected {
        if !raw.path.is_absolute() {
            return Err(wrong(
                "path",
                "a protected target's path must be absolute",
                "write the path from / on",
            ));
        }
        if raw.backups.is_none() || target.backups.starts_with(root) {
            return Err(wrong(
                "backups",
                "a protected target keeps its backups in a durable place outside the checkout",
                "name an absolute directory that outlives this checkout",
            ));
        }
    }
    Ok(target)
}

/// Each engine's directory, below the configuration's root: there git and `new` find them.
fn migrations(raw: raw::Migrations) -> Result<Vec<Migrations>, ConfigError> {
    let both = [(Dialect::Sqlite, Some(raw.sqlite)), (Dialect::Postgres, raw.postgres)];
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

/// What must not be taken for a file's name, because SQLite reads it as something else.
fn check_database_path(path: &Path) -> Result<(), (&'static str, &'static str)> {
    let Some(text) = path.to_str() else {
        return Err(("the path is not UTF-8", "give the database a name in UTF-8"));
    };
    if text.starts_with("file:") || text.starts_with(":memory:") || text.contains("://") {
        return Err((
            "this is a URI, not a path",
            "write the path of the database file, such as var/dev.db",
        ));
    }
    if text.is_empty() || text.contains('\0') || path.file_name().is_none() {
        return Err((
            "this names no file",
            "write the path of the database file, such as var/dev.db",
        ));
    }
    Ok(())
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
