//! A PostgreSQL target: the server, the database, and what proves that they are the right
//! ones. Nothing here weakens TLS, and no error repeats a value.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD as BASE64, Engine as _};
use serde::Deserialize;

use super::target::Wrong;
use super::{clean, raw};
use crate::digest::Digest;
use crate::redact;

/// A database of a PostgreSQL server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The host's name or address, as its certificate must have it.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// The role that the gate logs in as.
    pub user: String,
    /// The database.
    pub database: String,
    /// Where the password is.
    pub password: Password,
    /// The certificates, in PEM, that the server's chain must end at. Nothing else is
    /// trusted.
    pub ca: PathBuf,
    /// The server's certificate must match one of them.
    pub pins: Vec<Pin>,
    /// Whether the login must be bound to the TLS connection.
    pub channel_binding: ChannelBinding,
    /// The cluster's system identifier, if the configuration names it.
    pub cluster: Option<u64>,
    /// How long one attempt waits for a lock, and others behind it.
    pub lock_timeout: Duration,
    /// How long a statement of a migration may take.
    pub statement_timeout: Duration,
    /// Up to this size a backup is proved by restoring it; bytes.
    pub restore_max: u64,
    /// Where backups are restored for proof: another target's server; a throwaway server of
    /// this machine where none is named.
    pub scratch: Option<Box<Server>>,
    /// What may be undone after a commit.
    pub auto_restore: AutoRestore,
    /// How backups are taken.
    pub backup: BackupKind,
}

impl Server {
    /// `database on host:port`, for people.
    pub fn shown(&self) -> String {
        let database = redact::printable(&self.database);
        format!("{database} on {}:{}", redact::printable(&self.host), self.port)
    }
}

/// Where a password is; never in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Password {
    /// In this variable of the environment.
    Environment(String),
    /// In this file, which nobody else may read.
    File(PathBuf),
}

/// What a server's certificate must be, besides valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pin {
    /// SHA-256 of its public key (SubjectPublicKeyInfo): stays when it is renewed with the
    /// same key. Written `sha256/` and base64, as HTTP clients write it.
    Key(Digest),
    /// SHA-256 of the certificate as a whole: changes with each renewal. Written
    /// `certificate-sha256/` and hexadecimal, as `openssl x509 -fingerprint` gives it.
    Certificate(Digest),
}

/// Whether the login must be bound to the TLS connection (SCRAM-SHA-256-PLUS).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChannelBinding {
    /// It must: a server that is handed the password's proof can't pass it on.
    #[default]
    Require,
    /// It need not: for servers behind a proxy, or with Ed25519 certificates. Receipts
    /// say so.
    Off,
}

/// What may be undone after a commit, without a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AutoRestore {
    /// Nothing.
    #[default]
    Off,
    /// The whole run: connections are refused, the absence of foreign writes is proved,
    /// and the backup takes the database's place.
    Fenced,
    /// The same, faster: the server copies the database before the run, while connections
    /// are refused, and the copy takes its place.
    Clone,
}

/// How backups are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackupKind {
    /// `pg_dump`, bound to the gate's own connection.
    Dump,
    /// A command that takes one, and one that verifies it.
    Command {
        /// Takes the backup: program and arguments.
        command: Vec<String>,
        /// Verifies it; its output goes into the receipt.
        verify: Vec<String>,
    },
}

pub(super) fn server(root: &Path, name: &str, raw: &raw::Target) -> Result<Server, Wrong> {
    let missing = |key, next: &str| (key, "the key is missing", next.to_owned());
    let url = raw.url.as_deref().ok_or_else(|| missing("url", URL_FORM))?;
    let Login { host, port, user, database } = login(url)?;
    let ca = raw.ca.as_ref().ok_or_else(|| {
        missing("ca", "name the file with the certificate authority's certificate, in PEM")
    })?;
    let pins = pins(raw.pins.as_deref().unwrap_or_default())?;
    let cluster = raw.cluster.as_deref().map(|text| {
        let next = "it is a number in quotes: SELECT system_identifier FROM pg_control_system()";
        text.parse().map_err(|_| ("cluster", "this is no system identifier", next.to_owned()))
    });
    let cluster = cluster.transpose()?;
    if raw.protected && cluster.is_none() {
        return Err(missing(
            "cluster",
            "a protected target names its cluster: cargo xtask target add",
        ));
    }
    let password = match (&raw.password_env, &raw.password_file) {
        (Some(_), Some(_)) => {
            let next = "keep one of password-env and password-file".to_owned();
            return Err(("password-file", "the password is in two places", next));
        }
        (Some(variable), None) if !is_variable(variable) => {
            let next = "write the variable's name, never the password".to_owned();
            return Err(("password-env", "this is no name of a variable", next));
        }
        (Some(variable), None) => Password::Environment(variable.clone()),
        (None, Some(path)) => Password::File(clean(&root.join(path))),
        (None, None) => Password::Environment(default_variable(name)),
    };
    let backup = match &raw.backup {
        None | Some(raw::Backup::Dump {}) => BackupKind::Dump,
        Some(raw::Backup::Command { command, verify }) => {
            if command.is_empty() || verify.is_empty() {
                let next = "write program and arguments of both, as lists".to_owned();
                return Err(("backup", "command and verify must name a program", next));
            }
            BackupKind::Command { command: command.clone(), verify: verify.clone() }
        }
    };
    let positive = |key, duration: Option<Duration>, default| match duration {
        // Zero means "for ever" to PostgreSQL: the gate would be the outage.
        Some(Duration::ZERO) => {
            Err((key, "it must be more than zero", "write it like \"3s\"".to_owned()))
        }
        Some(duration) => Ok(duration),
        None => Ok(default),
    };
    Ok(Server {
        host,
        port,
        user,
        database,
        password,
        ca: clean(&root.join(ca)),
        pins,
        channel_binding: raw.channel_binding.unwrap_or_default(),
        cluster,
        lock_timeout: positive("lock-timeout", raw.lock_timeout, Duration::from_secs(3))?,
        statement_timeout: positive(
            "statement-timeout",
            raw.statement_timeout,
            Duration::from_secs(3600),
        )?,
        restore_max: raw.restore_max.map_or(10 << 30, |size| size.as_u64()),
        // Known once every target is: see `scratch`.
        scratch: None,
        auto_restore: raw.auto_restore.unwrap_or_default(),
        backup,
    })
}

/// The variable that holds a target's password, if the configuration names none.
pub fn default_variable(target: &str) -> String {
    let name = target.to_ascii_uppercase().replace('-', "_");
    format!("PORTCULLIS_{name}_PASSWORD")
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

const URL_FORM: &str = "write it as postgres://user@host:port/database";

struct Login {
    host: String,
    port: u16,
    user: String,
    database: String,
}

/// Reads `postgres://user@host:port/database`, each part percent-encoded where it must be.
/// What more a connection URL could hold (a password, several hosts, parameters) would
/// put a secret into a file, or weaken the connection: it is refused by name.
fn login(url: &str) -> Result<Login, Wrong> {
    let wrong = |cause| ("url", cause, URL_FORM.to_owned());
    let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://"));
    let rest = rest.ok_or_else(|| wrong("it doesn't begin with postgres://"))?;
    let (rest, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    parameters.split('&').filter(|one| !one.is_empty()).try_for_each(parameter)?;
    let (authority, database) =
        rest.split_once('/').ok_or_else(|| wrong("it names no database"))?;
    let (user, address) = authority.rsplit_once('@').ok_or_else(|| wrong("it names no user"))?;
    if user.contains([':', '@']) {
        let next = "name the variable or the file that holds it: password-env, password-file";
        return Err(("url", "it holds a password", next.to_owned()));
    }
    if address.contains(',') {
        let next = "name one: a run belongs to one server".to_owned();
        return Err(("url", "it names several hosts", next));
    }
    let (host, port) = match address.strip_prefix('[') {
        // An IPv6 address is in brackets, because it has colons itself.
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or_else(|| wrong("its [ isn't closed"))?;
            (host, port.strip_prefix(':'))
        }
        None => address.split_once(':').map_or((address, None), |(host, port)| (host, Some(port))),
    };
    let port =
        port.map_or(Ok(5432), |port| port.parse().map_err(|_| wrong("its port is no number")))?;
    let decoded =
        |text: &str| decode(text).ok_or_else(|| wrong("it has a % that is no percent-encoding"));
    let (host, user, database) = (decoded(host)?, decoded(user)?, decoded(database)?);
    if host.starts_with('/') || host.starts_with('@') {
        return Err(wrong("it names a Unix socket, where there is no TLS"));
    }
    let named = [
        (&host, "it names no host"),
        (&user, "it names no user"),
        (&database, "it names no database"),
    ];
    for (part, cause) in named {
        if part.is_empty() || part.contains('\0') {
            return Err(wrong(cause));
        }
    }
    if port == 0 || host.contains(char::is_whitespace) || database.contains('/') {
        return Err(wrong("it can't be read"));
    }
    Ok(Login { host, port, user, database })
}

/// A parameter is accepted only where it says what holds anyway.
fn parameter(text: &str) -> Result<(), Wrong> {
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    let refused = |cause, next: &str| Err(("url", cause, next.to_owned()));
    match (key, value) {
        ("sslmode", "verify-full") | ("channel_binding", "require") | ("gssencmode", "disable") => {
            Ok(())
        }
        ("sslmode", _) => refused(
            "its sslmode is weaker than what always holds",
            "remove it: the chain, the host name and a pin are checked on every connection",
        ),
        ("sslrootcert" | "sslcrl" | "sslcrldir" | "sslsni", _) => {
            refused("it chooses what is trusted", "remove it, and name the authority as ca")
        }
        (
            "ssl_min_protocol_version"
            | "ssl_max_protocol_version"
            | "sslnegotiation"
            | "requiressl"
            | "gssencmode"
            | "channel_binding"
            | "require_auth"
            | "sslcompression",
            _,
        ) => refused(
            "it has a parameter that changes how the connection is secured",
            "remove it; TLS 1.2 or newer with channel binding is what there is",
        ),
        ("options", _) => refused(
            "its options could switch off constraints and triggers",
            "remove them; what a migration needs, it sets itself",
        ),
        ("password" | "passfile", _) => refused(
            "it holds a password, or says where one is",
            "name the variable or the file that holds it: password-env, password-file",
        ),
        (
            "host"
            | "hostaddr"
            | "port"
            | "user"
            | "dbname"
            | "service"
            | "target_session_attrs"
            | "load_balance_hosts",
            _,
        ) => refused(
            "a parameter names another server, database or user",
            "put host, port, user and database into their places, and remove it",
        ),
        _ => refused("it has a parameter that isn't known here", "remove everything after the ?"),
    }
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first != b'%' {
            bytes.push(*first);
            rest = tail;
            continue;
        }
        let [high, low, tail @ ..] = tail else { return None };
        let digit = |byte: &u8| char::from(*byte).to_digit(16);
        bytes.push(u8::try_from(digit(high)? * 16 + digit(low)?).ok()?);
        rest = tail;
    }
    String::from_utf8(bytes).ok()
}

const PIN_FORM: &str =
    "cargo xtask target add shows the server's, to be compared over another channel";

fn pins(texts: &[String]) -> Result<Vec<Pin>, Wrong> {
    let wrong = |cause| Err(("pins", cause, PIN_FORM.to_owned()));
    if texts.is_empty() {
        return wrong("no pin is named: there would be no trust but the authority's");
    }
    let mut pins = Vec::new();
    for text in texts {
        let Ok(pin) = text.parse::<Pin>() else {
            return wrong("one is neither sha256/BASE64 nor certificate-sha256/HEX of 32 bytes");
        };
        if pins.contains(&pin) {
            return wrong("one is named twice");
        }
        pins.push(pin);
    }
    Ok(pins)
}

/// The text is no pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is neither sha256/BASE64 nor certificate-sha256/HEX of 32 bytes")]
pub struct NoPin;

impl FromStr for Pin {
    type Err = NoPin;

    fn from_str(text: &str) -> Result<Self, NoPin> {
        let pin = if let Some(hex) = text.strip_prefix("certificate-sha256/") {
            let hex = hex.replace(':', "").to_ascii_lowercase();
            Pin::Certificate(hex.parse().map_err(|_| NoPin)?)
        } else {
            let base64 = text.strip_prefix("sha256/").ok_or(NoPin)?;
            let bytes = BASE64.decode(base64).map_err(|_| NoPin)?;
            Pin::Key(Digest::from(<[u8; 32]>::try_from(bytes).map_err(|_| NoPin)?))
        };
        // All zero is what somebody writes who has no pin yet.
        let (Pin::Key(digest) | Pin::Certificate(digest)) = pin;
        if digest.as_bytes() == &[0; 32] { Err(NoPin) } else { Ok(pin) }
    }
}

impl std::fmt::Display for Pin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Pin::Certificate(digest) => write!(f, "certificate-sha256/{digest}"),
            Pin::Key(digest) => write!(f, "sha256/{}", BASE64.encode(digest.as_bytes())),
        }
    }
}

#[cfg(test)]
mod tests;
