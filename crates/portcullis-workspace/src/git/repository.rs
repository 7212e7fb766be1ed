//! The repository that a workspace is in.

use std::cell::RefCell;
use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use portcullis_model::redact;

use super::objects::Objects;
use super::program::{self, Program};
use super::tree::GitTree;
use crate::Error;

/// A commit, by its full id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Commit(pub(super) String);

impl Commit {
    /// The full id.
    pub fn id(&self) -> &str {
        &self.0
    }

    /// As much of the id as people read.
    pub fn short(&self) -> &str {
        self.0.get(..10).unwrap_or(&self.0)
    }
}

impl fmt::Display for Commit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.short())
    }
}

/// A version of the workspace that git keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Version {
    /// What is staged for the next commit.
    Index,
    /// A commit.
    Commit(Commit),
}

/// What git has begun here and not finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Underway {
    /// `git merge`.
    Merge,
    /// `git rebase`, or `git am`.
    Rebase,
    /// `git cherry-pick`.
    CherryPick,
    /// `git revert`.
    Revert,
}

/// A workspace's repository. Cloning it is cheap: the clones share a `git cat-file`.
#[derive(Debug, Clone)]
pub struct Repository(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    program: Program,
    toplevel: PathBuf,
    directory: PathBuf,
    is_shallow: bool,
    objects: RefCell<Option<Objects>>,
}

impl Repository {
    pub(super) fn new(
        program: Program,
        toplevel: PathBuf,
        directory: PathBuf,
        is_shallow: bool,
    ) -> Self {
        let objects = RefCell::new(None);
        Self(Rc::new(Inner { program, toplevel, directory, is_shallow, objects }))
    }

    /// The workspace's root, without symbolic links.
    pub fn root(&self) -> &Path {
        &self.0.program.directory
    }

    /// The top of the work tree, without symbolic links.
    pub fn toplevel(&self) -> &Path {
        &self.0.toplevel
    }

    /// Where the workspace's root is in the work tree; empty if it is the top.
    pub fn prefix(&self) -> &Path {
        self.root().strip_prefix(&self.0.toplevel).unwrap_or(Path::new(""))
    }

    /// The git directory; of a linked worktree its own.
    pub fn directory(&self) -> &Path {
        &self.0.directory
    }

    /// Whether the clone's history is cut off.
    pub fn is_shallow(&self) -> bool {
        self.0.is_shallow
    }

    /// What git has begun here and not finished.
    pub fn underway(&self) -> Option<Underway> {
        let marks = [
            ("MERGE_HEAD", Underway::Merge),
            ("rebase-merge", Underway::Rebase),
            ("rebase-apply", Underway::Rebase),
            ("CHERRY_PICK_HEAD", Underway::CherryPick),
            ("REVERT_HEAD", Underway::Revert),
        ];
        let found = marks.iter().find(|(mark, _)| self.0.directory.join(mark).exists());
        found.map(|(_, underway)| *underway)
    }

    /// The files below `paths` that a merge left to a person, relative to the workspace's
    /// root.
    ///
    /// # Errors
    /// Git can't be read.
    pub fn unmerged(&self, paths: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
        let mut arguments: Vec<OsString> =
            ["ls-files", "-u", "-z", "--"].map(OsString::from).into();
        arguments.extend(paths.iter().map(OsString::from));
        let printed = self.program().read("look for conflicts", arguments)?;
        // MODE ID STAGE TAB PATH, up to three times a file.
        let mut files: Vec<PathBuf> = names(&printed)
            .filter_map(|line| {
                let line = line.into_os_string().into_vec();
                let tab = line.iter().position(|byte| *byte == b'\t')?;
                Some(PathBuf::from(OsString::from_vec(line[tab + 1..].to_vec())))
            })
            .collect();
        files.dedup();
        Ok(files)
    }

    /// The commit that is checked out; none if there is no commit yet.
    ///
    /// # Errors
    /// Git can't be read.
    pub fn head(&self) -> Result<Option<Commit>, Error> {
        self.resolve("HEAD")
    }

    /// The commit that a revision names, if there is one.
    ///
    /// # Errors
    /// Git can't be read.
    pub fn resolve(&self, revision: &str) -> Result<Option<Commit>, Error> {
        let name = format!("{revision}^{{commit}}");
        // The commit's own text isn't wanted.
        let found = self.objects("look up a commit", |objects| objects.read(&name, 0))?;
        Ok(found.map(|object| Commit(object.id)))
    }

    /// What is staged.
    pub fn index(&self) -> GitTree {
        GitTree::new(self.clone(), Version::Index)
    }

    /// What a commit holds.
    pub fn commit(&self, commit: &Commit) -> GitTree {
        GitTree::new(self.clone(), Version::Commit(commit.clone()))
    }

    /// The files below `paths` that differ between a commit and a version, relative to the
    /// workspace's root. One run of git, which compares ids and reads no file.
    ///
    /// # Errors
    /// Git can't be read.
    pub fn changed(
        &self,
        base: &Commit,
        version: &Version,
        paths: &[PathBuf],
    ) -> Result<Vec<PathBuf>, Error> {
        let mut arguments: Vec<OsString> = match version {
            Version::Index => vec!["diff-index".into(), "--cached".into(), base.id().into()],
            Version::Commit(commit) => {
                vec!["diff-tree".into(), "-r".into(), base.id().into(), commit.id().into()]
            }
        };
        arguments.splice(1..1, ["--name-only", "-z", "--no-renames"].map(OsString::from));
        arguments.push("--".into());
        arguments.extend(paths.iter().map(OsString::from));
        let printed = self.program().read("compare with the last commit", arguments)?;
        Ok(names(&printed).map(|name| self.relative_to_root(&name)).collect())
    }

    /// A path that is relative to the top, made relative to the workspace's root.
    fn relative_to_root(&self, path: &Path) -> PathBuf {
        let mut up = PathBuf::new();
        for base in self.prefix().ancestors() {
            if let Ok(rest) = path.strip_prefix(base) {
                return up.join(rest);
            }
            up.push("..");
        }
        path.to_owned()
    }

    /// What git prints at the top of the work tree.
    pub(crate) fn read_at_top(
        &self,
        operation: &str,
        arguments: &[&str],
    ) -> Result<Vec<u8>, Error> {
        let directory = self.toplevel().to_owned();
        Program { directory, ..self.program().clone() }.read(operation, arguments)
    }

    pub(super) fn program(&self) -> &Program {
        &self.0.program
    }

    /// Asks the one `git cat-file`, which is started by the first question.
    pub(super) fn objects<T>(
        &self,
        operation: &str,
        ask: impl FnOnce(&mut Objects) -> std::io::Result<T>,
    ) -> Result<T, Error> {
        let mut objects = self.0.objects.borrow_mut();
        let mut running = match objects.take() {
            Some(running) => running,
            None => Objects::start(self.program().command())
                .map_err(|error| program::not_started(operation, self.root(), &error))?,
        };
        // After an error nobody knows what the next answer belongs to: it isn't kept.
        let answer = ask(&mut running).map_err(|error| {
            Error::refused(
                operation,
                redact::path(self.root()),
                format!("git cat-file: {error}"),
                "see whether the repository is whole: git fsck",
            )
        })?;
        *objects = Some(running);
        Ok(answer)
    }
}

/// The names in a list that git separates by NUL.
pub(super) fn names(printed: &[u8]) -> impl Iterator<Item = PathBuf> {
    let names = printed.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    names.map(|name| PathBuf::from(OsString::from_vec(name.to_vec())))
}
