//! A directory tree in memory, for examples and tests.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::path::{Component, Path, PathBuf};

use portcullis_model::tree::{Bytes, Entry, EntryKind, Tree};

/// Files by path; a directory is there if a file is below it.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Memory {
    /// A tree of these files.
    pub fn new<P, B>(files: impl IntoIterator<Item = (P, B)>) -> Self
    where
        P: Into<PathBuf>,
        B: Into<Vec<u8>>,
    {
        let files = files.into_iter().map(|(path, bytes)| (path.into(), bytes.into())).collect();
        Self { files }
    }
}

impl Tree for Memory {
    fn entries(&self, directory: &Path) -> io::Result<Vec<Entry>> {
        let below = self.files.keys().filter_map(|path| path.strip_prefix(directory).ok());
        let mut found: BTreeMap<&OsStr, EntryKind> = BTreeMap::new();
        for path in below {
            let mut components = path.components();
            if let Some(Component::Normal(name)) = components.next() {
                let is_file = components.next().is_none();
                found.insert(name, if is_file { EntryKind::File } else { EntryKind::Directory });
            }
        }
        if found.is_empty() {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(found.into_iter().map(|(name, kind)| Entry { name: name.to_owned(), kind }).collect())
    }

    fn read(&self, file: &Path, limit: u64) -> io::Result<Bytes> {
        let bytes = self.files.get(file).ok_or(io::ErrorKind::NotFound)?;
        let size = bytes.len() as u64;
        Ok(if size > limit { Bytes::TooLarge(size) } else { Bytes::Whole(bytes.clone()) })
    }
}
