//! Writing files so that a crash at any point loses nothing, and so that only their
//! owner can read them.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;

use crate::{Error, ErrorKind, Result};
use portcullis_model::redact;

/// Makes a directory (0700) with its parents, or checks the one that is there: it must
/// be a directory and no symbolic link, and nobody else may write into it.
///
/// # Errors
/// It can't be made, or it is not such a directory.
pub fn make_private_directory(path: &Path) -> Result<()> {
    const OPERATION: &str = "prepare a directory";
    if fs::symlink_metadata(path).is_err() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|error| Error::io(OPERATION, path, &error))?;
    }
    let metadata =
        fs::symlink_metadata(path).map_err(|error| Error::io(OPERATION, path, &error))?;
    let refused = |cause: &str, next: &str| {
        Error::new(ErrorKind::Refused, OPERATION, redact::path(path), cause, next)
    };
    if metadata.is_symlink() {
        return Err(refused("it is a symbolic link", "name the directory that it leads to"));
    }
    if !metadata.is_dir() {
        return Err(refused("it is not a directory", "name a directory"));
    }
    if metadata.permissions().mode() & 0o022 != 0 {
        return Err(refused("others may write into it", "chmod 700 it"));
    }
    Ok(())
}

/// Writes a file (0600) so that it is there whole or not at all: beside it, synced,
/// renamed, and the directory synced. An existing file is replaced.
///
/// # Errors
/// Whatever the file system says.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    let write = || -> io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(".writing-").tempfile_in(directory)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        sync_directory(directory)
    };
    write().map_err(|error| Error::io("write", path, &error))
}

/// Makes renames and new names in a directory durable.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Bytes that an unprivileged process may still write where `path` is, or where its
/// nearest existing parent is.
///
/// # Errors
/// The file system can't say.
pub fn free_bytes(path: &Path) -> Result<u64> {
    let existing = path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    let stat = rustix::fs::statvfs(existing)
        .map_err(|error| Error::io("look for free space", existing, &error.into()))?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}
