//! The hook's text.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use crate::git::Repository;

const TEMPLATE: &str = include_str!("pre-commit.sh");

/// The line that every version of ours has.
const MARK: &str = "\n# portcullis pre-commit hook";

/// Whether a hook is one of ours, of whatever version.
pub(super) fn is_ours(text: &[u8]) -> bool {
    text.windows(MARK.len()).any(|window| window == MARK.as_bytes())
}

/// The hook for a workspace and the program that lints it. Inside the checkout the program
/// is named from its top: each linked worktree then uses its own.
pub(super) fn text(repository: &Repository, program: &Path) -> Vec<u8> {
    let program = program.canonicalize().unwrap_or_else(|_| program.to_owned());
    let (below, program) = match program.strip_prefix(repository.toplevel()) {
        Ok(program) => (&b"\"$top\"/"[..], program),
        Err(_) => (&b""[..], program.as_path()),
    };
    let (head, tail) = TEMPLATE.split_once("@SETTINGS@").unwrap_or((TEMPLATE, ""));
    let mut text = head.as_bytes().to_vec();
    text.extend_from_slice(b"program=");
    text.extend_from_slice(below);
    text.extend(quoted(program));
    text.extend_from_slice(b"\nworkspace=");
    text.extend(quoted(&Path::new(".").join(repository.prefix())));
    text.extend_from_slice(tail.as_bytes());
    text
}

/// A path as one word of the shell.
fn quoted(path: &Path) -> Vec<u8> {
    let mut word = vec![b'\''];
    for byte in path.as_os_str().as_bytes() {
        if *byte == b'\'' { word.extend_from_slice(b"'\\''") } else { word.push(*byte) }
    }
    word.push(b'\'');
    word
}
