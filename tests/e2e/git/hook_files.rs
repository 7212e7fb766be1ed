//! `hooks install`, `status` and `uninstall`: whose files are touched, and how.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::{committed, git};
use crate::support::Workspace;

fn hook(workspace: &Workspace) -> PathBuf {
    workspace.path().join(".git/hooks/pre-commit")
}

fn kept(workspace: &Workspace) -> PathBuf {
    workspace.path().join(".git/hooks/pre-commit.before-portcullis")
}

fn write(file: &Path, text: &str) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
}

#[track_caller]
fn says(workspace: &Workspace, arguments: &[&str], said: &str) {
    let ran = workspace.run(arguments).expect(0);
    assert!(ran.stdout.contains(said), "no {said:?}: {}", ran.stdout);
}

#[test]
fn a_hook_is_installed_once_and_taken_away_whole() {
    let workspace = committed();
    fs::remove_dir_all(workspace.path().join(".git/hooks")).ok();
    says(&workspace, &["hooks", "status"], "isn't installed; cargo xtask hooks install");
    says(&workspace, &["hooks", "uninstall"], "nothing to take away");
    says(&workspace, &["hooks", "install"], "hook is installed");
    let text = fs::read(hook(&workspace)).unwrap();
    assert_eq!(fs::metadata(hook(&workspace)).unwrap().permissions().mode() & 0o777, 0o755);
    says(&workspace, &["hooks", "status"], "hook is installed");
    says(&workspace, &["hooks", "install"], "already installed");
    assert_eq!(fs::read(hook(&workspace)).unwrap(), text);
    says(&workspace, &["hooks", "uninstall"], "hook is gone");
    let left: Vec<_> = fs::read_dir(workspace.path().join(".git/hooks")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn an_older_hook_of_ours_is_replaced() {
    let workspace = committed();
    workspace.run(&["hooks", "install"]).expect(0);
    let text = fs::read_to_string(hook(&workspace)).unwrap();
    fs::write(hook(&workspace), text.replace("exec cargo", "cargo")).unwrap();
    says(&workspace, &["hooks", "install"], "in place of an older one");
    assert_eq!(fs::read_to_string(hook(&workspace)).unwrap(), text);
    assert!(!kept(&workspace).exists());
}

#[test]
fn somebody_elses_hook_is_kept_and_put_back() {
    let workspace = committed();
    write(&hook(&workspace), "#!/bin/sh\n# mine\n");
    says(&workspace, &["hooks", "status"], "is another one");
    says(&workspace, &["hooks", "uninstall"], "nothing to take away");
    says(&workspace, &["hooks", "install"], "pre-commit.before-portcullis");
    says(&workspace, &["hooks", "install"], "already installed");
    says(&workspace, &["hooks", "status"], "pre-commit.before-portcullis is called first");
    assert_eq!(fs::read_to_string(kept(&workspace)).unwrap(), "#!/bin/sh\n# mine\n");
    says(&workspace, &["hooks", "uninstall"], "the one before it is back");
    assert_eq!(fs::read_to_string(hook(&workspace)).unwrap(), "#!/bin/sh\n# mine\n");
    assert!(!kept(&workspace).exists());
}

#[test]
fn of_two_foreign_hooks_none_is_lost() {
    let workspace = committed();
    write(&hook(&workspace), "#!/bin/sh\n# first\n");
    workspace.run(&["hooks", "install"]).expect(0);
    write(&hook(&workspace), "#!/bin/sh\n# second\n");
    let ran = workspace.stops(&["hooks", "install"], 1);
    assert!(ran.stderr.contains("only one can be kept"), "{}", ran.stderr);
    assert!(fs::read_to_string(hook(&workspace)).unwrap().contains("second"));
    assert!(fs::read_to_string(kept(&workspace)).unwrap().contains("first"));
}

#[test]
fn a_directory_of_hooks_that_others_use_is_left_alone() {
    let outside = tempfile::tempdir().unwrap();
    for (path, cause) in [
        (".githooks", "into the checkout"),
        (outside.path().to_str().unwrap(), "outside the repository"),
    ] {
        let workspace = committed();
        git(&workspace, &["config", "core.hooksPath", path]);
        let ran = workspace.stops(&["hooks", "install"], 1);
        assert!(ran.stderr.contains(cause), "{}", ran.stderr);
        assert!(ran.stderr.contains("/pre-commit: cargo xtask lint --staged"), "{}", ran.stderr);
        says(&workspace, &["hooks", "status"], cause);
        assert!(!workspace.path().join(path).join("pre-commit").exists());
        assert!(!hook(&workspace).exists());
        // The repository's own directory may be named, too.
        git(
            &workspace,
            &["config", "core.hooksPath", hook(&workspace).parent().unwrap().to_str().unwrap()],
        );
        says(&workspace, &["hooks", "install"], "hook is installed");
        assert!(hook(&workspace).exists());
    }
}
