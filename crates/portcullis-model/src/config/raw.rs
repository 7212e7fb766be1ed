//! The file as it is written: serde types, defaults, and errors without values.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use serde::{Deserialize, Deserializer};
use uuid::Uuid;

use super::{AutoRestore, ChannelBinding, ConfigError, Engine, FILE, like};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Config {
    pub(super) default_target: Option<String>,
    pub(super) default_branch: Option<String>,
    #[serde(default)]
    pub(super) migrations: Migrations,
    pub(super) targets: BTreeMap<String, Target>,
    #[serde(default)]
    pub(super) test_migration: TestMigration,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct TestMigration {
    #[serde(deserialize_with = "optional_duration")]
    pub(super) statement_timeout: Option<Duration>,
    pub(super) without_case: BTreeMap<String, String>,
    pub(super) irreversible: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Migrations {
    pub(super) sqlite: Option<PathBuf>,
    pub(super) postgres: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Target {
    pub(super) engine: Engine,
    pub(super) path: Option<PathBuf>,
    pub(super) url: Option<String>,
    pub(super) password_env: Option<String>,
    pub(super) password_file: Option<PathBuf>,
    pub(super) ca: Option<PathBuf>,
    pub(super) pins: Option<Vec<String>>,
    pub(super) channel_binding: Option<ChannelBinding>,
    pub(super) cluster: Option<String>,
    #[serde(default, deserialize_with = "optional_duration")]
    pub(super) lock_timeout: Option<Duration>,
    #[serde(default, deserialize_with = "optional_duration")]
    pub(super) statement_timeout: Option<Duration>,
    pub(super) restore_max: Option<ByteSize>,
    pub(super) scratch: Option<String>,
    pub(super) auto_restore: Option<AutoRestore>,
    pub(super) backup: Option<Backup>,
    #[serde(default)]
    pub(super) protected: bool,
    pub(super) identity: Option<Uuid>,
    pub(super) backups: Option<PathBuf>,
    pub(super) receipts: Option<PathBuf>,
    #[serde(default)]
    pub(super) smoke: Vec<PathBuf>,
    #[serde(default = "hold_writes_max")]
    pub(super) hold_writes_max: ByteSize,
    #[serde(default = "lock_wait", deserialize_with = "duration")]
    pub(super) lock_wait: Duration,
    #[serde(default)]
    pub(super) retention: Retention,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "kind")]
pub(super) enum Backup {
    Dump {},
    Command { command: Vec<String>, verify: Vec<String> },
}

impl Target {
    /// The first of its keys that only a PostgreSQL target has.
    pub(super) fn server_key(&self) -> Option<&'static str> {
        let keys = [
            ("url", self.url.is_some()),
            ("password-env", self.password_env.is_some()),
            ("password-file", self.password_file.is_some()),
            ("ca", self.ca.is_some()),
            ("pins", self.pins.is_some()),
            ("channel-binding", self.channel_binding.is_some()),
            ("cluster", self.cluster.is_some()),
            ("lock-timeout", self.lock_timeout.is_some()),
            ("statement-timeout", self.statement_timeout.is_some()),
            ("restore-max", self.restore_max.is_some()),
            ("scratch", self.scratch.is_some()),
            ("auto-restore", self.auto_restore.is_some()),
            ("backup", self.backup.is_some()),
        ];
        keys.into_iter().find(|(_, given)| *given).map(|(key, _)| key)
    }
}

fn hold_writes_max() -> ByteSize {
    ByteSize::gib(1)
}

fn lock_wait() -> Duration {
    Duration::from_secs(10)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Retention {
    pub(super) keep_last: usize,
    #[serde(deserialize_with = "duration")]
    pub(super) keep_for: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self { keep_last: 10, keep_for: Duration::from_secs(30 * 24 * 60 * 60) }
    }
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text).map_err(|_| {
        serde::de::Error::custom("a duration is written like \"10s\", \"5m\" or \"30d\"")
    })
}

fn optional_duration<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    duration(deserializer).map(Some)
}

/// Parses the file. The error repeats keys, never values or source lines: somebody may
/// have put a password there.
pub(super) fn parse(text: &str) -> Result<Config, ConfigError> {
    toml::from_str(text).map_err(|error| {
        let line =
            error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        let place = line.map_or_else(|| FILE.to_owned(), |line| format!("{FILE}:{line}"));
        let (cause, next_step) = explain(error.message());
        ConfigError { place, cause, next_step }
    })
}

/// Turns serde's words into ours; keeps of the file only the names of keys.
fn explain(message: &str) -> (String, String) {
    let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let reference = "see every key with its meaning: cargo xtask explain config".to_owned();
    if message.starts_with("unknown field")
        && let [unknown, known @ ..] = names.as_slice()
    {
        let next = match like(unknown, known) {
            Some(suggestion) => format!("did you mean {suggestion:?}?"),
            None => format!("known here: {}", known.join(", ")),
        };
        let key = crate::redact::urls(unknown);
        return (format!("unknown key {:?}", crate::redact::printable(&key)), next);
    }
    if message.starts_with("missing field")
        && let [key] = names.as_slice()
    {
        return (format!("the key {key:?} is missing"), reference);
    }
    if message.starts_with("unknown variant")
        && let [_, known @ ..] = names.as_slice()
    {
        return ("unknown value".to_owned(), format!("possible values: {}", known.join(", ")));
    }
    // `invalid type: string "…", expected …` repeats the value: keep what was expected.
    let cause = match message.rsplit_once("expected ") {
        Some((_, expected)) if message.starts_with("invalid") => format!("expected {expected}"),
        _ if message.starts_with("a duration") => message.to_owned(),
        _ if message.contains('"') || message.contains("://") => {
            "this can't be read as TOML".to_owned()
        }
        _ => message.lines().next().unwrap_or_default().to_owned(),
    };
    (cause, reference)
}
