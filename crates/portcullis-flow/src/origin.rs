//! Who runs what from where: claims for the receipt, each left out rather than guessed.

use std::path::Path;
use std::process::{Command, Stdio};

use portcullis_model::digest::Digest;
use portcullis_receipt::{Commit, Tool, Who};

pub(crate) fn who() -> Who {
    let user = ["USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()))
        .unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()));
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Who { user, host }
}

pub(crate) fn tool() -> Tool {
    let program = std::env::current_exe().and_then(std::fs::File::open).and_then(Digest::of_reader);
    Tool {
        name: "portcullis".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        sha256: program.ok(),
    }
}

/// The commit of the workspace; none where there is no git or no commit.
pub(crate) fn commit(root: &Path) -> Option<Commit> {
    let git = |arguments: &[&str]| -> Option<String> {
        let output = Command::new("git")
            .arg("-C")
            .arg(root)
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let revision = git(&["rev-parse", "--verify", "HEAD"])?;
    // Only what git tracks: files that a build leaves behind say nothing about the sources.
    let dirty = !git(&["status", "--porcelain", "--untracked-files=no"])?.is_empty();
    Some(Commit { revision, dirty })
}
