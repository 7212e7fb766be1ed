//! `new`: a draft of a migration, for each engine that the workspace has.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use portcullis_lint::{Memory, lint};
use portcullis_model::config::Migrations;
use portcullis_model::migration::{MigrationSet, name_of};
use portcullis_model::redact::{self, printable};
use portcullis_model::sql::{Dialect, TokenKind, inverse, lex};
use portcullis_model::sum::Acceptance;
use portcullis_model::tree::Disk;

use crate::{CASES, Error, files, version};

const OPERATION: &str = "make a migration";

/// What is to be made.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The workspace's root.
    pub root: &'a Path,
    /// Each engine's directory.
    pub migrations: &'a [Migrations],
    /// What it does, in a few words.
    pub name: &'a str,
    /// Its `up.sql`; to be written if there is none.
    pub sql: Option<&'a str>,
    /// The time that the version says.
    pub now: SystemTime,
}

/// A draft that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// The directory's name, the same for every engine.
    pub directory: String,
    /// What was made, relative to the root.
    pub files: Vec<PathBuf>,
    /// What is still to be written, relative to the root.
    pub to_write: Vec<PathBuf>,
}

/// Makes the draft, and a case for it.
///
/// # Errors
/// The name is no name or has a draft already, no version sorts after the others, or a file
/// can't be written.
pub fn create(request: &Request<'_>) -> Result<Created, Error> {
    let name = checked(request.name)?;
    let sets = request
        .migrations
        .iter()
        .map(|migrations| read(request.root, &migrations.path))
        .collect::<Result<Vec<_>, _>>()?;
    for (set, migrations) in sets.iter().zip(request.migrations) {
        refuse_second_draft(set, migrations.dialect, &name)?;
    }
    let newest = newest(&sets);
    let version = version::after(newest, request.now, 1)
        .and_then(|versions| versions.into_iter().next())
        .ok_or_else(|| nothing_after(OPERATION, newest.unwrap_or_default()))?;
    let directory = format!("{version}_{name}");
    let mut created = Created { directory, files: Vec::new(), to_write: Vec::new() };
    let drafts = request
        .migrations
        .iter()
        .map(|one| (one.path.join(&created.directory), contents(request.sql, one.dialect)));
    let case = (Path::new(CASES).join(&created.directory), vec![(CASE, stub(&created.directory))]);
    let places: Vec<files::Directory> = drafts.chain([case]).collect();
    for (path, files) in &places {
        for (file, text) in files {
            created.files.push(path.join(file));
            if text.is_empty() {
                created.to_write.push(path.join(file));
            }
        }
    }
    let absolute = places.into_iter().map(|(path, files)| (request.root.join(path), files));
    files::make_directories(&absolute.collect::<Vec<_>>())?;
    Ok(created)
}

/// The file of a new migration's first case.
const CASE: &str = "keeps_rows.slt";

fn stub(directory: &str) -> String {
    format!(
        "# {directory}: what holds before it and after it, in sqllogictest format.\n\
         \n\
         subtest before\n\
         \n\
         # statement ok\n\
         # INSERT INTO …\n\
         \n\
         subtest after\n\
         \n\
         # query I\n\
         # SELECT count(*) FROM …\n\
         # ----\n\
         # 1\n"
    )
}

/// The files of a migration; an empty one is to be written.
fn contents(sql: Option<&str>, dialect: Dialect) -> Vec<(&'static str, String)> {
    let up = sql.map(|sql| terminated(sql, dialect)).unwrap_or_default();
    let down = inverse(&up, dialect).unwrap_or_default();
    let alone = refused_in_transaction(&up, dialect);
    let mut files = vec![("up.sql", up), ("down.sql", down)];
    if alone {
        files.push(("metadata.toml", "run_in_transaction = false\n".to_owned()));
    }
    files
}

/// Whether the linter would say so.
fn refused_in_transaction(up: &str, dialect: Dialect) -> bool {
    let memory = Memory::new([("migrations/1_new/up.sql", up)]);
    MigrationSet::read(&memory, Path::new("migrations")).is_ok_and(|set| {
        lint(&set, dialect).findings.iter().any(|finding| finding.rule == "not-in-transaction")
    })
}

/// The text with a semicolon and a line end after it.
fn terminated(sql: &str, dialect: Dialect) -> String {
    let sql = sql.trim();
    let last = lex(sql, dialect).pop();
    match last.map(|token| token.kind) {
        None => String::new(),
        Some(TokenKind::Semicolon | TokenKind::Comment) => format!("{sql}\n"),
        Some(_) => format!("{sql};\n"),
    }
}

/// The name as Diesel's directories have it: words joined by `_`.
fn checked(name: &str) -> Result<String, Error> {
    let wrong = |cause: &str, next: &str| {
        let place = format!("NAME \"{}\"", printable(&redact::urls(name)));
        Err(Error::usage(OPERATION, place, cause, next))
    };
    let joined = name.trim().replace([' ', '-'], "_");
    if joined.is_empty() || !joined.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return wrong("a name begins with a letter", "cargo xtask new add_nickname");
    }
    if !joined.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return wrong("a name has letters, digits and _ only", "cargo xtask new add_nickname");
    }
    if joined.len() > 100 {
        return wrong("the name has more than 100 letters", "say it shorter: it is a file's name");
    }
    Ok(joined)
}

fn refuse_second_draft(set: &MigrationSet, dialect: Dialect, name: &str) -> Result<(), Error> {
    // A sum that can't be read is for `lint` to draw; here it only can't tell drafts.
    let sum = set.sum().unwrap_or_default();
    let draft = set.migrations.iter().find(|migration| {
        name_of(&migration.directory) == name
            && sum.acceptance(migration, dialect) == Acceptance::Draft
    });
    match draft {
        None => Ok(()),
        Some(draft) => Err(Error::usage(
            OPERATION,
            redact::path(&draft.path),
            "there is a draft of this name already",
            "edit that one, remove its directory, or choose another name",
        )),
    }
}

/// The newest version of all.
pub(crate) fn newest(sets: &[MigrationSet]) -> Option<&str> {
    sets.iter().flat_map(|set| &set.migrations).map(|migration| migration.version.as_str()).max()
}

pub(crate) fn nothing_after(operation: &str, newest: &str) -> Error {
    Error::refused(
        operation,
        printable(newest).into_owned(),
        "neither a timestamp nor the next number sorts after this version",
        "name the new directory by hand, so that it sorts last",
    )
}

/// Reads a directory; one that isn't there yet is empty.
pub(crate) fn read(root: &Path, path: &Path) -> Result<MigrationSet, Error> {
    if !root.join(path).exists() {
        return Ok(MigrationSet::empty(path));
    }
    MigrationSet::read(&Disk::new(root), path).map_err(|error| {
        Error::usage("read the migrations",
            redact::path(path),
            error.to_string(),
            "make it a readable directory, or name the right one under [migrations] in portcullis.toml",
        )
    })
}

#[cfg(test)]
mod tests;
