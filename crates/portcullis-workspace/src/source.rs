//! Which version of the workspace a command looks at: the working tree, what is staged, or
//! a commit. The configuration is read from the same version as the migrations.

use std::cell::OnceCell;
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use portcullis_model::config::{Config, FILE};
use portcullis_model::migration::MigrationSet;
use portcullis_model::redact;
use portcullis_model::tree::{Disk, Tree};

use crate::Error;
use crate::git::{Branch, Commit, GitTree, Repository, Version};

/// What a command is asked to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted<'a> {
    /// The files as they are on the disk.
    WorkingTree,
    /// What is staged for the next commit.
    Staged,
    /// The commit that is checked out, against where it left a revision, or else the
    /// default branch.
    Since(Option<&'a str>),
}

/// Where the files are.
#[derive(Debug)]
pub enum Files {
    /// On the disk.
    Disk(Disk),
    /// In git.
    Git(GitTree),
}

/// A version of the workspace.
#[derive(Debug)]
pub struct Source {
    /// Its configuration.
    pub config: Config,
    /// Its files.
    pub files: Files,
    /// The repository. The working tree is read without asking for one.
    pub repository: Option<Repository>,
    /// The commit to compare with: the one before what is staged, or where a commit left
    /// the other branch.
    pub base: Option<Commit>,
    /// What differs from it, once somebody has asked.
    changed: OnceCell<Vec<PathBuf>>,
}

const CHOOSE: &str = "choose what to lint";

impl Source {
    /// Finds the workspace that `here` is in, and the wanted version of it.
    ///
    /// # Errors
    /// No workspace, no repository, no such revision, or a wrong configuration.
    pub fn open(here: &Path, wanted: Wanted<'_>) -> Result<Self, Error> {
        if wanted == Wanted::WorkingTree {
            let config = Config::find(here)?;
            let files = Files::Disk(Disk::new(&config.root));
            let changed = OnceCell::new();
            return Ok(Self { config, files, repository: None, base: None, changed });
        }
        let root = Config::find_root(here)?;
        let repository = Repository::find(&root)?.require(CHOOSE)?;
        let head = repository.head()?;
        let (tree, config, base) = match wanted {
            Wanted::WorkingTree | Wanted::Staged => {
                let tree = repository.index();
                let config = configuration(&tree, &root)?;
                (tree, config, head)
            }
            Wanted::Since(revision) => {
                let head = head.ok_or_else(|| no_commit(&root))?;
                let tree = repository.commit(&head);
                let config = configuration(&tree, &root)?;
                let other = other(&repository, revision, &config)?;
                let base = repository.merge_base(&head, &other)?;
                let base = base.ok_or_else(|| unrelated(&other))?;
                (tree, config, Some(base))
            }
        };
        let (files, repository) = (Files::Git(tree), Some(repository));
        Ok(Self { config, files, repository, base, changed: OnceCell::new() })
    }

    /// Its files.
    pub fn tree(&self) -> &dyn Tree {
        match &self.files {
            Files::Disk(disk) => disk,
            Files::Git(tree) => tree,
        }
    }

    /// Reads the migrations in a directory. Of those that git knows to be unchanged only the
    /// names are read.
    ///
    /// # Errors
    /// The directory can't be read.
    pub fn migrations(
        &self,
        directory: &Path,
        unchanged: &HashSet<String>,
    ) -> Result<MigrationSet, Error> {
        match &self.files {
            Files::Git(tree) => read_from_git(tree, directory, unchanged),
            Files::Disk(disk) => MigrationSet::read(disk, directory).map_err(|error| {
                Error::usage(
                    "read the migrations",
                    redact::path(&self.config.root.join(&error.path)),
                    error.to_string(),
                    "make the directory, or name the right one under [migrations] in portcullis.toml",
                )
            }),
        }
    }

    /// The files of the workspace that differ from the base; none if there is no base to
    /// compare with.
    ///
    /// # Errors
    /// Git can't be read.
    pub fn changed(&self) -> Result<Option<&[PathBuf]>, Error> {
        let (Some(repository), Files::Git(tree), Some(base)) =
            (&self.repository, &self.files, &self.base)
        else {
            return Ok(None);
        };
        if let Some(changed) = self.changed.get() {
            return Ok(Some(changed));
        }
        // What is in a submodule never changes to git: it is refused instead.
        if repository.toplevel().join(".gitmodules").exists() {
            self.list_migrations(tree)?;
        }
        let changed = repository.changed(base, tree.version(), &[PathBuf::from(".")])?;
        Ok(Some(self.changed.get_or_init(|| changed)))
    }

    /// Lists every engine's directory with one run of git.
    pub(crate) fn list_migrations(&self, tree: &GitTree) -> Result<(), Error> {
        let directories = self.config.migrations.iter().map(|one| one.path.clone());
        tree.list(&directories.collect::<Vec<_>>())
    }
}

/// Git keeps no empty directory: one that is missing holds no migrations yet.
fn read_from_git(
    tree: &GitTree,
    directory: &Path,
    unchanged: &HashSet<String>,
) -> Result<MigrationSet, Error> {
    if unchanged.is_empty() {
        tree.read_ahead(directory)?;
    }
    match MigrationSet::read_changed(tree, directory, &|name| unchanged.contains(name)) {
        Ok(set) => Ok(set),
        Err(error) if error.source.kind() == io::ErrorKind::NotFound => {
            Ok(MigrationSet::empty(directory))
        }
        Err(error) => Err(Error::usage(
            "read the migrations",
            tree.name(directory),
            error.to_string(),
            "name the right directory under [migrations] in portcullis.toml",
        )),
    }
}

fn configuration(tree: &GitTree, root: &Path) -> Result<Config, Error> {
    let file = Path::new(FILE);
    let Some(text) = tree.text(file)? else {
        return Err(Error::usage(
            "read the configuration",
            tree.name(file),
            match tree.version() {
                Version::Index => "it isn't staged: git doesn't know it".to_owned(),
                Version::Commit(_) => "this commit hasn't got it".to_owned(),
            },
            match tree.version() {
                Version::Index => format!("git add {FILE}"),
                Version::Commit(_) => format!("git add {FILE}, and commit it"),
            },
        ));
    };
    Config::parse(&text, root).map_err(|error| {
        // A symbolic link's text is where it leads: that is what is wrong, then.
        if let Err(error) = tree.list(&[file.to_owned()]) {
            return error;
        }
        let place = tree.name(Path::new(&error.place));
        Error { place, ..Error::from(error) }
    })
}

/// Gets every branch, also into a clone that was told to have only one.
const FETCH_ALL: &str = "git fetch origin '+refs/heads/*:refs/remotes/origin/*'";

/// What to compare with: the revision that was asked for, or the default branch.
fn other(
    repository: &Repository,
    revision: Option<&str>,
    config: &Config,
) -> Result<Branch, Error> {
    if let Some(name) = revision {
        let printable = redact::printable(&redact::urls(name)).into_owned();
        let commit = repository.resolve(name)?.ok_or_else(|| {
            let hint = if repository.is_shallow() {
                format!("this clone is shallow: {FETCH_ALL} --unshallow")
            } else {
                format!("name a commit, branch or tag that is here, or fetch it: {FETCH_ALL}")
            };
            Error::usage(CHOOSE, "--since", format!("git knows no revision {printable}"), hint)
        })?;
        return Ok(Branch { name: printable, commit });
    }
    let branch = repository.default_branch(config.default_branch.as_deref())?;
    branch.ok_or_else(|| {
        Error::usage(
            CHOOSE,
            "--since",
            "there is no default branch: neither origin/HEAD, nor main or master",
            format!(
                "fetch it ({FETCH_ALL}), or name one: lint --since REV, default-branch in {FILE}"
            ),
        )
    })
}

fn no_commit(root: &Path) -> Error {
    Error::usage(
        CHOOSE,
        redact::path(root),
        "there is no commit yet",
        "look at what is staged: cargo xtask lint --staged",
    )
}

fn unrelated(other: &Branch) -> Error {
    Error::usage(
        CHOOSE,
        "--since",
        format!("the commit that is checked out and {} have no commit in common", other.name),
        "name a revision that this branch comes from: cargo xtask lint --since REV",
    )
}
