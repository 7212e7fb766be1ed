//! Files of a cluster: written so that only the server's user reads them, and copied.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, openat, renameat, unlinkat};
use rustix::io::Errno;

use crate::account::Account;
use crate::error::{Error, Result};

/// Writes a file with mode 0600 under another name, hands it over, and renames it: who reads
/// it meanwhile reads the old one or the new one.
///
/// The directory is the account's, and we may be root: no link that lies there, or that the
/// directory was replaced by, is followed.
pub(crate) fn write(path: &Path, text: &str, account: &Account) -> Result<()> {
    let attempt = || -> io::Result<()> {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let new = Path::new(name).with_added_extension("new");
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = openat(CWD, parent.unwrap_or(Path::new(".")), flags, Mode::empty())?;
        match unlinkat(&directory, &new, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mut file = File::from(openat(&directory, &new, flags, Mode::RUSR | Mode::WUSR)?);
        file.write_all(text.as_bytes())?;
        account.own_file(&file)?;
        Ok(renameat(&directory, &new, &directory, name)?)
    };
    attempt().map_err(|error| Error::io("write a file of the cluster", path, &error))
}

/// Makes a directory, and those above it, with mode 0700.
pub(crate) fn make_directory(path: &Path) -> Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| Error::io("make a directory", path, &error))
}

/// Removes a directory with all that is in it, if it is there.
pub(crate) fn remove_directory(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::io("remove a directory", path, &error))
        }
        _ => Ok(()),
    }
}

/// Copies a directory of plain files and directories, which the account then owns: not
/// before all is there, so that nobody leads a copy elsewhere by a link. Where the file system
/// can share blocks, it does so.
pub(crate) fn copy_directory(from: &Path, to: &Path, account: &Account) -> Result<()> {
    let fail = |path: &Path| {
        let path = path.to_owned();
        move |error: io::Error| Error::io("copy a cluster's files", &path, &error)
    };
    fs::DirBuilder::new().mode(0o700).create(to).map_err(fail(to))?;
    for entry in fs::read_dir(from).map_err(fail(from))? {
        let entry = entry.map_err(fail(from))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().map_err(fail(&source))?.is_dir() {
            copy_directory(&source, &target, account)?;
        } else {
            copy_file(&source, &target, account).map_err(fail(&source))?;
        }
    }
    account.own(to)
}

fn copy_file(source: &Path, target: &Path, account: &Account) -> io::Result<()> {
    let mut from = File::open(source)?;
    let mut to = OpenOptions::new().write(true).create_new(true).mode(0o600).open(target)?;
    io::copy(&mut from, &mut to)?;
    account.own_file(&to)
}

/// Who else may hold a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Share {
    /// Whoever reads, too.
    WithOthers,
    /// Nobody: what it is for is made or removed.
    Alone,
}

/// A lock for what has this path, in a file beside it: held until it is dropped, or the
/// process is gone.
pub(crate) fn lock(path: &Path, share: Share) -> Result<File> {
    let path = path.with_added_extension("lock");
    let locked = File::create(&path).and_then(|file| {
        match share {
            Share::WithOthers => file.lock_shared()?,
            Share::Alone => file.lock()?,
        }
        Ok(file)
    });
    locked.map_err(|error| Error::io("lock a cluster's files", &path, &error))
}
