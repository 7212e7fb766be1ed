//! The case files of a workspace, by migration.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::Path;

use portcullis_database::slt::case::{Case, Mismatch};
use portcullis_model::config::like;
use portcullis_model::redact;
use portcullis_model::tree::{Bytes, EntryKind, Tree};

/// Where the cases are, below the workspace's root.
pub const DIRECTORY: &str = "tests/migrations";

/// The largest case that is read: 4 MiB.
const LARGEST: u64 = 4 << 20;

/// A case, as it was read.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    /// The file's name without its ending.
    pub(crate) name: String,
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

impl Cases {
    /// Reads the cases below a workspace's root; `migrations` are the directories of every
    /// engine. What is wrong with one case is kept in it.
    ///
    /// # Errors
    /// A file can't be read, or lies where no migration is.
    pub fn read(root: &dyn Tree, migrations: &BTreeSet<&str>) -> Result<Self, CasesError> {
        let mut found = BTreeMap::new();
        for (name, kind) in entries(root, Path::new(DIRECTORY))? {
            let path = Path::new(DIRECTORY).join(&name);
            let shown = redact::path(&path);
            let refuse = |cause: &str, next_step: String| {
                Err(CasesError { place: shown.clone(), cause: cause.to_owned(), next_step })
            };
            match kind {
                EntryKind::Directory if migrations.contains(name.as_str()) => {}
                EntryKind::Directory => {
                    let names: Vec<&str> = migrations.iter().copied().collect();
                    let next = match like(&name, &names) {
                        Some(name) => format!("is {name} meant? Or remove it"),
                        None => "name it as the migration is named, or remove it".to_owned(),
                    };
                    return refuse("there is no such migration", next);
                }
                _ if is_case(&name) => {
                    let next = "put it into the directory of its migration".to_owned();
                    return refuse("it belongs to no migration", next);
                }
                _ => continue,
            }
            let cases = entries(root, &path)?.into_iter().filter(|(file, _)| is_case(file));
            let cases = cases.map(|(file, kind)| read(root, &path.join(file), kind));
            found.insert(name, cases.collect::<Result<Vec<_>, _>>()?);
        }
        Ok(Self(found))
    }

    pub(crate) fn of(&self, migration: &str) -> &[Named] {
        self.0.get(migration).map_or(&[], Vec::as_slice)
    }
}

fn is_case(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|extension| extension == "slt")
}

fn read(root: &dyn Tree, path: &Path, kind: EntryKind) -> Result<Named, CasesError> {
    let shown = redact::path(path);
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let wrong = |what: &str| Err(Mismatch { at: shown.clone(), what: what.to_owned() });
    let case = match kind {
        EntryKind::File => match root.read(path, LARGEST).map_err(|error| failed(path, &error))? {
            Bytes::TooLarge(_) => wrong("it is larger than 4 MiB"),
            Bytes::Whole(bytes) => match String::from_utf8(bytes) {
                Ok(text) => Case::parse(&shown, &text),
                Err(_) => wrong("it isn't UTF-8"),
            },
        },
        EntryKind::Symlink => wrong("it is a symbolic link: a case is a file"),
        EntryKind::Directory | EntryKind::Other => wrong("it isn't a file"),
    };
    Ok(Named { name, case })
}

/// What is in a directory, in order; nothing where there is none.
fn entries(root: &dyn Tree, directory: &Path) -> Result<Vec<(String, EntryKind)>, CasesError> {
    let entries = match root.entries(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| failed(directory, &error))?,
    };
    let named = entries.into_iter().map(|entry| (entry.name.to_string_lossy().into(), entry.kind));
    let mut named: Vec<(String, EntryKind)> = named.collect();
    named.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(named)
}

fn failed(path: &Path, error: &io::Error) -> CasesError {
    CasesError {
        place: redact::path(path),
        cause: error.to_string(),
        next_step: "see what the operating system says about this place".to_owned(),
    }
}
