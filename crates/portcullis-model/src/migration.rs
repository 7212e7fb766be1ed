//! Migrations as Diesel sees them: a directory with an `up.sql`, ordered by version.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use crate::digest::{Digest, Hasher};
use crate::redact;
use crate::sum;
use crate::tree::{Bytes, Entry, EntryKind, Tree};

/// The largest file that is read: 64 MiB. Beyond it is data, not a migration.
pub const MAX_FILE: u64 = 64 << 20;

/// A file of a migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum File {
    /// There is none.
    Missing,
    /// Read; the bytes as they are.
    Read(Vec<u8>),
    /// Something of that name is there, but it is no regular file.
    NotAFile(EntryKind),
    /// Larger than [`MAX_FILE`]; its size in bytes.
    TooLarge(u64),
    /// The operating system refused; its words.
    Unreadable(String),
    /// Not read: it is known to be what was accepted.
    Unchanged,
}

impl File {
    /// The bytes, if the file was read.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            File::Read(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The text, if the file was read and is UTF-8.
    pub fn text(&self) -> Option<&str> {
        self.bytes().and_then(|bytes| std::str::from_utf8(bytes).ok())
    }
}

/// Whether a migration runs inside a transaction, and how its `metadata.toml` says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metadata {
    /// No `metadata.toml`: Diesel runs the migration in a transaction.
    Absent,
    /// The key `run_in_transaction` is there.
    Explicit(bool),
    /// A file without the key: Diesel takes that for `false`.
    KeyMissing,
    /// A file that can't be read or parsed: Diesel silently takes that for `true`.
    Malformed,
}

impl Metadata {
    /// What Diesel makes of it.
    pub fn run_in_transaction(self) -> bool {
        match self {
            Metadata::Absent | Metadata::Malformed => true,
            Metadata::Explicit(value) => value,
            Metadata::KeyMissing => false,
        }
    }
}

/// One migration: a directory with an `up.sql`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// The directory's path, relative to what the set was read from.
    pub path: PathBuf,
    /// The directory's name, as Diesel reads it (lossy where it isn't UTF-8).
    pub directory: String,
    /// What Diesel orders by and records: the directory's name up to the first `_`,
    /// without `-`.
    pub version: String,
    /// `up.sql`.
    pub up: File,
    /// `down.sql`.
    pub down: File,
    /// `metadata.toml`, as bytes.
    pub metadata_file: File,
    /// `metadata.toml`, as Diesel understands it.
    pub metadata: Metadata,
    /// Names of other things in the directory, which Diesel ignores.
    pub others: Vec<String>,
}

impl Migration {
    /// SHA-256 over the migration's normalised bytes: version, whether it runs in a
    /// transaction, `up.sql` and `down.sql`, with CRLF read as LF so that a checkout's
    /// line endings don't count.
    pub fn fingerprint(&self) -> Digest {
        let mut hasher = Hasher::new("portcullis-migration-v1");
        hasher.field(self.version.as_bytes());
        hasher.field(if self.metadata.run_in_transaction() { b"transaction" } else { b"none" });
        for file in [&self.up, &self.down] {
            match file.bytes() {
                Some(bytes) => {
                    hasher.field(b"present");
                    hasher.field(&normalised(bytes));
                }
                None => hasher.field(b"absent"),
            }
        }
        hasher.finish()
    }

    /// Reads one directory; none if it is no migration.
    pub fn read(tree: &dyn Tree, path: &Path) -> Option<Self> {
        read_migration(tree, path.to_owned(), path.file_name()?, &|_| false).ok()
    }

    /// The directory's name, safe to print.
    pub fn printable_name(&self) -> String {
        redact::printable(&self.directory).into_owned()
    }
}

/// The bytes with CRLF written as LF.
fn normalised(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for (index, byte) in bytes.iter().enumerate() {
        if !(*byte == b'\r' && bytes.get(index + 1) == Some(&b'\n')) {
            out.push(*byte);
        }
    }
    out
}

/// Something in the migrations directory that is no migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// Its path, relative to what the set was read from.
    pub path: PathBuf,
    /// What it is.
    pub kind: StrayKind,
}

/// Why an entry of the migrations directory is no migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StrayKind {
    /// A file, which Diesel ignores.
    File,
    /// A directory without `up.sql`, which makes Diesel refuse the whole set.
    NoUp,
    /// A symbolic link or a special file.
    NotADirectory(EntryKind),
    /// A directory that can't be listed; the operating system's words.
    Unreadable(String),
}

/// The ordered migrations of one directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationSet {
    /// The directory, relative to what it was read from.
    pub root: PathBuf,
    /// In Diesel's order: by version, compared as strings. Of two migrations with one
    /// version both are here, ordered by directory name.
    pub migrations: Vec<Migration>,
    /// Everything else in the directory, but for names that begin with a dot.
    pub strays: Vec<Stray>,
    /// `migrations.sum`: which of them were accepted. [`MigrationSet::sum`] reads it.
    pub sum_file: File,
}

/// The migrations directory itself can't be read.
#[derive(Debug, thiserror::Error)]
#[error("can't read the migrations directory {}: {}", redact::path(path), reason(source))]
pub struct ReadError {
    /// The directory.
    pub path: PathBuf,
    /// What the operating system said.
    pub source: io::Error,
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such directory".to_owned(),
        io::ErrorKind::NotADirectory => "it is not a directory".to_owned(),
        _ => error.to_string(),
    }
}

impl MigrationSet {
    /// A directory without anything in it.
    pub fn empty(root: &Path) -> Self {
        let (migrations, strays) = (Vec::new(), Vec::new());
        Self { root: root.to_owned(), migrations, strays, sum_file: File::Missing }
    }

    /// Reads every migration below `root`. What is wrong with a single migration is kept
    /// in it for the linter to report; only an unreadable root is an error.
    ///
    /// # Errors
    /// [`ReadError`] if `root` can't be listed.
    pub fn read(tree: &dyn Tree, root: &Path) -> Result<Self, ReadError> {
        Self::read_changed(tree, root, &|_| false)
    }

    /// As [`MigrationSet::read`], but for the files of directories that are known to be
    /// unchanged: of these only the names are looked at.
    ///
    /// # Errors
    /// [`ReadError`] if `root` can't be listed.
    pub fn read_changed(
        tree: &dyn Tree,
        root: &Path,
        is_unchanged: &dyn Fn(&str) -> bool,
    ) -> Result<Self, ReadError> {
        let mut entries =
            tree.entries(root).map_err(|source| ReadError { path: root.to_owned(), source })?;
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        let sum_file = read_file(tree, root, &entries, sum::FILE);
        let mut set = Self { sum_file, ..Self::empty(root) };
        for entry in entries.into_iter().filter(|entry| !hidden(&entry.name)) {
            let path = root.join(&entry.name);
            match entry.kind {
                _ if entry.name == sum::FILE => {}
                EntryKind::File => set.strays.push(Stray { path, kind: StrayKind::File }),
                EntryKind::Directory => match read_migration(tree, path, &entry.name, is_unchanged)
                {
                    Ok(migration) => set.migrations.push(migration),
                    Err(stray) => set.strays.push(stray),
                },
                other => set.strays.push(Stray { path, kind: StrayKind::NotADirectory(other) }),
            }
        }
        set.migrations.sort_by(|a, b| (&a.version, &a.directory).cmp(&(&b.version, &b.directory)));
        Ok(set)
    }

    /// The migration with this version.
    pub fn by_version(&self, version: &str) -> Option<&Migration> {
        self.migrations.iter().find(|migration| migration.version == version)
    }

    /// Those whose version isn't among these.
    pub fn pending<'a>(&'a self, applied: &'a [String]) -> impl Iterator<Item = &'a Migration> {
        self.migrations.iter().filter(|migration| !applied.contains(&migration.version))
    }

    /// The chain over the members' fingerprints, in order.
    pub fn fingerprint(&self) -> Digest {
        chain(self.migrations.iter().map(Migration::fingerprint))
    }
}

/// Chains fingerprints: each link covers the one before.
pub fn chain(fingerprints: impl IntoIterator<Item = Digest>) -> Digest {
    fingerprints.into_iter().fold(Digest::of(b"portcullis-set-v1"), |link, fingerprint| {
        let mut hasher = Hasher::new("portcullis-link-v1");
        hasher.field(link.as_bytes());
        hasher.field(fingerprint.as_bytes());
        hasher.finish()
    })
}

fn hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

fn read_migration(
    tree: &dyn Tree,
    path: PathBuf,
    name: &OsStr,
    is_unchanged: &dyn Fn(&str) -> bool,
) -> Result<Migration, Stray> {
    let entries = match tree.entries(&path) {
        Ok(entries) => entries,
        Err(error) => return Err(Stray { path, kind: StrayKind::Unreadable(error.to_string()) }),
    };
    let directory = name.to_string_lossy().into_owned();
    let is_unchanged = is_unchanged(&directory);
    let file = |name: &str| match entries.iter().find(|entry| entry.name == name) {
        Some(entry) if is_unchanged && entry.kind == EntryKind::File => File::Unchanged,
        _ => read_file(tree, &path, &entries, name),
    };
    let up = file("up.sql");
    if up == File::Missing {
        return Err(Stray { path, kind: StrayKind::NoUp });
    }
    let (down, metadata_file) = (file("down.sql"), file("metadata.toml"));
    let mut others: Vec<String> = entries
        .iter()
        .filter(|entry| !hidden(&entry.name))
        .map(|entry| entry.name.to_string_lossy().into_owned())
        .filter(|name| !["up.sql", "down.sql", "metadata.toml"].contains(&name.as_str()))
        .collect();
    others.sort();
    Ok(Migration {
        version: version_of(&directory),
        directory,
        metadata: parse_metadata(&metadata_file),
        path,
        up,
        down,
        metadata_file,
        others,
    })
}

fn read_file(tree: &dyn Tree, directory: &Path, entries: &[Entry], name: &str) -> File {
    match entries.iter().find(|entry| entry.name == name) {
        None => File::Missing,
        Some(entry) if entry.kind != EntryKind::File => File::NotAFile(entry.kind),
        Some(_) => match tree.read(&directory.join(name), MAX_FILE) {
            Ok(Bytes::Whole(bytes)) => File::Read(bytes),
            Ok(Bytes::TooLarge(size)) => File::TooLarge(size),
            Err(error) => File::Unreadable(error.to_string()),
        },
    }
}

/// Diesel's version of a directory name (`migrations_internals::version_from_string`).
pub fn version_of(directory: &str) -> String {
    directory.split('_').next().unwrap_or_default().replace('-', "")
}

/// What a directory's name says besides its version.
pub fn name_of(directory: &str) -> &str {
    directory.split_once('_').map_or("", |(_, name)| name)
}

fn parse_metadata(file: &File) -> Metadata {
    if matches!(file, File::Missing | File::Unchanged) {
        return Metadata::Absent;
    }
    let parsed = file.text().and_then(|text| text.parse::<toml::Table>().ok());
    match parsed.as_ref().map(|table| table.get("run_in_transaction")) {
        None => Metadata::Malformed,
        Some(None) => Metadata::KeyMissing,
        Some(Some(toml::Value::Boolean(value))) => Metadata::Explicit(*value),
        Some(Some(_)) => Metadata::Malformed,
    }
}

#[cfg(test)]
mod tests;
