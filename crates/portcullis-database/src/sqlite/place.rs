//! What stands at the configured path: SQLite itself would follow a link, open a second
//! name of a file whose journal has the first name, or create what is missing.

use std::fs;
use std::io::{ErrorKind as Io, Read as _};
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
pub(super) fn examine(target: &Target, path: &Path) -> Result<Found> {
    check_way(target, path)?;
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
            refuse_interrupted_restore(path)?;
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
    Ok(Found::File)
}

/// Refuses a path that leads through a symbolic link: anywhere on the way to a protected
/// target, below the workspace on the way to any other.
pub(crate) fn check_way(target: &Target, path: &Path) -> Result<()> {
    let is_link =
        |path: &Path| fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
    // The record is at ROOT/var/identity/NAME.
    let root = target.identity_record.ancestors().nth(3).unwrap_or(Path::new("/"));
    let link = path
        .ancestors()
        .skip(1)
        .take_while(|ancestor| {
            target.protected || (ancestor.starts_with(root) && *ancestor != root)
        })
        .find(|ancestor| is_link(ancestor));
    match link {
        None => Ok(()),
        Some(link) => {
            let cause =
                format!("the way there leads through a symbolic link, {}", redact::path(link));
            let next = "write the path without links into portcullis.toml";
            Err(Error::new(ErrorKind::Refused, OPERATION, redact::path(path), cause, next))
        }
    }
}

/// Looks at the first bytes before SQLite does: opening what is no database beside a
/// left-over journal would play the journal into it. No connection is open yet, so that
/// closing the file again drops nobody's locks.
pub(super) fn refuse_other_files(path: &Path) -> Result<()> {
    const MAGIC: &[u8] = b"SQLite format 3\0";
    let mut first = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(MAGIC.len() as u64).read_to_end(&mut first))
        .map_err(|error| Error::io(OPERATION, path, &error).refused())?;
    if first.is_empty() || first == MAGIC {
        return Ok(());
    }
    let next = "check that the path names the right file; cargo xtask doctor says what there is to restore";
    Err(Error::new(
        ErrorKind::Unreadable,
        OPERATION,
        redact::path(path),
        "file is not a database",
        next,
    ))
}

/// Whether a database in WAL mode has neither a log nor a journal: nobody is connected,
/// and nothing waits to be recovered. As above, before any connection is open.
pub(super) fn has_no_log_yet(path: &Path) -> bool {
    let mut header = [0; 20];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut header));
    // The versions of the format that writing and reading need: 2 is WAL.
    read.is_ok()
        && header[18..] == [2, 2]
        && ["-wal", "-journal"].iter().all(|ending| !with_ending(path, ending).exists())
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

/// A database that was moved aside, with nothing in its place: making a new one would
/// pass an empty database off as the old one.
fn refuse_interrupted_restore(path: &Path) -> Result<()> {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
    let mut prefix = name.to_owned();
    prefix.push(".damaged-");
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names = entries.map(|entry| entry.file_name());
    let prefix = prefix.as_encoded_bytes();
    match names.find(|name| name.as_encoded_bytes().starts_with(prefix)) {
        None => Ok(()),
        Some(aside) => Err(Error::new(
            ErrorKind::Refused,
            OPERATION,
            redact::path(path),
            format!(
                "it was moved aside as {}, and nothing took its place",
                redact::path(Path::new(&aside))
            ),
            "restore a backup (cargo xtask backup list); for a new database, move that file away",
        )),
    }
}

/// The path with something appended to its name.
pub(super) fn with_ending(path: &Path, ending: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
