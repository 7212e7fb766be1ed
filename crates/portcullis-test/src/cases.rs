//! The case files of a workspace, by migration.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use portcullis_database::slt::case::{Case, Mismatch};
use portcullis_model::config::like;
use portcullis_model::redact;
use portcullis_model::tree::{Bytes, Entry, EntryKind, Tree};

/// Where the cases are, below the workspace's root.
pub const DIRECTORY: &str = "tests/migrations";

/// The largest case that is read: 4 MiB.
const LARGEST: u64 = 4 << 20;

/// A case, as it was read.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    /// The file's name without its ending.
    pub(crate) name: String,
    /// Below the workspace's root.
    pub(crate) path: String,
    /// The file's text.
    pub(crate) text: String,
    /// What is in it, or what is wrong with it.
    pub(crate) case: Result<Case, Mismatch>,
}

/// The cases by the directory of their migration.
#[derive(Debug, Clone, Default)]
pub struct Cases(BTreeMap<String, Vec<Named>>);

/// Cases that can't be read as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {cause}")]
pub struct CasesError {
    /// The file or directory.
    pub place: String,
    /// Why.
    pub cause: String,
    /// What to do about it.
    pub next_step: String,
}

impl CasesError {
    fn new(place: &str, cause: impl Into<String>, next_step: impl Into<String>) -> Self {
        let place = redact::printable(place).into_owned();
        Self { place, cause: cause.into(), next_step: next_step.into() }
    }
}

impl Cases {
    /// Reads the cases of a workspace; `migrations` are the directories of every engine. What
    /// is wrong with one case is kept in it.
    ///
    /// # Errors
    /// A file can't be read, is a link, or lies where no migration is.
    pub fn read(tree: &dyn Tree, migrations: &BTreeSet<&str>) -> Result<Self, CasesError> {
        let mut found = BTreeMap::new();
        if !exists(tree)? {
            return Ok(Self::default());
        }
        for (name, kind) in entries(tree, DIRECTORY)? {
            let place = format!("{DIRECTORY}/{name}");
            match kind {
                EntryKind::Directory => {}
                EntryKind::Symlink => return Err(link(&place)),
                _ if name.ends_with(".slt") => {
                    let next = "put it into the directory of its migration";
                    return Err(CasesError::new(&place, "it belongs to no migration", next));
                }
                _ => continue,
            }
            if !migrations.contains(name.as_str()) {
                let names: Vec<&str> = migrations.iter().copied().collect();
                let next = match like(&name, &names) {
                    Some(name) => format!("is {name} meant? Or remove it"),
                    None => "name it as the migration is named, or remove it".to_owned(),
                };
                return Err(CasesError::new(&place, "there is no such migration", next));
            }
            let mut cases = Vec::new();
            for (file, kind) in entries(tree, &place)? {
                let path = format!("{place}/{file}");
                let refuse = |cause, next| Err(CasesError::new(&path, cause, next));
                match (kind, file.strip_suffix(".slt")) {
                    (EntryKind::File, Some(stem)) => cases.push(read(tree, stem, path)?),
                    (EntryKind::Symlink, Some(_)) => return Err(link(&path)),
                    (EntryKind::Other, Some(_)) => return refuse("it is no file", "remove it"),
                    (EntryKind::Directory, _) => {
                        let next = "put its cases beside it, and remove it";
                        return refuse("no case is looked for in a directory here", next);
                    }
                    (_, None) => {}
                }
            }
            found.insert(name, cases);
        }
        Ok(Self(found))
    }

    /// Each with its migration's directory.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&String, &Named)> {
        self.0.iter().flat_map(|(directory, cases)| cases.iter().map(move |case| (directory, case)))
    }

    pub(crate) fn of(&self, migration: &str) -> &[Named] {
        self.0.get(migration).map_or(&[], Vec::as_slice)
    }
}

/// Whether there are cases at all; no part of the way to them is a link.
fn exists(tree: &dyn Tree) -> Result<bool, CasesError> {
    let mut above = PathBuf::new();
    for name in DIRECTORY.split('/') {
        let found = tree.entries(&above);
        let found = found.map_err(|error| unreadable(&above.to_string_lossy(), &error))?;
        above.push(name);
        match found.iter().find(|entry| entry.name == name).map(|entry| entry.kind) {
            Some(EntryKind::Directory) => {}
            Some(EntryKind::Symlink) => return Err(link(&above.to_string_lossy())),
            _ => return Ok(false),
        }
    }
    Ok(true)
}

fn link(place: &str) -> CasesError {
    CasesError::new(place, "it is a symbolic link", "put the files themselves there")
}

fn read(tree: &dyn Tree, name: &str, path: String) -> Result<Named, CasesError> {
    let shown = redact::printable(&path).into_owned();
    let wrong = |what: &str| Mismatch { at: shown.clone(), what: what.into(), rows_only: false };
    let text = match tree.read(Path::new(&path), LARGEST) {
        Ok(Bytes::Whole(bytes)) => String::from_utf8(bytes).map_err(|_| wrong("it isn't UTF-8")),
        Ok(Bytes::TooLarge(_)) => Err(wrong("it is larger than 4 MiB")),
        Err(error) => return Err(unreadable(&path, &error)),
    };
    let case = text.clone().and_then(|text| Case::parse(&shown, &text));
    Ok(Named { name: name.to_owned(), path, text: text.unwrap_or_default(), case })
}

fn unreadable(place: &str, error: &std::io::Error) -> CasesError {
    let next = "see what the operating system says about this place";
    CasesError::new(place, error.to_string(), next)
}

/// What is in a directory, in order.
fn entries(tree: &dyn Tree, directory: &str) -> Result<Vec<(String, EntryKind)>, CasesError> {
    let found =
        tree.entries(Path::new(directory)).map_err(|error| unreadable(directory, &error))?;
    let mut named = Vec::new();
    for Entry { name, kind } in found {
        match name.into_string() {
            Ok(name) => named.push((name, kind)),
            Err(name) => {
                let place = Path::new(directory).join(name);
                let place = place.to_string_lossy();
                return Err(CasesError::new(&place, "its name isn't UTF-8", "rename it"));
            }
        }
    }
    named.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(named)
}
