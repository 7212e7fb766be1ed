//! What is staged or committed, and the hook that looks at it.

mod hook_files;
mod hook_runs;
mod refusals;
mod versions;

use std::process::Command;

use crate::support::{Ran, Workspace};

/// A migration that the linter refuses.
const BROKEN: &str = "CREATE TABLE broken(x);\nCOMMIT;\n";

/// A workspace with one good migration, committed on `main`.
fn committed() -> Workspace {
    let workspace = Workspace::with_family();
    start(&workspace);
    workspace
}

/// Makes the directory a repository, and commits what is in it.
pub(crate) fn start(workspace: &Workspace) {
    git(workspace, &["init", "--quiet", "--initial-branch=main"]);
    for (key, value) in [("user.name", "Test"), ("user.email", "test@example.org")] {
        git(workspace, &["config", key, value]);
    }
    commit(workspace);
}

/// Git in this workspace, without any configuration of the user's.
pub(crate) fn command(workspace: &Workspace, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    workspace.prepare(&mut command);
    command.env("GIT_CONFIG_NOSYSTEM", "1").args(["-c", "protocol.file.allow=always"]);
    command.args(arguments);
    command
}

/// Git, which must succeed.
#[track_caller]
pub(crate) fn git(workspace: &Workspace, arguments: &[&str]) -> Ran {
    Ran::of(&command(workspace, arguments).output().unwrap()).expect(0)
}

/// Commits everything, whatever a hook would say.
#[track_caller]
pub(crate) fn commit(workspace: &Workspace) {
    git(workspace, &["add", "--all"]);
    git(workspace, &["commit", "--quiet", "--no-verify", "--allow-empty", "--message=."]);
}
