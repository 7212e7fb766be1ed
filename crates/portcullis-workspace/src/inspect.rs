//! What the linter says of a version of the workspace, knowing its history.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use portcullis_lint::{Base, Context, Drafts, Report, lint_in};
use portcullis_model::config::Migrations;
use portcullis_model::exit::Exit;
use portcullis_model::migration::{File, MAX_FILE, Migration, MigrationSet};
use portcullis_model::sum::{Change, Line, Sum};
use portcullis_model::tree::{Bytes, Tree};

use crate::Error;
use crate::application;
use crate::git::{Commit, Repository, Version};
use crate::mainline::Mainline;
use crate::source::{Files, Source};

/// One engine's migrations, and what the linter says of them.
#[derive(Debug, Clone)]
pub struct Inspected {
    /// Whose they are.
    pub migrations: Migrations,
    /// The migrations.
    pub set: MigrationSet,
    /// What the linter says.
    pub report: Report,
    /// What the default branch has accepted; nobody changes it any more.
    pub frozen: Sum,
}

/// Lints every engine's migrations, and the application's code.
///
/// # Errors
/// A directory or git can't be read.
pub fn inspect(source: &Source) -> Result<Vec<Inspected>, Error> {
    let repository = match &source.repository {
        Some(repository) => Some(repository.clone()),
        None => Repository::find(&source.config.root)?.found(),
    };
    let bases = match &repository {
        Some(repository) => bases(source, repository)?,
        None => Vec::new(),
    };
    let is_commit = matches!(&source.files, Files::Git(tree) if *tree.version() != Version::Index);
    let mut application = application::read(source, repository.as_ref())?;
    let mut inspected = Vec::new();
    if let Files::Git(tree) = &source.files {
        source.list_migrations(tree)?;
    }
    for migrations in &source.config.migrations {
        let frozen = match &repository {
            Some(repository) => frozen(repository, &bases, &migrations.path),
            None => Ok(None),
        }?;
        let unchanged = match (&repository, &frozen) {
            (Some(repository), Some((commit, sum))) => {
                unchanged(source, repository, commit, sum, &migrations.path)?
            }
            _ => HashSet::new(),
        };
        let set = source.migrations(&migrations.path, &unchanged)?;
        let base = match (&repository, frozen) {
            (Some(repository), Some(frozen)) => {
                Some(base_of(repository, frozen, migrations, &set)?)
            }
            _ => None,
        };
        let context = Context {
            base,
            drafts: if is_commit { Drafts::Reported } else { Drafts::Welcome },
            // Once, however many directories there are.
            application: std::mem::take(&mut application),
        };
        let report = lint_in(&set, migrations.dialect, &context);
        let frozen = context.base.map(|base| base.sum).unwrap_or_default();
        inspected.push(Inspected { migrations: migrations.clone(), set, report, frozen });
    }
    Ok(inspected)
}

/// What is frozen of one directory of the working tree. Without git, or with one that can't
/// be read, nothing is known to be: a database stays within reach on a bad night.
pub fn base(
    root: &Path,
    default_branch: Option<&str>,
    migrations: &Migrations,
    set: &MigrationSet,
) -> Option<Base> {
    let repository = Repository::find(root).ok()?.found()?;
    let head = repository.head().ok()??;
    let bases = Mainline::find(&repository, default_branch).ok()??.bases(&repository, &head);
    let bases = bases.ok()?;
    let frozen = frozen(&repository, &bases, &migrations.path).ok()??;
    base_of(&repository, frozen, migrations, set).ok()
}

/// Where the default branch was left.
fn bases(source: &Source, repository: &Repository) -> Result<Vec<Commit>, Error> {
    if let Files::Git(tree) = &source.files
        && *tree.version() != Version::Index
    {
        return Ok(source.base.iter().cloned().collect());
    }
    let Some(head) = repository.head()? else { return Ok(Vec::new()) };
    let mainline = Mainline::find(repository, source.config.default_branch.as_deref())?;
    let Some(mainline) = mainline else { return Ok(Vec::new()) };
    match mainline.bases(repository, &head) {
        // In a shallow clone the base isn't known; `--since` asks for it and says so.
        Err(error) if error.exit == Exit::Refused => Ok(Vec::new()),
        bases => bases,
    }
}

/// Of several bases the one that has accepted most, and what it has.
fn frozen<'a>(
    repository: &Repository,
    bases: &'a [Commit],
    directory: &Path,
) -> Result<Option<(&'a Commit, Sum)>, Error> {
    let mut most: Option<(&Commit, Sum)> = None;
    for commit in bases {
        let sum = sum_at(repository, commit, directory)?;
        if most.as_ref().is_none_or(|(_, other)| sum.lines.len() > other.lines.len()) {
            most = Some((commit, sum));
        }
    }
    Ok(most)
}

/// The frozen migrations that git knows to be as they are at the base, without reading one.
/// In the working tree git only knows what it has seen: there all are read.
fn unchanged(
    source: &Source,
    repository: &Repository,
    base: &Commit,
    frozen: &Sum,
    directory: &Path,
) -> Result<HashSet<String>, Error> {
    let Files::Git(tree) = &source.files else { return Ok(HashSet::new()) };
    let asked;
    let changed = match source.changed()? {
        Some(changed) if source.base.as_ref() == Some(base) => changed,
        _ => {
            asked = repository.changed(base, tree.version(), &[directory.to_owned()])?;
            &asked
        }
    };
    let mut unchanged: HashSet<String> =
        frozen.lines.iter().map(|line| line.directory.clone()).collect();
    for path in changed.iter().filter_map(|path| path.strip_prefix(directory).ok()) {
        if let Some(name) = path.components().next() {
            unchanged.remove(&*name.as_os_str().to_string_lossy());
        }
    }
    Ok(unchanged)
}

fn base_of(
    repository: &Repository,
    (commit, sum): (&Commit, Sum),
    migrations: &Migrations,
    set: &MigrationSet,
) -> Result<Base, Error> {
    let old = old_files(repository, commit, migrations, set, &sum)?;
    Ok(Base { revision: commit.short().to_owned(), sum, old })
}

/// What a commit has accepted; nothing where its sum can't be read.
pub(crate) fn sum_at(
    repository: &Repository,
    commit: &Commit,
    directory: &Path,
) -> Result<Sum, Error> {
    let text = repository.commit(commit).peek(&directory.join(portcullis_model::sum::FILE))?;
    Ok(portcullis_model::sum::parse(&text.unwrap_or_default()).unwrap_or_default())
}

/// The files of frozen migrations that were edited, as they were accepted.
fn old_files(
    repository: &Repository,
    base: &Commit,
    migrations: &Migrations,
    set: &MigrationSet,
    frozen: &Sum,
) -> Result<BTreeMap<PathBuf, Vec<u8>>, Error> {
    let lines: BTreeMap<&str, &Line> =
        frozen.lines.iter().map(|line| (line.directory.as_str(), line)).collect();
    let mut old = BTreeMap::new();
    for migration in &set.migrations {
        if migration.up == File::Unchanged {
            continue;
        }
        let line = lines.get(migration.directory.as_str());
        let change = line.map(|line| line.digests.change(migration, migrations.dialect));
        if let Some(line) = line
            && change.is_some_and(|change| change != Change::Nothing)
        {
            let path = &migration.path;
            let commit = repository.find_earlier(base, path, |tree| {
                is_as_accepted(tree, migration, &migrations.path, line)
            })?;
            if let Some(commit) = commit {
                old.extend(files(&repository.commit(&commit), path));
            }
        }
    }
    Ok(old)
}

fn is_as_accepted(tree: &dyn Tree, migration: &Migration, root: &Path, line: &Line) -> bool {
    MigrationSet::read(tree, root).is_ok_and(|set| {
        let then = set.migrations.iter().find(|then| then.directory == migration.directory);
        then.is_some_and(|then| then.fingerprint() == line.digests.fingerprint)
    })
}

fn files(tree: &dyn Tree, directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let names = ["up.sql", "down.sql", "metadata.toml"].map(|name| directory.join(name));
    names
        .into_iter()
        .filter_map(|path| match tree.read(&path, MAX_FILE) {
            Ok(Bytes::Whole(bytes)) => Some((path, bytes)),
            _ => None,
        })
        .collect()
}
