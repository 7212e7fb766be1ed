//! The hook at work: what it lets pass, and which program it asks.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::{BROKEN, command, commit, git, start};
use crate::support::{GATE, Ran, Workspace};

const DOWN: &str = "DROP TABLE broken;\n";

/// What the program is built from.
const FILES: [&str; 4] =
    ["xtask/src/main.rs", "xtask/src/my helper.rs", "xtask/Cargo.toml", "Cargo.lock"];

/// A workspace with an xtask: its program is the gate, built from a source in the
/// workspace. Whoever calls cargo leaves a trace, and gets the gate.
struct Built {
    workspace: Workspace,
}

impl Built {
    /// The hook is installed by the program that cargo built, for a workspace in this
    /// directory of the repository.
    fn new(below: &str) -> Self {
        let workspace = Workspace::with_odd_name();
        let root = workspace.path().join(below);
        fs::create_dir_all(&root).unwrap();
        let toml = workspace.path().join("portcullis.toml");
        fs::rename(&toml, root.join("portcullis.toml")).unwrap();
        workspace.write(".gitignore", "/bin\n/cargo.log\ntarget\n");
        fs::create_dir_all(root.join("xtask/src")).unwrap();
        for file in FILES {
            fs::write(root.join(file), "\n").unwrap();
        }
        start(&workspace);
        let trace = workspace.path().join("cargo.log");
        let script = format!(
            "#!/bin/sh\necho \"$@\" >>{}\nshift\nexec {} \"$@\"\n",
            quoted(&trace),
            quoted(Path::new(GATE))
        );
        let written = workspace.write("bin/cargo.sh", script);
        executable(&written, &workspace.path().join("bin/cargo"));
        let built = Self { workspace };
        built.build(&root);
        let mut install = std::process::Command::new(program(&root));
        built.workspace.prepare(&mut install);
        let output = install.current_dir(&root).args(["hooks", "install"]).output().unwrap();
        Ran::of(&output).expect(0);
        built
    }

    /// What cargo would build: the program, and beside it the list of its sources.
    fn build(&self, root: &Path) {
        let root = root.canonicalize().unwrap();
        let program = program(&root);
        fs::create_dir_all(program.parent().unwrap()).unwrap();
        executable(Path::new(GATE), &program);
        let listed = |path: PathBuf| path.to_str().unwrap().replace(' ', "\\ ");
        let sources =
            ["main.rs", "my helper.rs"].map(|name| listed(root.join("xtask/src").join(name)));
        let list = format!("{}: {}\n", listed(program.clone()), sources.join(" "));
        fs::write(program.with_extension("d"), list).unwrap();
        age(&program, Duration::ZERO);
        for file in FILES {
            age(&root.join(file), Duration::from_secs(60));
        }
    }

    /// Git commits, and the hook runs; what was printed, and whether cargo was called.
    fn commits(&self, directory: &str, arguments: &[&str], code: i32) -> (Ran, bool) {
        let trace = self.workspace.path().join("cargo.log");
        fs::remove_file(&trace).ok();
        let mut git = command(&self.workspace, &["commit", "--quiet", "--message=."]);
        let path = std::env::var("PATH").unwrap_or_default();
        let path = format!("{}:{path}", self.workspace.path().join("bin").display());
        git.current_dir(self.workspace.path().join(directory)).env("PATH", path).args(arguments);
        let ran = Ran::of(&git.output().unwrap()).expect(code);
        let asked = fs::read_to_string(trace).unwrap_or_default();
        assert!(asked.is_empty() || asked == "xtask lint --staged\n", "{asked}");
        (ran, !asked.is_empty())
    }

    fn stage(&self, up: &str) {
        migration(self.workspace.path(), up);
        git(&self.workspace, &["add", "--all"]);
    }
}

/// Writes a migration of the workspace at `root`.
fn migration(root: &Path, up: &str) {
    let directory = root.join("migrations/sqlite/02_b");
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("up.sql"), up).unwrap();
    fs::write(directory.join("down.sql"), DOWN).unwrap();
}

fn program(root: &Path) -> PathBuf {
    root.join("target/debug/xtask")
}

fn quoted(path: &Path) -> String {
    format!("'{}'", path.to_str().unwrap().replace('\'', "'\\''"))
}

/// Makes a program of a file. Another process does: a program that this one had open for
/// writing can't be run while another test starts something.
fn executable(from: &Path, to: &Path) {
    let mut install = std::process::Command::new("install");
    assert!(install.args(["-m", "755"]).args([from, to]).status().unwrap().success());
}

/// Sets when a file was changed last.
fn age(file: &Path, before_now: Duration) {
    let file = File::open(file).unwrap();
    file.set_modified(SystemTime::now() - before_now).unwrap();
}

#[test]
fn a_commit_is_stopped_with_the_findings_or_passes_in_silence() {
    let built = Built::new("");
    built.stage(BROKEN);
    let (ran, by_cargo) = built.commits("", &[], 1);
    assert!(ran.stderr.contains("transaction-control"), "{}", ran.stderr);
    assert!(!by_cargo);
    built.stage("CREATE TABLE broken(x);\n");
    let (ran, by_cargo) = built.commits("", &[], 0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str(), by_cargo), ("", "", false));
    // A commit that doesn't touch migrations, and one that skips the hook.
    built.workspace.write("notes.txt", "");
    git(&built.workspace, &["add", "--all"]);
    let (ran, _) = built.commits("", &[], 0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    built.stage(BROKEN);
    built.commits("", &["--no-verify"], 0);
}

#[test]
fn what_is_linted_is_what_git_commits() {
    let built = Built::new("");
    built.stage("CREATE TABLE broken(x);\n");
    built.commits("", &[], 0);
    // `--all` and a path make an index for this commit alone.
    migration(built.workspace.path(), BROKEN);
    built.workspace.write("notes.txt", "");
    git(&built.workspace, &["add", "notes.txt"]);
    for directory in ["", "migrations/sqlite"] {
        built.commits(directory, &["--all"], 1);
        built.commits(directory, &["--", "."], 1);
    }
    built.commits("", &["--", "notes.txt"], 0);
    // The other way round: what is staged is bad, what is committed isn't.
    git(&built.workspace, &["add", "--all"]);
    built.workspace.write("notes.txt", "more");
    built.commits("", &["--", "notes.txt"], 0);
    built.commits("", &[], 1);
    built.commits("", &["--amend"], 1);
}

#[test]
fn the_program_is_asked_only_if_it_is_as_new_as_its_sources() {
    let cases: &[(&str, fn(&Path))] = &[
        ("a source is newer", |root| age(&root.join("xtask/src/my helper.rs"), Duration::ZERO)),
        ("a source is gone", |root| fs::remove_file(root.join("xtask/src/my helper.rs")).unwrap()),
        ("the manifest is newer", |root| age(&root.join("xtask/Cargo.toml"), Duration::ZERO)),
        ("the lock file is newer", |root| age(&root.join("Cargo.lock"), Duration::ZERO)),
        ("the list is gone", |root| fs::remove_file(program(root).with_extension("d")).unwrap()),
        ("the program is gone", |root| fs::remove_file(program(root)).unwrap()),
        ("it was built elsewhere", |root| {
            let list = fs::read_to_string(program(root).with_extension("d")).unwrap();
            let elsewhere = format!("{}: /bin/sh\n", list.split_once(": ").unwrap().0);
            fs::write(program(root).with_extension("d"), elsewhere).unwrap();
        }),
    ];
    for below in ["", "an app"] {
        let built = Built::new(below);
        let root = built.workspace.path().join(below);
        migration(&root, BROKEN);
        git(&built.workspace, &["add", "--all"]);
        assert!(!built.commits(below, &[], 1).1, "{below}: it is new");
        for (what, change) in cases {
            age(&program(&root), Duration::from_secs(30));
            assert!(!built.commits("", &[], 1).1, "{below}: before {what}");
            change(&root);
            let (ran, by_cargo) = built.commits("", &[], 1);
            assert!(by_cargo, "{below}: {what}");
            assert!(ran.stderr.contains("transaction-control"), "{}", ran.stderr);
            fs::write(root.join("xtask/src/my helper.rs"), "\n").unwrap();
            built.build(&root);
        }
    }
}

#[test]
fn a_linked_worktree_uses_its_own_program_or_cargo() {
    let built = Built::new("");
    let linked = built.workspace.path().join("target/linked");
    git(&built.workspace, &["worktree", "add", "--quiet", linked.to_str().unwrap()]);
    migration(&linked, BROKEN);
    git(&built.workspace, &["-C", linked.to_str().unwrap(), "add", "--all"]);
    assert!(built.commits("target/linked", &[], 1).1);
    built.build(&linked);
    assert!(!built.commits("target/linked", &[], 1).1);
    assert!(!built.commits("target/linked/migrations", &["--all"], 1).1);
    // The main one has nothing staged that is bad.
    built.workspace.write("notes.txt", "");
    git(&built.workspace, &["add", "--all"]);
    built.commits("", &[], 0);
}

#[test]
fn the_hook_that_was_there_goes_first_and_may_stop_the_commit() {
    let built = Built::new("");
    let root = built.workspace.path();
    let hook = root.join(".git/hooks/pre-commit");
    fs::remove_file(&hook).unwrap();
    let written = built
        .workspace
        .write("bin/mine.sh", "#!/bin/sh\necho \"mine: $# $(cat)\" >&2\nexit ${CODE-0}\n");
    executable(&written, &hook);
    let mut install = std::process::Command::new(program(root));
    built.workspace.prepare(&mut install);
    Ran::of(&install.args(["hooks", "install"]).output().unwrap()).expect(0);
    built.stage(BROKEN);
    let (ran, _) = built.commits("", &[], 1);
    let (first, second) = (ran.stderr.find("mine: 0"), ran.stderr.find("transaction-control"));
    assert!(first.is_some() && first < second, "{}", ran.stderr);
    built.stage("CREATE TABLE broken(x);\n");
    let mut git = command(&built.workspace, &["commit", "--quiet", "--message=."]);
    let ran = Ran::of(&git.env("CODE", "7").output().unwrap()).expect(1);
    assert!(ran.stderr.contains("mine: 0"), "{}", ran.stderr);
    built.commits("", &[], 0);
}

#[test]
fn a_branch_without_the_workspace_is_let_pass() {
    let built = Built::new("app");
    git(&built.workspace, &["checkout", "--quiet", "--orphan", "before"]);
    git(&built.workspace, &["rm", "-r", "--quiet", "--force", "app"]);
    built.workspace.write("notes.txt", "");
    git(&built.workspace, &["add", "notes.txt"]);
    let (ran, by_cargo) = built.commits("", &[], 0);
    assert_eq!((ran.stderr.as_str(), by_cargo), ("", false));
    commit(&built.workspace);
}
