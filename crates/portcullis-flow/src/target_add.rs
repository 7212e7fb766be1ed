//! A target that is added: the server is proved before anything is sent to it, and what is
//! written into the configuration is what was proved.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use portcullis_database::introduction::{self, Met, Shown};
use portcullis_model::config::{Config, FILE, Pin, Place, Server, Target};
use portcullis_model::exit::Exit;
use portcullis_model::redact;
use uuid::Uuid;

use crate::error::Stop;

const OPERATION: &str = "add the target";

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The target's name.
    pub name: String,
    /// `postgres://user@host:port/database`.
    pub url: String,
    /// The file with the authority's certificate, as it is to be written.
    pub ca: PathBuf,
    /// The variable that holds the password.
    pub password_env: Option<String>,
    /// The file that holds the password, as it is to be written.
    pub password_file: Option<PathBuf>,
    /// Whether it is protected.
    pub protected: bool,
    /// The directory for backups, as it is to be written.
    pub backups: Option<PathBuf>,
}

/// A target that can be written down, once the server is proved.
#[derive(Debug, Clone)]
pub struct Proposed {
    wanted: Wanted,
    root: PathBuf,
    /// The configuration's text as it is.
    text: String,
    server: Server,
}

/// Checks everything that can be checked without the server.
///
/// # Errors
/// The target is there already, or the configuration would be wrong with it.
pub fn propose(root: &Path, wanted: Wanted) -> Result<Proposed, Stop> {
    let path = root.join(FILE);
    let text = std::fs::read_to_string(&path).map_err(|error| {
        let next = "make it a readable UTF-8 file";
        Stop::new(Exit::Usage, OPERATION, redact::path(&path), error.to_string(), next)
    })?;
    let there = text.parse::<toml::Table>().ok();
    let targets = there.as_ref().and_then(|table| table.get("targets")?.as_table());
    if targets.is_some_and(|targets| targets.contains_key(&wanted.name)) {
        return Err(Stop::new(
            Exit::Usage,
            OPERATION,
            redact::path(&path),
            format!("[targets.{}] is already there", redact::printable(&wanted.name)),
            "choose another name, or change what is there by hand",
        ));
    }
    // The server's own values come later; stand-ins of their form take their places.
    let later =
        Proven { pins: &[STAND_IN.parse().map_err(|_| no_server(&wanted.name))?], cluster: 1 };
    let config = Config::parse(&appended(&text, &wanted, &later), root)?;
    let server = server_of(&config, &wanted.name)?;
    Ok(Proposed { server, root: root.to_owned(), text, wanted })
}

/// A pin that no certificate has; it never reaches the file.
const STAND_IN: &str =
    "certificate-sha256/1111111111111111111111111111111111111111111111111111111111111111";

/// What the server has proved.
struct Proven<'a> {
    pins: &'a [Pin],
    cluster: u64,
}

impl Proposed {
    /// The server, for people.
    pub fn shown(&self) -> String {
        self.server.shown()
    }

    /// What the server shows. Nothing is sent to it but a handshake.
    ///
    /// # Errors
    /// The chain or the host name is wrong, or there is no TLS.
    pub fn shake_hands(&self) -> Result<Shown, Stop> {
        Ok(introduction::shake_hands(&self.server)?)
    }

    /// Logs in to a server that has one of the pins.
    ///
    /// # Errors
    /// It has none, the login is refused, or it is nothing that could be migrated.
    pub fn meet(&self, pins: &[Pin]) -> Result<Met, Stop> {
        let server = Server { pins: pins.to_vec(), cluster: None, ..self.server.clone() };
        Ok(introduction::meet(&server)?)
    }

    /// Writes the target into the configuration, behind what is there.
    ///
    /// # Errors
    /// The file was changed meanwhile, or can't be written.
    pub fn write(&self, pins: &[Pin], met: &Met) -> Result<Config, Stop> {
        let text = appended(&self.text, &self.wanted, &Proven { pins, cluster: met.cluster });
        let config = Config::parse(&text, &self.root)?;
        replace(&self.root.join(FILE), &self.text, &text)?;
        Ok(config)
    }

    /// Writes the identity that a protected target must have behind what [`Self::write`]
    /// has written; anybody else's change in between is left alone, and told.
    ///
    /// # Errors
    /// The file was changed meanwhile, or can't be written.
    pub fn write_identity(&self, pins: &[Pin], met: &Met, identity: Uuid) -> Result<(), Stop> {
        let before = appended(&self.text, &self.wanted, &Proven { pins, cluster: met.cluster });
        let after = format!("{before}identity = \"{identity}\"\n");
        replace(&self.root.join(FILE), &before, &after)
    }
}

fn appended(text: &str, wanted: &Wanted, proven: &Proven<'_>) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let path = |path: &Path| quoted(&path.to_string_lossy());
    let mut out = text.to_owned();
    if !out.is_empty() {
        out.push_str(if out.ends_with('\n') { "\n" } else { "\n\n" });
    }
    out.push_str(&format!("[targets.{}]\nengine = \"postgres\"\n", wanted.name));
    let mut line = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            out.push_str(&format!("{key} = {value}\n"));
        }
    };
    let pins: Vec<String> = proven.pins.iter().map(|pin| quoted(&pin.to_string())).collect();
    line("url", Some(quoted(&wanted.url)));
    line("password-env", wanted.password_env.as_deref().map(quoted));
    line("password-file", wanted.password_file.as_deref().map(path));
    line("ca", Some(path(&wanted.ca)));
    line("pins", Some(format!("[{}]", pins.join(", "))));
    line("cluster", Some(quoted(&proven.cluster.to_string())));
    line("protected", wanted.protected.then(|| "true".to_owned()));
    line("backups", wanted.backups.as_deref().map(path));
    out
}

fn server_of(config: &Config, name: &str) -> Result<Server, Stop> {
    match config.targets.get(name) {
        Some(Target { place: Place::Server(server), .. }) => Ok((**server).clone()),
        _ => Err(no_server(name)),
    }
}

fn no_server(name: &str) -> Stop {
    let next = "name it as postgres://user@host:port/database";
    Stop::new(Exit::Usage, OPERATION, redact::printable(name), "it names no server", next)
}

/// Whole or not at all, and only over what was read.
fn replace(path: &Path, before: &str, after: &str) -> Result<(), Stop> {
    let failed = |cause: String, next: &str| {
        Stop::new(Exit::Refused, "write the configuration", redact::path(path), cause, next)
    };
    let io = |error: std::io::Error| failed(error.to_string(), "check who may write there");
    if std::fs::read_to_string(path).map_err(io)? != before {
        let cause = "it was changed while the server was asked".to_owned();
        return Err(failed(cause, "run it again"));
    }
    let mode = std::fs::metadata(path).map_err(io)?.permissions().mode() & 0o777;
    let mut file = tempfile::Builder::new()
        .prefix(".writing-")
        .permissions(std::fs::Permissions::from_mode(mode))
        .tempfile_in(path.parent().unwrap_or(Path::new(".")))
        .map_err(io)?;
    file.write_all(after.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(io)?;
    file.persist(path).map(drop).map_err(|error| io(error.error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Wanted {
        Wanted {
            name: "production".into(),
            url: "postgres://app@db.example/app".into(),
            ca: "certs/ca.pem".into(),
            password_env: None,
            password_file: Some("/run/it's \"secret\"".into()),
            protected: true,
            backups: Some("/srv/backups".into()),
        }
    }

    const TEXT: &str = "# Ours.\n[migrations]\npostgres   = 'migrations/pg'\n\n[targets.dev]\n\
                        engine = \"sqlite\"\npath = \"var/dev.db\" # here";

    #[test]
    fn what_is_there_stays_byte_for_byte() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(FILE);
        for text in [TEXT.to_owned(), format!("{TEXT}\n"), TEXT.replace('\n', "\r\n") + "\r\n"] {
            std::fs::write(&path, &text).unwrap();
            let proposed = propose(directory.path(), wanted()).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "nothing is written yet");
            let pins = [STAND_IN.parse().unwrap()];
            let met = met();
            let config = proposed.write(&pins, &met).unwrap();
            proposed.write_identity(&pins, &met, Uuid::from_u128(7)).unwrap();
            let written = std::fs::read_to_string(&path).unwrap();
            assert!(written.starts_with(&text), "{written}");
            assert!(!written.contains("\n\n\n"));
            let again = Config::parse(&written, directory.path()).unwrap();
            let target = &again.targets["production"];
            assert_eq!(target.identity, Some(Uuid::from_u128(7)));
            assert_eq!(target.place, config.targets["production"].place);
            let server = server_of(&again, "production").unwrap();
            assert_eq!((server.cluster, server.pins.as_slice()), (Some(42), &pins[..]));
        }
    }

    fn met() -> Met {
        Met {
            cluster: 42,
            database_oid: 1,
            server_version: "15".into(),
            role: "app".into(),
            excess: vec![],
            is_new: true,
            diesel: false,
            applied: vec![],
            migrated_by: None,
            proposal: String::new(),
        }
    }

    #[test]
    fn what_cant_be_added_is_refused_before_the_server_is_asked() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(FILE);
        std::fs::write(&path, TEXT).unwrap();
        for (change, cause) in [
            (Wanted { name: "dev".into(), ..wanted() }, "already there"),
            (Wanted { name: "a b".into(), ..wanted() }, ""),
            (Wanted { name: "x]\n[targets.y".into(), ..wanted() }, ""),
            (Wanted { url: "postgres://app:hunter2@db/app".into(), ..wanted() }, "password"),
            (Wanted { url: "postgres://app@db/app?sslmode=disable".into(), ..wanted() }, "sslmode"),
            (Wanted { backups: None, ..wanted() }, "durable"),
        ] {
            let stop = propose(directory.path(), change).unwrap_err();
            assert_eq!(stop.exit, Exit::Usage, "{stop}");
            assert!(stop.cause.contains(cause), "{stop}");
            assert!(!format!("{stop:?}").contains("hunter2"));
            assert_eq!(std::fs::read_to_string(&path).unwrap(), TEXT);
        }
    }

    #[test]
    fn a_file_that_was_changed_meanwhile_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(FILE);
        std::fs::write(&path, TEXT).unwrap();
        let proposed = propose(directory.path(), wanted()).unwrap();
        let changed = format!("{TEXT}\n# more\n");
        std::fs::write(&path, &changed).unwrap();
        let stop = proposed.write(&[STAND_IN.parse().unwrap()], &met()).unwrap_err();
        assert_eq!(stop.exit, Exit::Refused);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), changed);
    }
}
