//! Where words stand in the workspace's Rust files.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use super::repository::{Repository, Version};
use crate::Error;

/// A line that holds one of the words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// The file, relative to the workspace's root.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column in bytes of the first of the words, from 1.
    pub column: usize,
    /// The line's text.
    pub text: String,
}

impl Repository {
    /// The lines of `*.rs` files that hold one of the words, as written: in a version, or
    /// without one in the working tree, with files that aren't tracked yet.
    ///
    /// # Errors
    /// Git can't be read.
    pub fn grep(&self, version: Option<&Version>, words: &[&str]) -> Result<Vec<Hit>, Error> {
        const SEARCH: &str = "search the Rust files";
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let mut git = self.program().command();
        // Here a pathspec is a pattern.
        git.env_remove("GIT_LITERAL_PATHSPECS");
        // What a person may have configured otherwise is said.
        git.args(["-c", "grep.fullName=false", "grep", "--no-recurse-submodules", "--no-color"]);
        git.args(["-z", "-n", "--column", "-I", "-F"]);
        git.args(words.iter().flat_map(|word| ["-e", word]));
        let mut prefix = String::new();
        match version {
            None => git.arg("--untracked"),
            Some(Version::Index) => git.arg("--cached"),
            Some(Version::Commit(commit)) => {
                prefix = format!("{}:", commit.id());
                git.arg(commit.id())
            }
        };
        let output = git.args(["--", "*.rs"]).output();
        let output =
            output.map_err(|error| super::program::not_started(SEARCH, self.root(), &error))?;
        match output.status.code() {
            Some(0) => Ok(hits(&output.stdout, prefix.as_bytes())),
            Some(1) => Ok(Vec::new()),
            _ => Err(super::program::failed(SEARCH, self.root(), &output)),
        }
    }
}

/// Reads `FILE NUL LINE NUL COLUMN NUL TEXT LF`, again and again. A file's name may hold
/// line breaks, the text none.
fn hits(mut printed: &[u8], prefix: &[u8]) -> Vec<Hit> {
    let mut hits = Vec::new();
    let mut next = |end: u8| {
        let at = printed.iter().position(|byte| *byte == end)?;
        let (field, rest) = printed.split_at(at);
        printed = &rest[1..];
        Some(field)
    };
    let mut hit = || {
        let file = next(0)?;
        let file = file.strip_prefix(prefix).unwrap_or(file).to_vec();
        let line = std::str::from_utf8(next(0)?).ok()?.parse().ok()?;
        let column = std::str::from_utf8(next(0)?).ok()?.parse().ok()?;
        let text = String::from_utf8_lossy(next(b'\n')?).into_owned();
        Some(Hit { file: PathBuf::from(OsString::from_vec(file)), line, column, text })
    };
    while let Some(hit) = hit() {
        hits.push(hit);
    }
    hits
}
