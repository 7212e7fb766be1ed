//! What stands at the configured path: SQLite itself would follow a link, open a second
//! name of a file whose journal has the first name, or create what is missing.

use std::fs;
use std::io::ErrorKind as Io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use portcullis_model::config::Target;
use portcullis_model::redact;

use crate::{Error, ErrorKind, Result};

const OPERATION: &str = "identify the database";

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// No file; only an unprotected target's may be made.
    Nothing,
    /// A regular file with one name.
    File,
}

/// Looks at the path without opening the file.
pub(super) fn examine(target: &Target) -> Result<Found> {
    let path = &target.path;
    let refused = |cause: String, next: &str| {
        Error::new(ErrorKind::Refused, OPERATION, redact::path(path), cause, next)
    };
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == Io::NotFound => {
            if target.protected {
                return Err(refused(
                    "there is no such file, and a protected target is never created".to_owned(),
                    "check the path",
                ));
            }
            refuse_leftover_journals(path)?;
            return Ok(Found::Nothing);
        }
        Err(error) => return Err(Error::io(OPERATION, path, &error).refused()),
    };
    if metadata.is_symlink() {
        return Err(refused("it is a symbolic link".to_owned(), "name the file that it leads to"));
    }
    if metadata.is_dir() {
        return Err(refused("it is a directory".to_owned(), "name the database file"));
    }
    if !metadata.is_file() {
        return Err(refused("it is no regular file".to_owned(), "name the database file"));
    }
    if metadata.nlink() > 1 {
        let cause = format!(
            "the file has {} names (hard links), and SQLite's journal guards only one",
            metadata.nlink()
        );
        return Err(refused(cause, "remove the other names (find / -samefile FILE)"));
    }
    refuse_links_on_the_way(target)?;
    Ok(Found::File)
}

/// A protected path has no symbolic link in it at all; below the workspace nothing has.
fn refuse_links_on_the_way(target: &Target) -> Result<()> {
    let path = &target.path;
    let canonical =
        fs::canonicalize(path).map_err(|error| Error::io(OPERATION, path, &error).refused())?;
    if canonical == *path {
        return Ok(());
    }
    let link = path.ancestors().find(|ancestor| {
        fs::symlink_metadata(ancestor).is_ok_and(|metadata| metadata.is_symlink())
    });
    let below_workspace = match (link, &target.identity_record.ancestors().nth(3)) {
        (Some(link), Some(root)) => link.starts_with(root) && link != *root,
        _ => false,
    };
    if target.protected || below_workspace {
        let cause =
            format!("the way there leads through a symbolic link, to {}", redact::path(&canonical));
        return Err(Error::new(
            ErrorKind::Refused,
            OPERATION,
            redact::path(path),
            cause,
            "write the path without links into portcullis.toml",
        ));
    }
    Ok(())
}

/// A journal without its database: making a new database there would roll the old
/// journal into it.
fn refuse_leftover_journals(path: &Path) -> Result<()> {
    for ending in ["-journal", "-wal"] {
        let journal = with_ending(path, ending);
        if fs::symlink_metadata(&journal).is_ok_and(|metadata| metadata.len() > 0) {
            let cause = format!(
                "the database is gone, but its journal {} is there",
                redact::path(&journal)
            );
            return Err(Error::new(
                ErrorKind::Refused,
                OPERATION,
                redact::path(path),
                cause,
                "bring the database file back, restore a backup (cargo xtask restore), or move the journal away",
            ));
        }
    }
    Ok(())
}

/// The path with something appended to its name.
pub(super) fn with_ending(path: &Path, ending: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
