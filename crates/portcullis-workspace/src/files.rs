//! Writing the workspace's files so that each is there whole or not at all.

use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::Error;

/// Writes files beside their places, then renames them: none before all are written. One
/// that is there keeps its mode.
///
/// # Errors
/// Whatever the file system says.
pub fn write(files: &[(PathBuf, String)]) -> Result<(), Error> {
    let failed = |path: &Path, error: &io::Error| Error::io("write the file", path, error);
    let written = files.iter().map(|(path, text)| {
        write_aside(path, text).map(|aside| (path, aside)).map_err(|error| failed(path, &error))
    });
    for (path, aside) in written.collect::<Result<Vec<_>, _>>()? {
        aside.persist(path).map_err(|error| failed(path, &error.error))?;
    }
    Ok(())
}

fn write_aside(path: &Path, text: &str) -> io::Result<NamedTempFile> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let mode = fs::metadata(path).map_or(Permissions::from_mode(0o644), |it| it.permissions());
    let mut file =
        tempfile::Builder::new().prefix(".writing-").permissions(mode).tempfile_in(directory)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// A directory to make, and its files.
pub(crate) type Directory = (PathBuf, Vec<(&'static str, String)>);

/// Makes directories; if one can't be made, none is there.
pub(crate) fn make_directories(directories: &[Directory]) -> Result<(), Error> {
    for (index, (path, files)) in directories.iter().enumerate() {
        if let Err(error) = make_directory(path, files) {
            for (made, _) in &directories[..index] {
                // The error that is told is the first one.
                let _ = fs::remove_dir_all(made);
            }
            return Err(Error::io("make the directory", path, &error));
        }
    }
    Ok(())
}

/// Beside its place, under a name that everybody ignores, then renamed. One of its name
/// mustn't be there.
fn make_directory(path: &Path, files: &[(&'static str, String)]) -> io::Result<()> {
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
}
