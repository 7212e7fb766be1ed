//! The case files of a workspace, by migration.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use portcullis_database::slt::case::{Case, Mismatch};
use portcullis_model::config::like;
use portcullis_model::redact;

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
    /// Reads the cases below `root`; `migrations` are the directories of every engine. What
    /// is wrong with one case is kept in it.
    ///
    /// # Errors
    /// A file can't be read, or lies where no migration is.
    pub fn read(root: &Path, migrations: &BTreeSet<&str>) -> Result<Self, CasesError> {
        let directory = root.join(DIRECTORY);
        let mut found = BTreeMap::new();
        if !directory.exists() {
            return Ok(Self::default());
        }
        for path in entries(&directory)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let shown = format!("{DIRECTORY}/{}", redact::printable(&name));
            let refuse = |cause: &str, next: String| {
                Err(CasesError { place: shown.clone(), cause: cause.to_owned(), next_step: next })
            };
            if !path.is_dir() {
                if path.extension().is_some_and(|extension| extension == "slt") {
                    let next = "put it into the directory of its migration".to_owned();
                    return refuse("it belongs to no migration", next);
                }
                continue;
            }
            if !migrations.contains(name.as_str()) {
                let names: Vec<&str> = migrations.iter().copied().collect();
                let next = match like(&name, &names) {
                    Some(name) => format!("is {name} meant? Or remove it"),
                    None => "name it as the migration is named, or remove it".to_owned(),
                };
                return refuse("there is no such migration", next);
            }
            let cases = entries(&path)?.into_iter().filter(|path| {
                path.extension().is_some_and(|extension| extension == "slt") && path.is_file()
            });
            let cases = cases.map(|path| read(root, &path)).collect::<Result<Vec<_>, _>>()?;
            found.insert(name, cases);
        }
        Ok(Self(found))
    }

    pub(crate) fn of(&self, migration: &str) -> &[Named] {
        self.0.get(migration).map_or(&[], Vec::as_slice)
    }
}

fn read(root: &Path, path: &Path) -> Result<Named, CasesError> {
    let shown = redact::path(path.strip_prefix(root).unwrap_or(path));
    let failed = |cause: String| CasesError {
        place: shown.clone(),
        cause,
        next_step: "see what the operating system says about this place".to_owned(),
    };
    let bytes = fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let wrong = |what: &str| Mismatch { at: shown.clone(), what: what.to_owned() };
    if bytes > LARGEST {
        return Ok(Named { name, case: Err(wrong("it is larger than 4 MiB")) });
    }
    let bytes = fs::read(path).map_err(|error| failed(error.to_string()))?;
    let case = match String::from_utf8(bytes) {
        Ok(text) => Case::parse(&shown, &text),
        Err(_) => Err(wrong("it isn't UTF-8")),
    };
    Ok(Named { name, case })
}

/// What is in a directory, in order.
fn entries(directory: &Path) -> Result<Vec<PathBuf>, CasesError> {
    let list = || -> std::io::Result<Vec<PathBuf>> {
        let entries = fs::read_dir(directory)?;
        let mut paths =
            entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
        paths.sort();
        Ok(paths)
    };
    list().map_err(|error| CasesError {
        place: redact::path(directory),
        cause: error.to_string(),
        next_step: "see what the operating system says about this place".to_owned(),
    })
}
