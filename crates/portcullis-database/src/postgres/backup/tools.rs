//! PostgreSQL's own programs on this machine: which of the installed ones to use.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use portcullis_cluster::binaries::{self, Binaries};
use portcullis_model::redact;

use crate::{Error, ErrorKind, Result};

const OPERATION: &str = "look for pg_dump";

/// An installation whose `pg_dump` can read a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tools {
    /// Where it is.
    pub(crate) binaries: Binaries,
    /// The version of its `pg_dump`.
    pub(crate) version: String,
}

impl Tools {
    /// One of its programs.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.binaries.program(name)
    }

    /// The major version of its `pg_dump`.
    pub(crate) fn major(&self) -> u32 {
        major(&self.version)
    }
}

/// The installation for a server of this version: of the same major version, or else the
/// next newer one. One that is older can't read the server; one that is newer writes what
/// a server of the old version may not understand.
pub(crate) fn find(server: &str) -> Result<Tools> {
    let all = binaries::all().map_err(|error| {
        Error::new(ErrorKind::Refused, OPERATION, error.place, error.cause, error.next_step)
    })?;
    choose(server, all.into_iter().map(of).collect::<Result<_>>()?)
}

fn choose(server: &str, tools: Vec<Tools>) -> Result<Tools> {
    let able = tools.iter().filter(|tools| tools.major() >= major(server));
    // Of one major version the first: that is the one to which the environment points.
    let best = able.min_by_key(|tools| tools.major());
    best.cloned().ok_or_else(|| too_old(server, &tools))
}

/// An installation, with what its `pg_dump` says.
pub(crate) fn of(binaries: Binaries) -> Result<Tools> {
    let version = version_of(&binaries)?;
    Ok(Tools { binaries, version })
}

/// The major version in `15.4` or `15.4 (Debian 15.4-1)`; 0 where there is none.
pub(crate) fn major(version: &str) -> u32 {
    let digits = version.find(|c: char| !c.is_ascii_digit()).unwrap_or(version.len());
    version[..digits].parse().unwrap_or_default()
}

/// The version that its `pg_dump` says, which is the one that counts.
fn version_of(binaries: &Binaries) -> Result<String> {
    let program = binaries.program("pg_dump");
    let output = Command::new(&program)
        .arg("--version")
        .env_clear()
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .map_err(|error| Error::io(OPERATION, &program, &error).refused())?;
    let said = String::from_utf8_lossy(&output.stdout);
    // "pg_dump (PostgreSQL) 15.4 (Debian 15.4-1)"
    let version =
        said.split_once("(PostgreSQL) ").and_then(|(_, rest)| rest.split_whitespace().next());
    version.filter(|version| major(version) > 0).map(str::to_owned).ok_or_else(|| {
        let cause = "it doesn't say which version it is";
        let next =
            format!("install PostgreSQL's own, or set {} to its directory", binaries::VARIABLE);
        Error::new(ErrorKind::Refused, OPERATION, redact::path(&program), cause, next)
    })
}

fn too_old(server: &str, tools: &[Tools]) -> Error {
    let newest = tools.iter().max_by_key(|tools| tools.major());
    let (place, found) = newest.map_or_else(Default::default, |tools| {
        (redact::path(&tools.program("pg_dump")), tools.version.clone())
    });
    let cause =
        format!("it is version {found}, and the server is {server}: an older one can't read it");
    let next = format!(
        "install PostgreSQL {} on this machine, or set {} to the directory of its programs",
        major(server),
        binaries::VARIABLE
    );
    Error::new(ErrorKind::Refused, OPERATION, place, cause, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_begins_with_its_major_number() {
        for (version, expected) in [
            ("15.18", 15),
            ("15.18 (Debian 15.18-0)", 15),
            ("9.6.24", 9),
            ("18devel", 18),
            ("x", 0),
            ("", 0),
        ] {
            assert_eq!(major(version), expected, "{version}");
        }
    }

    #[test]
    fn one_that_is_older_than_the_server_is_not_used() {
        let error = find("99.1").unwrap_err();
        assert_eq!(error.kind, ErrorKind::Refused);
        assert!(error.cause.contains("and the server is 99.1"), "{error}");
        assert!(error.next_step.contains("install PostgreSQL 99"), "{}", error.next_step);
        assert!(find("10.1").unwrap().major() >= 10);
    }
}
