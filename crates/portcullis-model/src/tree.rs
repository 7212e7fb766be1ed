//! Where files are read from.
//!
//! The reader asks only for what is in a directory and for a file's bytes, so that a
//! migration set needn't be on disk: tests read it from memory.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// What kind of thing a directory entry is. Symbolic links are never followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link, wherever it leads.
    Symlink,
    /// A pipe, a socket, a device.
    Other,
}

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The entry's name, without its directory.
    pub name: OsString,
    /// What it is.
    pub kind: EntryKind,
}

/// A file's bytes, or its size where that is beyond what the reader wants to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bytes {
    /// All of the file.
    Whole(Vec<u8>),
    /// The file is larger than the limit; its size in bytes.
    TooLarge(u64),
}

/// A place that files can be read from.
pub trait Tree {
    /// The entries of a directory, in any order.
    ///
    /// # Errors
    /// Whatever kept the directory from being listed.
    fn entries(&self, directory: &Path) -> io::Result<Vec<Entry>>;

    /// The bytes of a regular file, up to `limit`.
    ///
    /// # Errors
    /// Whatever kept the file from being read.
    fn read(&self, file: &Path, limit: u64) -> io::Result<Bytes>;
}

/// The file system, below one directory.
#[derive(Debug, Clone)]
pub struct Disk {
    root: PathBuf,
}

impl Disk {
    /// Reads below `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }
}

impl Tree for Disk {
    fn entries(&self, directory: &Path) -> io::Result<Vec<Entry>> {
        fs::read_dir(self.root.join(directory))?
            .map(|entry| {
                let entry = entry?;
                let kind = entry.file_type()?;
                let kind = match kind {
                    _ if kind.is_symlink() => EntryKind::Symlink,
                    _ if kind.is_dir() => EntryKind::Directory,
                    _ if kind.is_file() => EntryKind::File,
                    _ => EntryKind::Other,
                };
                Ok(Entry { name: entry.file_name(), kind })
            })
            .collect()
    }

    fn read(&self, file: &Path, limit: u64) -> io::Result<Bytes> {
        let file = fs::File::open(self.root.join(file))?;
        let size = file.metadata()?.len();
        if size > limit {
            return Ok(Bytes::TooLarge(size));
        }
        // The file may grow between the two looks: read one byte more than allowed.
        let mut bytes = Vec::with_capacity(size as usize);
        file.take(limit + 1).read_to_end(&mut bytes)?;
        Ok(if bytes.len() as u64 > limit {
            Bytes::TooLarge(bytes.len() as u64)
        } else {
            Bytes::Whole(bytes)
        })
    }
}
