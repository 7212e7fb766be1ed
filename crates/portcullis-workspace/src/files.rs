//! Writing the workspace's files so that each is there whole or not at all.

use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::Error;

/// Writes a file beside its place and renames it. One that is there keeps its mode.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Error> {
    let write = || -> io::Result<()> {
        let directory = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(directory)?;
        let mode = fs::metadata(path).map_or(Permissions::from_mode(0o644), |it| it.permissions());
        let mut file = tempfile::Builder::new()
            .prefix(".writing-")
            .permissions(mode)
            .tempfile_in(directory)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(path).map(drop).map_err(|error| error.error)
    };
    write().map_err(|error| Error::io("write the file", path, &error))
}

/// Makes a directory with these files: beside its place, under a name that everybody
/// ignores, then renamed. One of its name mustn't be there.
pub(crate) fn make_directory(path: &Path, files: &[(&str, String)]) -> Result<(), Error> {
    let make = || -> io::Result<()> {
        let parent = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(parent)?;
        let aside = tempfile::Builder::new()
            .prefix(".writing-")
            .permissions(Permissions::from_mode(0o755))
            .tempdir_in(parent)?;
        for (name, text) in files {
            fs::write(aside.path().join(name), text)?;
        }
        if fs::symlink_metadata(path).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        fs::rename(aside.path(), path)?;
        // It has another name now, so there is nothing to remove.
        let _ = aside.keep();
        Ok(())
    };
    make().map_err(|error| Error::io("make the directory", path, &error))
}
