//! The application's code, as far as it may run migrations itself.

use std::path::{Path, PathBuf};

use portcullis_lint::Application;
use portcullis_model::migration::MAX_FILE;
use portcullis_model::tree::{Bytes, EntryKind, Tree};

use crate::Error;
use crate::git::Repository;
use crate::source::{Files, Source};

/// What a file that matters names. (An allowance that is no longer needed is found, too.)
const WORDS: [&str; 3] = ["embed_migrations", "run_pending_migrations", "allow(other-way)"];

/// The Rust files that name one of the words. Of what is staged or committed only those that
/// changed are looked at.
pub(crate) fn read(source: &Source, repository: Option<&Repository>) -> Result<Application, Error> {
    let changed = source.changed()?;
    let candidates = match (changed, repository, &source.files) {
        (Some(changed), _, _) => changed.iter().filter(|path| is_rust(path)).cloned().collect(),
        (None, Some(repository), files) => {
            let version = match files {
                Files::Disk(_) => None,
                Files::Git(tree) => Some(tree.version()),
            };
            let mut files: Vec<PathBuf> =
                repository.grep(version, &WORDS)?.into_iter().map(|hit| hit.file).collect();
            files.dedup();
            files
        }
        (None, None, _) => {
            let mut files = Vec::new();
            walk(source.tree(), Path::new(""), &mut files);
            files
        }
    };
    let files: Vec<(PathBuf, String)> = candidates
        .into_iter()
        .filter_map(|path| Some((text(source.tree(), &path)?, path)))
        .filter(|(text, _)| WORDS.iter().any(|word| text.contains(word)))
        .map(|(text, path)| (path, text))
        .collect();
    if files.is_empty() {
        return Ok(Application::default());
    }
    Ok(Application { files, exempt: schema_crate(source.tree()).into_iter().collect() })
}

fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
}

fn text(tree: &dyn Tree, path: &Path) -> Option<String> {
    match tree.read(path, MAX_FILE) {
        Ok(Bytes::Whole(bytes)) => String::from_utf8(bytes).ok(),
        _ => None,
    }
}

/// Every Rust file that isn't hidden or built, where there is no git to ask.
fn walk(tree: &dyn Tree, directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in tree.entries(directory).unwrap_or_default() {
        let name = entry.name.to_string_lossy();
        let path = directory.join(&entry.name);
        match entry.kind {
            _ if name.starts_with('.') => {}
            EntryKind::Directory if name != "target" => walk(tree, &path, files),
            EntryKind::File if is_rust(&path) => files.push(path),
            _ => {}
        }
    }
}

/// The directory of the crate that `diesel.toml` has the schema written to. Where that is
/// the whole application, nothing is exempt.
fn schema_crate(tree: &dyn Tree) -> Option<PathBuf> {
    let table: toml::Table = text(tree, Path::new("diesel.toml"))?.parse().ok()?;
    let print = table.get("print_schema")?;
    let file = print
        .get("file")
        .or_else(|| print.as_table()?.values().find_map(|schema| schema.get("file")))?;
    let source = Path::new(file.as_str()?).ancestors().find(|path| path.ends_with("src"))?;
    source.parent().filter(|parent| !parent.as_os_str().is_empty()).map(Path::to_owned)
}
