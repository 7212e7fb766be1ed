//! How libpq's programs log in: as this process did, with nothing of its environment, and
//! with the password in a file that nobody else reads.
//!
//! libpq has no pins. It checks chain, host name and channel binding by itself; that a dump
//! is of the pinned connection's database is proved by the snapshot that they share.

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use portcullis_model::config::{ChannelBinding, Server};
use tempfile::TempDir;

use super::tools::Tools;
use crate::postgres::link::password;
use crate::{Error, ErrorKind, Result, write_private};

const OPERATION: &str = "prepare a login for PostgreSQL's programs";

/// Where a program goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way<'a> {
    /// The server.
    pub(crate) server: &'a Server,
    /// The database on it, which needn't be the target's own.
    pub(crate) database: &'a str,
    /// The address that the pinned connection uses.
    pub(crate) address: IpAddr,
    /// The name that the server knows the sessions by.
    pub(crate) application: &'a str,
    /// The programs.
    pub(crate) tools: &'a Tools,
}

/// A login, gone from the disk when it is dropped.
pub(crate) struct Login {
    directory: TempDir,
    connection: String,
}

impl Login {
    /// Writes what libpq reads into a private directory.
    pub(crate) fn new(way: Way<'_>) -> Result<Self> {
        let password = password::read(&way.server.password)?;
        if password.contains(['\n', '\r']) {
            return Err(Error::new(
                ErrorKind::Refused,
                OPERATION,
                password::shown(&way.server.password),
                "the password has a line break, which PostgreSQL's programs can't be given",
                "give the role a password without one",
            ));
        }
        // `tempfile` makes it 0700.
        let directory = tempfile::Builder::new()
            .prefix("portcullis-login-")
            .tempdir()
            .map_err(|error| Error::io(OPERATION, &std::env::temp_dir(), &error))?;
        let home = home(directory.path());
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&home)
            .map_err(|error| Error::io(OPERATION, &home, &error))?;
        let Server { host, port, user, .. } = way.server;
        let line = [host, &port.to_string(), way.database, user, &password].map(escaped).join(":");
        write_private(&password_file(directory.path()), line.as_bytes())?;
        let connection = connection(way, &home);
        Ok(Self { directory, connection })
    }

    /// The program with this login: nothing of this process's environment reaches it.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let home = home(self.directory.path());
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("HOME", &home)
            .env("PGSYSCONFDIR", &home)
            .env("PGSERVICEFILE", "/dev/null")
            .env("PGPASSFILE", password_file(self.directory.path()))
            // Errors in words that are known here.
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .arg("--no-password")
            .arg("--dbname")
            .arg(&self.connection);
        command
    }
}

fn home(directory: &Path) -> PathBuf {
    directory.join("home")
}

fn password_file(directory: &Path) -> PathBuf {
    directory.join("password")
}

/// The connection as libpq takes it; it wins over any environment or service file.
fn connection(way: Way<'_>, home: &Path) -> String {
    let server = way.server;
    let binding = match server.channel_binding {
        ChannelBinding::Require => "require",
        ChannelBinding::Off => "prefer",
    };
    let none = home.join("none");
    let pairs = [
        ("host", server.host.clone()),
        // A name that resolves to several servers must not lead to another one.
        ("hostaddr", way.address.to_string()),
        ("port", server.port.to_string()),
        ("user", server.user.clone()),
        ("dbname", way.database.to_owned()),
        ("sslmode", "verify-full".to_owned()),
        ("sslrootcert", server.ca.to_string_lossy().into_owned()),
        // Older ones look for a client certificate in the home that /etc/passwd names.
        ("sslcert", none.to_string_lossy().into_owned()),
        ("channel_binding", binding.to_owned()),
        // Otherwise it comes before TLS, whatever sslmode says.
        ("gssencmode", "disable".to_owned()),
        ("ssl_min_protocol_version", "TLSv1.2".to_owned()),
        ("connect_timeout", "10".to_owned()),
        ("application_name", way.application.to_owned()),
    ];
    let mut text = pairs.map(|(key, value)| format!("{key}={}", quoted(&value))).join(" ");
    // A login that isn't bound to the connection must not hand out the password itself, to
    // whoever has a certificate that the pinned connection would have refused.
    if way.tools.binaries.version().major >= REQUIRES_AUTH {
        text.push_str(" require_auth='!password'");
    }
    text
}

/// The first version whose libpq can be told which logins it may make.
const REQUIRES_AUTH: u32 = 16;

/// A value of a connection string.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// A field of a password file.
fn escaped(field: impl AsRef<str>) -> String {
    field.as_ref().replace('\\', "\\\\").replace(':', "\\:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_as_libpq_reads_them() {
        for (value, expected) in [
            ("app", "'app'"),
            ("a b", "'a b'"),
            ("it's", "'it\\'s'"),
            ("a\\b", "'a\\\\b'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(value), expected);
        }
        for (field, expected) in [("p:w", "p\\:w"), ("a\\:b", "a\\\\\\:b"), ("ü #'", "ü #'")] {
            assert_eq!(escaped(field), expected);
        }
    }
}
