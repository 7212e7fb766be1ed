//! What the linter says of a version of the workspace, knowing its history.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use portcullis_lint::{Base, Context, Drafts, Report, Twin, lint_in};
use portcullis_model::config::{Config, FILE, Migrations};
use portcullis_model::exit::Exit;
use portcullis_model::migration::{File, Migration, MigrationSet};
use portcullis_model::sum::{Change, Line, Sum};
use portcullis_model::tree::{Disk, Tree};

use crate::Error;
use crate::application;
use crate::git::{Commit, Repository, Underway, Version};
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

/// What an inspection came to.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// Every engine's.
    pub engines: Vec<Inspected>,
    /// Whether git could say what is frozen.
    pub history: History,
}

/// Whether it is known what the default branch has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    /// It is, or there is no git to ask.
    Known,
    /// There are commits, but no default branch, or not the commit where this one left it.
    Unknown,
}

/// What is frozen of one directory.
struct Frozen<'a> {
    commit: &'a Commit,
    /// Where that commit has it: a configuration may move it, but not out of history.
    directory: PathBuf,
    sum: Sum,
}

/// Lints every engine's migrations, and the application's code.
///
/// # Errors
/// A directory or git can't be read.
pub fn inspect(source: &Source) -> Result<Inspection, Error> {
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
    if let Files::Git(tree) = &source.files {
        source.list_migrations(tree)?;
    }
    let mut read = Vec::new();
    for migrations in &source.config.migrations {
        let frozen = match &repository {
            Some(repository) => frozen(repository, &bases, migrations),
            None => Ok(None),
        }?;
        let unchanged = match (&repository, &frozen) {
            (Some(repository), Some(frozen)) => {
                unchanged(source, repository, frozen, &migrations.path)?
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
        read.push((migrations, set, base));
    }
    let twins: Vec<Twin> = read.iter().map(|(_, set, _)| Twin::of(set)).collect();
    let mut inspected = Vec::new();
    for (migrations, set, base) in read {
        let context = Context {
            base,
            twin: twins.iter().find(|twin| twin.path != migrations.path).cloned(),
            drafts: if is_commit { Drafts::Reported } else { Drafts::Welcome },
            // Once, however many directories there are.
            application: std::mem::take(&mut application),
        };
        let report = lint_in(&set, migrations.dialect, &context);
        let frozen = context.base.map(|base| base.sum).unwrap_or_default();
        inspected.push(Inspected { migrations: migrations.clone(), set, report, frozen });
    }
    let commits = match &repository {
        Some(repository) => repository.head()?.is_some(),
        None => false,
    };
    let history = if commits && bases.is_empty() { History::Unknown } else { History::Known };
    Ok(Inspection { engines: inspected, history })
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
    let mainline = Mainline::find(&repository, default_branch).ok()??;
    let bases = left(&repository, &mainline).ok()?;
    let frozen = frozen(&repository, &bases, migrations).ok()??;
    base_of(&repository, frozen, migrations, set).ok()
}

/// What another engine has in the working tree, by name only. Where that can't be read,
/// `lint` says so.
pub fn twin(root: &Path, all: &[Migrations], migrations: &Migrations) -> Option<Twin> {
    let other = all.iter().find(|other| other.path != migrations.path)?;
    let set = MigrationSet::read_changed(&Disk::new(root), &other.path, &|_| true).ok()?;
    Some(Twin::of(&set))
}

/// Where the default branch was left.
fn bases(source: &Source, repository: &Repository) -> Result<Vec<Commit>, Error> {
    if let Files::Git(tree) = &source.files
        && *tree.version() != Version::Index
    {
        return Ok(source.base.iter().cloned().collect());
    }
    let mainline = Mainline::find(repository, source.config.default_branch.as_deref())?;
    let Some(mainline) = mainline else { return Ok(Vec::new()) };
    match left(repository, &mainline) {
        // In a shallow clone the base isn't known; `--since` asks for it and says so.
        Err(error) if error.exit == Exit::Refused => Ok(Vec::new()),
        bases => bases,
    }
}

/// Where the next commit will have left the default branch: one that finishes a merge comes
/// from two.
fn left(repository: &Repository, mainline: &Mainline) -> Result<Vec<Commit>, Error> {
    let mut parents: Vec<Commit> = repository.head()?.into_iter().collect();
    if repository.underway() == Some(Underway::Merge) {
        parents.extend(repository.resolve("MERGE_HEAD")?);
    }
    let bases = parents.iter().map(|parent| mainline.bases(repository, parent));
    Ok(bases.collect::<Result<Vec<_>, _>>()?.concat())
}

/// Of several bases the one that has accepted most, and what it has. None where nothing was
/// accepted yet: what this branch accepts, as it comes under the gate, is trusted.
fn frozen<'a>(
    repository: &Repository,
    bases: &'a [Commit],
    migrations: &Migrations,
) -> Result<Option<Frozen<'a>>, Error> {
    let mut most: Option<Frozen<'_>> = None;
    for commit in bases {
        let directory = directory_at(repository, commit, migrations)?;
        let sum = sum_at(repository, commit, &directory)?;
        if most.as_ref().map_or(0, |other| other.sum.lines.len()) < sum.lines.len() {
            most = Some(Frozen { commit, directory, sum });
        }
    }
    Ok(most)
}

/// Where a commit's own configuration has an engine's migrations.
fn directory_at(
    repository: &Repository,
    commit: &Commit,
    migrations: &Migrations,
) -> Result<PathBuf, Error> {
    let text = repository.commit(commit).peek(Path::new(FILE))?.unwrap_or_default();
    let config = Config::parse(&text, repository.root()).ok();
    let theirs = config.and_then(|config| {
        config.migrations.into_iter().find(|one| one.dialect == migrations.dialect)
    });
    Ok(theirs.map_or_else(|| migrations.path.clone(), |theirs| theirs.path))
}

/// The frozen migrations that git knows to be as they are at the base, without reading one.
/// In the working tree git only knows what it has seen: there all are read.
fn unchanged(
    source: &Source,
    repository: &Repository,
    frozen: &Frozen<'_>,
    directory: &Path,
) -> Result<HashSet<String>, Error> {
    let Files::Git(tree) = &source.files else { return Ok(HashSet::new()) };
    let asked;
    let changed = match source.changed()? {
        Some(changed) if source.base.as_ref() == Some(frozen.commit) => changed,
        _ => {
            asked = repository.changed(frozen.commit, tree.version(), &[directory.to_owned()])?;
            &asked
        }
    };
    let mut unchanged: HashSet<String> =
        frozen.sum.lines.iter().map(|line| line.directory.clone()).collect();
    for path in changed.iter().filter_map(|path| path.strip_prefix(directory).ok()) {
        if let Some(name) = path.components().next() {
            unchanged.remove(&*name.as_os_str().to_string_lossy());
        }
    }
    Ok(unchanged)
}

fn base_of(
    repository: &Repository,
    frozen: Frozen<'_>,
    migrations: &Migrations,
    set: &MigrationSet,
) -> Result<Base, Error> {
    let old = old_files(repository, &frozen, migrations, set)?;
    Ok(Base { revision: frozen.commit.short().to_owned(), sum: frozen.sum, old })
}

/// What a commit has accepted. Should somebody have committed a conflict: what stands outside
/// it, as neither side of it was decided.
pub(crate) fn sum_at(
    repository: &Repository,
    commit: &Commit,
    directory: &Path,
) -> Result<Sum, Error> {
    let text = repository.commit(commit).peek(&directory.join(portcullis_model::sum::FILE))?;
    let text = text.unwrap_or_default();
    let mut outside = String::new();
    let mut in_conflict = false;
    for line in text.split_inclusive('\n') {
        in_conflict |= line.starts_with("<<<<<<<");
        if !in_conflict {
            outside.push_str(line);
        }
        in_conflict &= !line.starts_with(">>>>>>>");
    }
    let (lines, _) = portcullis_model::sum::lines(&outside);
    Ok(Sum { lines })
}

/// The files of frozen migrations that were edited, as they were accepted.
fn old_files(
    repository: &Repository,
    frozen: &Frozen<'_>,
    migrations: &Migrations,
    set: &MigrationSet,
) -> Result<BTreeMap<PathBuf, Vec<u8>>, Error> {
    let lines: BTreeMap<&str, &Line> =
        frozen.sum.lines.iter().map(|line| (line.directory.as_str(), line)).collect();
    let is_edited = |migration: &Migration, line: &Line| {
        migration.up != File::Unchanged
            && line.digests.change(migration, migrations.dialect) != Change::Nothing
    };
    let mut old = BTreeMap::new();
    // Listed with one run of git, however many were edited.
    let base = repository.commit(frozen.commit);
    for migration in &set.migrations {
        let Some(line) = lines.get(migration.directory.as_str()) else { continue };
        if !is_edited(migration, line) {
            continue;
        }
        if old.is_empty() {
            base.list(std::slice::from_ref(&frozen.directory))?;
        }
        let then = frozen.directory.join(&migration.directory);
        let accepted = |tree: &dyn Tree| {
            let then = Migration::read(tree, &then);
            then.filter(|then| then.fingerprint() == line.digests.fingerprint)
        };
        let mut found = accepted(&base);
        if found.is_none() {
            repository.find_earlier(frozen.commit, &then, |tree| {
                found = accepted(tree);
                found.is_some()
            })?;
        }
        old.extend(found.iter().flat_map(|found| files(found, &migration.path)));
    }
    Ok(old)
}

/// What was read of a migration, by the path that it has now.
fn files(migration: &Migration, path: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = [
        ("up.sql", &migration.up),
        ("down.sql", &migration.down),
        ("metadata.toml", &migration.metadata_file),
    ];
    let read = files.into_iter().filter_map(|(name, file)| Some((name, file.bytes()?)));
    read.map(|(name, bytes)| (path.join(name), bytes.to_owned())).collect()
}
