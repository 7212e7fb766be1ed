//! Where PostgreSQL's programs are: nothing is ever downloaded.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::{Error, ErrorKind, Result, shown};

/// Names the directory, and no other is looked at.
pub const VARIABLE: &str = "PORTCULLIS_PG_BIN";

/// What a directory must hold.
const PROGRAMS: [&str; 6] = ["postgres", "initdb", "pg_ctl", "pg_dump", "pg_restore", "psql"];

/// Where packages put a major version; `*` stands for its number.
const USUAL: [&str; 5] = [
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/libexec/postgresql*",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
];

/// Where they are without a number in the name.
const PLAIN: [&str; 2] =
    ["/usr/local/pgsql/bin", "/Applications/Postgres.app/Contents/Versions/latest/bin"];

const OPERATION: &str = "find PostgreSQL's programs";

/// A version, as far as it says what goes with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// A dump is made by a program of the server's major version or a newer one.
    pub major: u32,
    /// Zero for one that isn't released.
    pub minor: u32,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// One installation: a directory that holds the server and its clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    directory: PathBuf,
    version: Version,
}

impl Binaries {
    /// The installation in a directory.
    ///
    /// # Errors
    /// A program is missing, or `postgres --version` says nothing that can be read.
    pub fn at(directory: &Path) -> Result<Self> {
        let refuse = |cause: String| {
            let next = format!("set {VARIABLE} to the directory that holds postgres and initdb");
            Error::new(ErrorKind::NotInstalled, OPERATION, shown(directory), cause, next)
        };
        // The server's directory, not one that links to some of its programs: they find
        // their own files beside themselves.
        let directory = directory.canonicalize().map_err(|error| refuse(error.to_string()))?;
        if let Some(missing) = PROGRAMS.iter().find(|name| !directory.join(name).is_file()) {
            return Err(refuse(format!("it holds no {missing}")));
        }
        let said = output(&directory.join("postgres"), "--version")
            .ok_or_else(|| refuse("postgres --version fails".to_owned()))?;
        let version = version(&said)
            .ok_or_else(|| refuse(format!("postgres --version says {}", said.trim())))?;
        Ok(Self { directory, version })
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The server's version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// A program in it: `pg_dump`.
    pub fn program(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

/// The installation to use: what `PORTCULLIS_PG_BIN` names, or else the first of
/// `pg_config`'s, that on `PATH`, and the newest one in the usual places.
///
/// # Errors
/// None is found, or the variable names a directory that isn't one.
pub fn find() -> Result<Binaries> {
    match named() {
        Some(directory) => Binaries::at(&directory),
        None => candidates().find_map(|one| Binaries::at(&one).ok()).ok_or_else(none_found),
    }
}

/// Every installation that is found, the newest first; with `PORTCULLIS_PG_BIN`, that one.
///
/// # Errors
/// As [`find`].
pub fn all() -> Result<Vec<Binaries>> {
    if let Some(directory) = named() {
        return Ok(vec![Binaries::at(&directory)?]);
    }
    let mut found: Vec<Binaries> = Vec::new();
    for one in candidates().filter_map(|directory| Binaries::at(&directory).ok()) {
        if !found.contains(&one) {
            found.push(one);
        }
    }
    // Stable: of one version, that which `find` prefers comes first.
    found.sort_by_key(|one| std::cmp::Reverse(one.version));
    if found.is_empty() { Err(none_found()) } else { Ok(found) }
}

fn named() -> Option<PathBuf> {
    std::env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn none_found() -> Error {
    Error::new(
        ErrorKind::NotInstalled,
        OPERATION,
        "this machine",
        "no directory holds both the server and its clients",
        format!(
            "install PostgreSQL (Debian, Ubuntu and Homebrew: postgresql; Fedora: \
             postgresql-server; in Portcullis' own repository: cargo xtask test \
             --install-postgres), or set {VARIABLE} to the directory of its programs"
        ),
    )
}

/// Directories that may hold an installation, in order of preference. On Debian
/// `pg_config` may come with the client's library and name a directory without a server.
fn candidates() -> impl Iterator<Item = PathBuf> {
    let configured = output(Path::new("pg_config"), "--bindir");
    let configured = configured.map(|text| PathBuf::from(text.trim_end_matches('\n')));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path: Vec<PathBuf> =
        std::env::split_paths(&path).filter(|one| one.join("postgres").is_file()).collect();
    configured.into_iter().chain(on_path).chain(usual()).chain(PLAIN.map(PathBuf::from))
}

fn usual() -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> =
        USUAL.iter().flat_map(|pattern| matching(pattern)).collect();
    found.sort_by_key(|(major, _)| std::cmp::Reverse(*major));
    found.into_iter().map(|(_, path)| path).collect()
}

/// The directories that a pattern stands for, with the number in each.
fn matching(pattern: &str) -> Vec<(u32, PathBuf)> {
    let Some((before, after)) = pattern.split_once('*') else { return Vec::new() };
    let Some((parent, stem)) = before.rsplit_once('/') else { return Vec::new() };
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    let number = |name: &OsStr| name.to_str()?.strip_prefix(stem)?.parse().ok();
    entries
        .filter_map(|entry| {
            let path = entry.path().join(after.trim_start_matches('/'));
            Some((number(&entry.file_name())?, path))
        })
        .collect()
}

fn output(program: &Path, argument: &str) -> Option<String> {
    let output = Command::new(program)
        .arg(argument)
        .env_clear()
        .envs(crate::environment::kept())
        .stdin(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}

/// Reads `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn version(said: &str) -> Option<Version> {
    let text = said.split_whitespace().nth(2)?;
    let mut numbers = text.split('.').map(leading);
    Some(Version { major: numbers.next()??, minor: numbers.next().flatten().unwrap_or(0) })
}

fn leading(text: &str) -> Option<u32> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_servers_print_them() {
        for (said, expected) in [
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n", Some((15, 18))),
            ("postgres (PostgreSQL) 18.0\n", Some((18, 0))),
            ("postgres (PostgreSQL) 19devel\n", Some((19, 0))),
            ("postgres (PostgreSQL) 17beta2\n", Some((17, 0))),
            ("postgres (PostgreSQL) new\n", None),
            ("", None),
        ] {
            let expected = expected.map(|(major, minor)| Version { major, minor });
            assert_eq!(version(said), expected, "{said}");
        }
    }

    #[test]
    fn a_directory_that_lacks_a_program_is_refused_by_its_name() {
        let error = Binaries::at(Path::new("/usr/bin/../share")).unwrap_err();
        assert_eq!(error.kind, ErrorKind::NotInstalled);
        assert_eq!(error.cause, "it holds no postgres");
        assert!(error.next_step.contains(VARIABLE));
    }

    #[test]
    fn the_newest_comes_first_and_what_is_preferred_is_among_all() {
        let all = all().unwrap();
        assert!(all.is_sorted_by(|one, next| one.version >= next.version));
        assert!(all.contains(&find().unwrap()));
    }
}
