//! What git lists of a version: the path, the kind and the id of each file.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

/// What was listed so far.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Everything below these is in `files`.
    pub(super) covered: BTreeSet<PathBuf>,
    pub(super) files: Files,
}

/// By path, as bytes: comparing paths part by part would take longer than all the rest.
pub(super) type Files = BTreeMap<Vec<u8>, Node>;

/// A path that git keeps something under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) mode: Mode,
    pub(super) id: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    File,
    Symlink,
    Submodule,
    Other,
}

impl Listing {
    pub(super) fn covers(&self, path: &Path) -> bool {
        path.ancestors().any(|above| self.covered.contains(above))
    }
}

pub(super) fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

/// What is below a directory, by the path from there.
pub(super) fn below<'a>(
    files: &'a Files,
    directory: &Path,
) -> impl Iterator<Item = (&'a [u8], &'a Node)> {
    let mut start = bytes(directory).to_vec();
    if !start.is_empty() {
        start.push(b'/');
    }
    let from = files.range(start.clone()..);
    from.map_while(move |(path, node)| Some((path.strip_prefix(&start[..])?, node)))
}

/// A path spelt as git spells it: without `.`, and `..` resolved.
pub(super) fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(out.components().next_back(), Some(Component::Normal(_))) =>
            {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

/// One entry of a list.
pub(super) struct Line<'a> {
    pub(super) path: &'a Path,
    pub(super) node: Node,
    pub(super) is_unmerged: bool,
}

/// One entry: `MODE ID STAGE`, tab, path, or of a commit `MODE TYPE ID`, tab, path.
pub(super) fn parse(entry: &[u8]) -> Option<Line<'_>> {
    let tab = entry.iter().position(|byte| *byte == b'\t')?;
    let head = std::str::from_utf8(&entry[..tab]).ok()?;
    let mut words = head.split(' ');
    let (mode, second, third) = (words.next()?, words.next()?, words.next()?);
    let mode = match mode {
        "100644" | "100755" | "100664" => Mode::File,
        "120000" => Mode::Symlink,
        "160000" => Mode::Submodule,
        _ => Mode::Other,
    };
    // A stage is a digit; no id is that short.
    let (id, is_unmerged) = if third.len() == 1 { (second, third != "0") } else { (third, false) };
    let path = Path::new(OsStr::from_bytes(&entry[tab + 1..]));
    Some(Line { path, node: Node { mode, id: id.to_owned() }, is_unmerged })
}
