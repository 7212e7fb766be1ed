//! One target: its keys checked, and every place resolved.

use std::path::Path;

use super::{
    ConfigError, Engine, FILE, Migrations, Place, Retention, Target, clean, is_url, raw, server,
};
use crate::redact;

pub(super) fn resolve(
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
    let places = raw.backups.iter().chain(&raw.receipts).chain(&raw.smoke);
    if places.into_iter().any(|path| is_url(path)) {
        return Err(wrong("", "one of its places is a URL", "write paths only"));
    }
    let var = root.join("var");
    let place = place(root, &name, &raw).map_err(|(key, cause, next)| wrong(key, cause, &next))?;
    let target = Target {
        place,
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
        if raw.path.as_ref().is_some_and(|path| !path.is_absolute()) {
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

/// A key, what is wrong with it, and what to do.
pub(super) type Wrong = (&'static str, &'static str, String);

/// Where the database is, by the keys of its engine; those of another engine are refused.
fn place(root: &Path, name: &str, raw: &raw::Target) -> Result<Place, Wrong> {
    match raw.engine {
        Engine::Sqlite => {
            if let Some(key) = raw.server_key() {
                return Err((key, "this key is for PostgreSQL", "remove it".to_owned()));
            }
            let Some(path) = &raw.path else {
                let next = "write the path of the database file, such as var/dev.db";
                return Err(("path", "the key is missing", next.to_owned()));
            };
            check_database_path(path).map_err(|(cause, next)| ("path", cause, next.to_owned()))?;
            Ok(Place::File(clean(&root.join(path))))
        }
        Engine::Postgres => {
            if raw.path.is_some() {
                let next = "write url = \"postgres://user@host/database\" in its place";
                return Err(("path", "this key is for SQLite", next.to_owned()));
            }
            server::server(root, name, raw).map(|server| Place::Server(Box::new(server)))
        }
    }
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
