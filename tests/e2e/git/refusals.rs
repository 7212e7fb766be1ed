//! What git, the history or the configuration make impossible is said, with what to type.

use std::fs;
use std::os::unix::fs::symlink;

use super::{BROKEN, commit, committed, git};
use crate::support::{Ran, Workspace};

const CONFIGURATION: &str = "[targets.dev]\nengine = \"sqlite\"\npath = \"var/dev.db\"\n";

/// Stops with this code in both formats, and says all of these.
#[track_caller]
fn stops(workspace: &Workspace, arguments: &[&str], code: i32, said: &[&str]) {
    let ran = workspace.stops(arguments, code);
    workspace.stops_in_json(arguments, code);
    for words in said {
        assert!(ran.stderr.contains(words), "no {words:?}:\n{}", ran.stderr);
    }
}

#[test]
fn without_a_repository_or_git_there_is_nothing_to_look_at() {
    let workspace = Workspace::with_family();
    for arguments in [&["lint", "--staged"][..], &["lint", "--since"]] {
        stops(&workspace, arguments, 2, &["not in a git work tree", "git init"]);
    }
    workspace.stops(&["hooks", "install"], 2);
    git(&workspace, &["init", "--quiet", "--bare", "bare.git"]);
    let mut command = workspace.command(&["lint", "--staged"]);
    let ran = Ran::of(&command.env("GIT_DIR", "bare.git").output().unwrap()).expect(2);
    assert!(ran.stderr.contains("not in a git work tree"), "{}", ran.stderr);
    let workspace = committed();
    let mut command = workspace.command(&["lint", "--staged"]);
    let ran = Ran::of(&command.env("PATH", workspace.path()).output().unwrap()).expect(2);
    assert!(ran.stderr.contains("no git program"), "{}", ran.stderr);
    let mut command = workspace.command(&["lint", "--staged"]);
    let ran = Ran::of(&command.env("GIT_DIR", "gone").output().unwrap()).expect(2);
    assert!(ran.stderr.contains("not in a git work tree"), "{}", ran.stderr);
}

#[test]
fn both_versions_at_once_are_wrong_usage() {
    committed().run(&["lint", "--staged", "--since", "main"]).expect(2).is_for_people();
}

#[test]
fn the_configuration_must_be_where_the_migrations_are() {
    let workspace = committed();
    git(&workspace, &["rm", "--quiet", "--cached", "portcullis.toml"]);
    stops(&workspace, &["lint", "--staged"], 2, &["as staged", "git add portcullis.toml"]);
    git(&workspace, &["commit", "--quiet", "--message=."]);
    git(&workspace, &["add", "--all"]);
    stops(&workspace, &["lint", "--since", "HEAD"], 2, &["in commit", "and commit it"]);
    workspace.configure("[targets.dev]\ncolour = 1");
    git(&workspace, &["add", "--all"]);
    workspace.configure(CONFIGURATION);
    let ran = workspace.stops(&["lint", "--staged"], 2);
    assert!(ran.stderr.contains("where  portcullis.toml:"), "{}", ran.stderr);
    fs::rename(workspace.path().join("portcullis.toml"), workspace.path().join("real.toml"))
        .unwrap();
    symlink("real.toml", workspace.path().join("portcullis.toml")).unwrap();
    git(&workspace, &["add", "--all"]);
    stops(&workspace, &["lint", "--staged"], 1, &["as staged", "is a symbolic link"]);
}

#[test]
fn a_revision_or_branch_that_is_not_there_is_put_right() {
    let workspace = Workspace::with_family();
    git(&workspace, &["init", "--quiet", "--initial-branch=trunk"]);
    stops(&workspace, &["lint", "--since"], 2, &["no commit yet", "lint --staged"]);
    super::start(&workspace);
    stops(&workspace, &["lint", "--since"], 2, &["no default branch", "--since REV"]);
    stops(&workspace, &["lint", "--since", "gone"], 2, &["no revision gone", "git fetch origin"]);
    let url = "postgres://me:hunter2@db/x";
    workspace.stops(&["lint", "--since", url], 2);
    workspace.configure(&format!("default-branch = \"gone\"\n{CONFIGURATION}"));
    commit(&workspace);
    stops(&workspace, &["lint", "--since"], 2, &["no branch gone", "git fetch origin gone"]);
    workspace.configure(&format!("default-branch = \"trunk\"\n{CONFIGURATION}"));
    commit(&workspace);
    workspace.run(&["lint", "--since"]).expect(0);
    git(&workspace, &["checkout", "--quiet", "--orphan", "alone"]);
    commit(&workspace);
    stops(&workspace, &["lint", "--since"], 2, &["no commit in common", "--since REV"]);
}

#[test]
fn a_merge_that_is_not_finished_names_the_files() {
    let workspace = committed();
    git(&workspace, &["checkout", "--quiet", "-b", "other"]);
    workspace.migration("02_b", "CREATE TABLE b(x);\n", "DROP TABLE b;\n");
    commit(&workspace);
    git(&workspace, &["checkout", "--quiet", "main"]);
    workspace.migration("02_b", "CREATE TABLE b(y);\n", "DROP TABLE b;\n");
    commit(&workspace);
    let merged = super::command(&workspace, &["merge", "other"]).output().unwrap();
    Ran::of(&merged).expect(1);
    let said = ["migrations/sqlite/02_b/up.sql", "git add"];
    stops(&workspace, &["lint", "--staged"], 1, &said);
    // The commit itself is whole.
    workspace.run(&["lint", "--since", "HEAD^"]).expect(0);
}

#[test]
fn migrations_in_a_submodule_are_not_this_repositorys() {
    let inner = committed();
    let workspace = Workspace::new();
    fs::remove_dir_all(workspace.path().join("migrations")).unwrap();
    super::start(&workspace);
    let url = inner.path().to_str().unwrap();
    git(&workspace, &["submodule", "--quiet", "add", url, "migrations"]);
    stops(
        &workspace,
        &["lint", "--staged"],
        1,
        &["migrations is a submodule", "inside the submodule"],
    );
    commit(&workspace);
    stops(&workspace, &["lint", "--since", "HEAD^"], 1, &["migrations is a submodule"]);
}

#[test]
fn a_shallow_clone_says_how_to_get_the_rest() {
    let origin = committed();
    git(&origin, &["checkout", "--quiet", "-b", "feature"]);
    origin.migration("02_b", BROKEN, "DROP TABLE broken;\n");
    commit(&origin);
    git(&origin, &["checkout", "--quiet", "main"]);
    commit(&origin);
    let workspace = Workspace::new();
    fs::remove_dir_all(workspace.path().join("migrations")).unwrap();
    fs::remove_file(workspace.path().join("portcullis.toml")).unwrap();
    let url = format!("file://{}", origin.path().display());
    let clone =
        ["clone", "--quiet", "--depth=1", "--no-single-branch", "--branch=feature", &url, "."];
    git(&workspace, &clone);
    let said = ["this clone is shallow", "origin/main", "git fetch --unshallow", "fetch-depth: 0"];
    stops(&workspace, &["lint", "--since"], 1, &said);
    git(&workspace, &["fetch", "--quiet", "--unshallow"]);
    let ran = workspace.run(&["lint", "--since"]).expect(1);
    assert!(ran.stdout.contains("transaction-control"), "{}", ran.stdout);
}

#[test]
fn a_file_that_git_has_lost_is_a_finding() {
    let workspace = committed();
    workspace.migration("02_b", "CREATE TABLE b(x);\n", "DROP TABLE b;\n");
    git(&workspace, &["add", "--all"]);
    let id = git(&workspace, &["rev-parse", ":migrations/sqlite/02_b/up.sql"]).stdout;
    let (directory, file) = id.trim().split_at(2);
    fs::remove_file(workspace.path().join(".git/objects").join(directory).join(file)).unwrap();
    let ran = workspace.run(&["lint", "--staged"]).expect(1);
    assert!(ran.stdout.contains("unreadable-file"), "{}", ran.stdout);
    assert!(ran.stdout.contains("git fsck"), "{}", ran.stdout);
}

#[test]
fn a_repository_of_somebody_else_is_trusted_by_a_command() {
    let workspace = committed();
    let mut command = workspace.command(&["lint", "--staged"]);
    let command = command.env("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1");
    let ran = Ran::of(&command.output().unwrap()).expect(1);
    let top = workspace.path().canonicalize().unwrap();
    let next = format!("git config --global --add safe.directory '{}'", top.display());
    assert!(ran.stderr.contains(&next), "{}", ran.stderr);
}
