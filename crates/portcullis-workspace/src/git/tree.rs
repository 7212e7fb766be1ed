//! The files of a version, as git keeps them.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use portcullis_model::tree::{Bytes, Entry, EntryKind, Tree};
use portcullis_model::words;
use portcullis_model::{migration::MAX_FILE, redact};

use super::listing::{Files, Listing, Mode, Node, below, bytes, parse, plain};
use super::repository::{Repository, Version, names};
use crate::Error;

/// The files of a version, by paths relative to the workspace's root. What is below a path
/// is listed when it is first asked for, by one run of git.
#[derive(Debug)]
pub struct GitTree {
    repository: Repository,
    version: Version,
    listing: RefCell<Listing>,
    /// What was read ahead, by id.
    ahead: RefCell<HashMap<String, Bytes>>,
}

const READ: &str = "read the files that git keeps";

/// Larger files aren't read ahead: they would be held twice.
const AHEAD: u64 = 64 << 10;

/// The ids of an empty file, by SHA-1 and by SHA-256.
const EMPTY: [&str; 2] = [
    "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
    "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
];

impl GitTree {
    pub(super) fn new(repository: Repository, version: Version) -> Self {
        Self { repository, version, listing: RefCell::default(), ahead: RefCell::default() }
    }

    /// Which version it is.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// Lists what is below these paths, by one run of git. Optional: it saves runs, and it
    /// says more about what is wrong than [`Tree`]'s methods can.
    ///
    /// # Errors
    /// Files of a merge that isn't finished, a path in a submodule or behind a symbolic
    /// link, or whatever git says.
    pub fn list(&self, paths: &[PathBuf]) -> Result<(), Error> {
        let mut listing = self.listing.borrow_mut();
        let missing: Vec<PathBuf> =
            paths.iter().map(|path| plain(path)).filter(|path| !listing.covers(path)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let found = self.ask_git(&missing)?;
        for path in &missing {
            self.check_reachable(path, &found)?;
        }
        listing.files.extend(found);
        listing.covered.extend(missing);
        Ok(())
    }

    /// Reads every file below a directory ahead. Optional: one question after the other
    /// takes twice as long.
    ///
    /// # Errors
    /// As [`GitTree::list`].
    pub fn read_ahead(&self, directory: &Path) -> Result<(), Error> {
        let directory = plain(directory);
        self.list(std::slice::from_ref(&directory))?;
        let listing = self.listing.borrow();
        let files = below(&listing.files, &directory).filter(|(_, node)| node.mode == Mode::File);
        let ids: Vec<&str> = files.map(|(_, node)| node.id.as_str()).collect();
        let mut ahead = self.ahead.borrow_mut();
        self.repository.objects(READ, |objects| {
            objects.read_all(&ids, AHEAD, |object| {
                ahead.insert(object.id, object.bytes);
            })
        })
    }

    /// The id that git gives a file's content; none if there is no such file. Two files
    /// with one id are the same.
    ///
    /// # Errors
    /// As [`GitTree::list`].
    pub fn object_id(&self, file: &Path) -> Result<Option<String>, Error> {
        let file = plain(file);
        self.list(std::slice::from_ref(&file))?;
        Ok(self.listing.borrow().files.get(bytes(&file)).map(|node| node.id.clone()))
    }

    /// The text of a file, without a run of git for it: none if there is no such file, or if
    /// it is no text.
    ///
    /// # Errors
    /// Git can't be read.
    pub fn peek(&self, file: &Path) -> Result<Option<String>, Error> {
        let named = format!("{}:./{}", self.revision(), file.display());
        let found = self.repository.objects(READ, |objects| objects.read(&named, MAX_FILE))?;
        Ok(match found.map(|object| object.bytes) {
            Some(Bytes::Whole(bytes)) => String::from_utf8(bytes).ok(),
            _ => None,
        })
    }

    /// The text of a file that a person wrote; none if there is no such file.
    ///
    /// # Errors
    /// As [`GitTree::list`], or it is no file, too large or not UTF-8.
    pub fn text(&self, file: &Path) -> Result<Option<String>, Error> {
        // Asked for by its name, a file is there most of the time; listing it takes a run of
        // git, but tells what is in the way.
        if let Some(text) = self.peek(file)?.filter(|text| !text.is_empty()) {
            return Ok(Some(text));
        }
        if self.object_id(file)?.is_none() {
            return Ok(None);
        }
        let wrong = |cause: String| {
            Error::usage(READ, self.name(file), cause, "make it a readable UTF-8 file")
        };
        match self.read(file, MAX_FILE).map_err(|error| wrong(error.to_string()))? {
            Bytes::Whole(bytes) => String::from_utf8(bytes)
                .map(Some)
                .map_err(|_| wrong("it can't be read: it isn't UTF-8".to_owned())),
            Bytes::TooLarge(size) => Err(wrong(format!("it is too large: {}", words::bytes(size)))),
        }
    }

    /// What git takes for the version in front of a path.
    fn revision(&self) -> &str {
        match &self.version {
            Version::Index => "",
            Version::Commit(commit) => commit.id(),
        }
    }

    /// A path for people, with the version that it is of.
    pub fn name(&self, path: &Path) -> String {
        match &self.version {
            Version::Index => format!("{}, as staged", redact::path(path)),
            Version::Commit(commit) => format!("{}, in commit {commit}", redact::path(path)),
        }
    }

    fn ask_git(&self, paths: &[PathBuf]) -> Result<Files, Error> {
        let mut arguments: Vec<&OsStr> = match &self.version {
            Version::Index => ["ls-files", "-s", "-z", "--"].map(OsStr::new).into(),
            Version::Commit(commit) => {
                ["ls-tree", "-r", "-z", commit.id(), "--"].map(OsStr::new).into()
            }
        };
        arguments.extend(paths.iter().map(|path| or_here(path)));
        let printed = self.repository.program().read(READ, arguments)?;
        let entries: Vec<_> = printed.split(|byte| *byte == 0).filter_map(parse).collect();
        let unmerged: BTreeSet<&Path> =
            entries.iter().filter(|entry| entry.is_unmerged).map(|entry| entry.path).collect();
        if let Some(first) = unmerged.first() {
            return Err(not_merged(first, &unmerged));
        }
        let mut files: Files =
            entries.into_iter().map(|entry| (bytes(entry.path).to_vec(), entry.node)).collect();
        // `git add --intent-to-add` stages an empty file that the next commit won't hold.
        let is_doubtful = |node: &Node| EMPTY.contains(&node.id.as_str());
        if self.version == Version::Index && files.values().any(is_doubtful) {
            for file in self.only_intended(paths)? {
                files.remove(bytes(&file));
            }
        }
        Ok(files)
    }

    /// To git a file that is staged for real is never new in the work tree.
    fn only_intended(&self, paths: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
        let arguments = ["diff-files", "--name-only", "--diff-filter=A", "--relative", "-z", "--"]
            .map(OsStr::new);
        let arguments = arguments.into_iter().chain(paths.iter().map(|path| or_here(path)));
        Ok(names(&self.repository.program().read(READ, arguments)?).collect())
    }

    /// Refuses a path that this repository holds no files below: they are in another one,
    /// or somewhere else on the disk.
    fn check_reachable(&self, path: &Path, found: &Files) -> Result<(), Error> {
        let blocks = |node: &&Node| matches!(node.mode, Mode::Submodule | Mode::Symlink);
        if let Some(node) = found.get(bytes(path)).filter(blocks) {
            return Err(self.unreachable(path, path, node.mode));
        }
        if found.contains_key(bytes(path)) || below(found, path).next().is_some() {
            return Ok(());
        }
        // Nothing is there: maybe something above is in the way.
        let above: Vec<PathBuf> = path
            .ancestors()
            .skip(1)
            .filter(|above| !above.as_os_str().is_empty())
            .map(Path::to_owned)
            .collect();
        if above.is_empty() {
            return Ok(());
        }
        let found = self.ask_git(&above)?;
        match above.iter().find_map(|above| Some((above, found.get(bytes(above)).filter(blocks)?)))
        {
            Some((above, node)) => Err(self.unreachable(path, above, node.mode)),
            None => Ok(()),
        }
    }

    fn unreachable(&self, path: &Path, block: &Path, mode: Mode) -> Error {
        let block = redact::path(block);
        let (cause, next_step) = if mode == Mode::Submodule {
            (
                format!("{block} is a submodule: its files aren't in this repository"),
                "run it inside the submodule",
            )
        } else {
            (
                format!("{block} is a symbolic link: git keeps only where it leads"),
                "put the real thing there, or name where it leads to in portcullis.toml",
            )
        };
        Error::refused(READ, self.name(path), cause, next_step)
    }
}

impl Tree for GitTree {
    fn entries(&self, directory: &Path) -> io::Result<Vec<Entry>> {
        let directory = plain(directory);
        self.list(std::slice::from_ref(&directory)).map_err(io::Error::other)?;
        let listing = self.listing.borrow();
        if listing.files.contains_key(bytes(&directory)) {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let mut entries: Vec<Entry> = Vec::new();
        for (path, node) in below(&listing.files, &directory) {
            let slash = path.iter().position(|byte| *byte == b'/');
            let name = OsStr::from_bytes(&path[..slash.unwrap_or(path.len())]);
            // What is in one directory stands together.
            if entries.last().is_some_and(|last| last.name == name) {
                continue;
            }
            let kind = match node.mode {
                _ if slash.is_some() => EntryKind::Directory,
                Mode::File => EntryKind::File,
                Mode::Symlink => EntryKind::Symlink,
                Mode::Submodule | Mode::Other => EntryKind::Other,
            };
            entries.push(Entry { name: name.to_owned(), kind });
        }
        if entries.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(entries) }
    }

    fn read(&self, file: &Path, limit: u64) -> io::Result<Bytes> {
        let file = plain(file);
        self.list(std::slice::from_ref(&file)).map_err(io::Error::other)?;
        let node = self
            .listing
            .borrow()
            .files
            .get(bytes(&file))
            .cloned()
            .ok_or(io::ErrorKind::NotFound)?;
        if node.mode != Mode::File {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
        }
        if let Some(Bytes::Whole(bytes)) = self.ahead.borrow().get(&node.id)
            && bytes.len() as u64 <= limit
        {
            return Ok(Bytes::Whole(bytes.clone()));
        }
        let object = self.repository.objects(READ, |objects| objects.read(&node.id, limit));
        let missing = || io::Error::other("git hasn't got its content: try git fsck, or git fetch");
        Ok(object.map_err(io::Error::other)?.ok_or_else(missing)?.bytes)
    }
}

/// Git takes no empty path.
fn or_here(path: &Path) -> &OsStr {
    if path.as_os_str().is_empty() { OsStr::new(".") } else { path.as_os_str() }
}

fn not_merged(first: &Path, all: &BTreeSet<&Path>) -> Error {
    let names: Vec<String> = all.iter().take(5).map(|path| redact::path(path)).collect();
    let more = all.len().saturating_sub(names.len());
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    Error::refused(
        READ,
        redact::path(first.parent().unwrap_or(first)),
        format!("a merge isn't finished: {}{more} can't be told apart yet", names.join(", ")),
        "resolve the conflicts, then git add the files",
    )
}
