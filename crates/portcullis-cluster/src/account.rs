//! Who the server runs as: it refuses to be root.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::fs::{MetadataExt as _, fchown, lchown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::environment;
use crate::error::{Error, ErrorKind, Result, shown};

/// Whose the server's process and files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Account {
    /// Ours.
    Own,
    /// Another user's, because we are root.
    Other {
        /// Its name, for errors.
        name: String,
        /// Its number.
        user: u32,
        /// Its first group.
        group: u32,
    },
}

impl Account {
    /// The account for a server that we start.
    pub(crate) fn choose() -> Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Own);
        }
        let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        ["postgres", "nobody"].iter().find_map(|name| read(&users, name)).ok_or_else(|| {
            Error::new(
                ErrorKind::Refused,
                "start a PostgreSQL server",
                "/etc/passwd",
                "the server refuses to run as root, and there is neither a user postgres nor nobody",
                "run it as another user than root",
            )
        })
    }

    /// A program that runs as this account, without our environment and our terminal.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("LC_ALL", "C").current_dir("/").stdin(Stdio::null());
        command.envs(environment::kept());
        if let Self::Other { user, group, .. } = self {
            command.uid(*user).gid(*group);
        }
        command
    }

    /// Hands an open file over.
    pub(crate) fn own_file(&self, file: &File) -> std::io::Result<()> {
        let Self::Other { user, group, .. } = self else { return Ok(()) };
        fchown(file, Some(*user), Some(*group))
    }

    /// Hands a directory over; never what a link leads to.
    pub(crate) fn own(&self, path: &Path) -> Result<()> {
        let Self::Other { user, group, .. } = self else { return Ok(()) };
        lchown(path, Some(*user), Some(*group))
            .map_err(|error| Error::io("hand over to the server's user", path, &error))
    }

    /// Checks that it may enter all the directories above this one.
    pub(crate) fn reaches(&self, path: &Path) -> Result<()> {
        let Self::Other { name, user, group } = self else { return Ok(()) };
        for directory in path.ancestors().skip(1).filter(|one| !one.as_os_str().is_empty()) {
            let metadata = directory
                .metadata()
                .map_err(|error| Error::io("look at a directory", directory, &error))?;
            let bit = match (metadata.uid() == *user, metadata.gid() == *group) {
                (true, _) => 0o100,
                (_, true) => 0o010,
                _ => 0o001,
            };
            if metadata.mode() & bit == 0 {
                return Err(Error::new(
                    ErrorKind::Refused,
                    "start a PostgreSQL server",
                    shown(path),
                    format!(
                        "as we are root it runs as {name}, who may not enter {}",
                        shown(directory)
                    ),
                    "use a directory that everybody may enter (TMPDIR), or run it as another user than root",
                ));
            }
        }
        Ok(())
    }
}

fn read(users: &str, wanted: &str) -> Option<Account> {
    users.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, user, group, ..] = fields[..] else { return None };
        let (user, group) = (user.parse().ok()?, group.parse().ok()?);
        (name == wanted && user != 0).then(|| Account::Other { name: name.to_owned(), user, group })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_its_whole_name_and_never_with_roots_number() {
        let users = "root:x:0:0::/:/bin/sh\npostgresql:x:7:7::/:/bin/sh\n\
                     postgres:x:101:104:,,,:/:/bin/sh\nnobody:x:0:0::/:/bin/sh\nbroken\n";
        let expected = Account::Other { name: "postgres".to_owned(), user: 101, group: 104 };
        assert_eq!(read(users, "postgres"), Some(expected));
        assert_eq!(read(users, "nobody"), None);
        assert_eq!(read(users, "broken"), None);
    }
}
