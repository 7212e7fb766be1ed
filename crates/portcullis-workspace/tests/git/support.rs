//! A repository of its own for each test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use portcullis_model::tree::{EntryKind, Tree};
use portcullis_workspace::git::{Commit, Repository};
use tempfile::TempDir;

/// A directory, in which git knows nothing of the user's configuration.
pub(crate) struct Checkout {
    pub(crate) directory: TempDir,
}

impl Checkout {
    /// A repository without a commit.
    pub(crate) fn new() -> Self {
        Self::with(&["init", "--quiet", "--initial-branch=main"])
    }

    /// What a git command makes of an empty directory.
    pub(crate) fn with(arguments: &[&str]) -> Self {
        let checkout = Self { directory: tempfile::tempdir().unwrap() };
        checkout.git(arguments);
        checkout
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn write(&self, file: impl AsRef<Path>, text: impl AsRef<[u8]>) {
        let path = self.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Runs git here, which must succeed; what it printed.
    #[track_caller]
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let (succeeded, printed) = self.try_git(arguments);
        assert!(succeeded, "git {arguments:?}: {printed}");
        printed
    }

    pub(crate) fn try_git(&self, arguments: &[&str]) -> (bool, String) {
        let output = git().current_dir(self.path()).args(arguments).output().unwrap();
        let printed = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&printed).trim_end().to_owned())
    }

    /// Commits everything; the new commit.
    #[track_caller]
    pub(crate) fn commit(&self) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message=."]);
        self.git(&["rev-parse", "HEAD"])
    }

    #[track_caller]
    pub(crate) fn repository(&self) -> Repository {
        self.repository_at("")
    }

    /// The repository, for a workspace in this directory of it.
    #[track_caller]
    pub(crate) fn repository_at(&self, directory: &str) -> Repository {
        Repository::find(&self.path().join(directory)).unwrap().require("test").unwrap()
    }
}

/// The git program, with a configuration of its own.
pub(crate) fn git() -> Command {
    let mut git = Command::new("git");
    git.env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .args(["-c", "user.name=Test", "-c", "user.email=test@example.org"])
        .args(["-c", "protocol.file.allow=always", "-c", "commit.gpgSign=false"]);
    git
}

/// A commit of this repository.
#[track_caller]
pub(crate) fn commit(repository: &Repository, revision: &str) -> Commit {
    repository.resolve(revision).unwrap().expect(revision)
}

/// The names in a directory with their kinds, or why not.
pub(crate) fn entries(tree: &dyn Tree, directory: &str) -> Vec<(PathBuf, EntryKind)> {
    let mut entries: Vec<_> = tree
        .entries(Path::new(directory))
        .unwrap()
        .into_iter()
        .map(|entry| (PathBuf::from(entry.name), entry.kind))
        .collect();
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    entries
}

/// The text of a file.
#[track_caller]
pub(crate) fn text(tree: &dyn Tree, file: impl AsRef<Path>) -> String {
    match tree.read(file.as_ref(), 1 << 20).unwrap() {
        portcullis_model::tree::Bytes::Whole(bytes) => String::from_utf8(bytes).unwrap(),
        portcullis_model::tree::Bytes::TooLarge(size) => format!("{size} bytes"),
    }
}
