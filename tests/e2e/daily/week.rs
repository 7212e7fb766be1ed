//! A week of two developers and one remote: each has a clone and a database of their own, and
//! in the end production gets what both have made.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::support::{GATE, Ran, Workspace};

/// Somebody with a clone, a database, and the hook.
struct Developer {
    workspace: Workspace,
    /// Where `cargo` is the program under test, for the hook.
    bin: TempDir,
}

impl Developer {
    fn at(workspace: Workspace, name: &str) -> Self {
        let bin = tempfile::tempdir().unwrap();
        let cargo = bin.path().join("cargo");
        fs::write(&cargo, format!("#!/bin/sh\nshift\nexec '{GATE}' \"$@\"\n")).unwrap();
        fs::set_permissions(&cargo, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let developer = Self { workspace, bin };
        if !developer.workspace.path().join(".git").exists() {
            developer.git(&["init", "--quiet", "--initial-branch=main"]);
        }
        developer.git(&["config", "user.name", name]);
        developer.git(&["config", "user.email", "somebody@example.org"]);
        developer
    }

    fn try_git(&self, arguments: &[&str]) -> Ran {
        let mut git = Command::new("git");
        self.workspace.prepare(&mut git);
        let path = std::env::var("PATH").unwrap_or_default();
        git.env("PATH", format!("{}:{path}", self.bin.path().display()));
        git.env("GIT_CONFIG_NOSYSTEM", "1").args(arguments);
        Ran::of(&git.output().unwrap())
    }

    #[track_caller]
    fn git(&self, arguments: &[&str]) -> Ran {
        self.try_git(arguments).expect(0)
    }

    /// Commits everything; the hook has its say.
    fn commit(&self, message: &str) -> Ran {
        self.git(&["add", "--all"]);
        self.try_git(&["commit", "--quiet", "--message", message])
    }

    #[track_caller]
    fn gate(&self, arguments: &[&str]) -> Ran {
        self.workspace.run(arguments).expect(0)
    }

    /// A new draft; its directory.
    #[track_caller]
    fn new_draft(&self, name: &str, sql: &str) -> String {
        let made = self.gate(&["new", name, "--sql", sql, "--format", "json"]).json();
        made["migration"].as_str().unwrap().to_owned()
    }

    fn write_up(&self, directory: &str, up: &str) {
        self.workspace.write(&format!("migrations/sqlite/{directory}/up.sql"), up);
    }

    /// The directory that has this name, whatever its version.
    fn directory(&self, name: &str) -> String {
        let found = fs::read_dir(self.workspace.path().join("migrations/sqlite")).unwrap();
        let mut found = found.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        found.find(|found| found.ends_with(&format!("_{name}"))).expect(name)
    }
}

/// What Diesel records.
fn version(directory: &str) -> String {
    directory.split('_').next().unwrap().replace('-', "")
}

/// The first commit, at a remote of its own.
fn project(remote: &Path, first: &str) -> Developer {
    let workspace = Workspace::with_family();
    let migrations = workspace.path().join("migrations/sqlite");
    fs::rename(migrations.join("01_family"), migrations.join(first)).unwrap();
    workspace.write(".gitignore", "/var\n");
    workspace.run(&["accept", "--untested"]).expect(0);
    let ana = Developer::at(workspace, "Ana");
    ana.commit("The family").expect(0);
    let remote = remote.to_str().unwrap();
    ana.git(&["clone", "--quiet", "--bare", ".", remote]);
    ana.git(&["remote", "add", "origin", remote]);
    ana.git(&["fetch", "--quiet", "origin"]);
    ana
}

fn join(remote: &Path) -> Developer {
    let workspace = Workspace::new();
    for entry in fs::read_dir(workspace.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
    }
    let mut git = Command::new("git");
    workspace.prepare(&mut git);
    let cloned = git.args(["clone", "--quiet", remote.to_str().unwrap(), "."]).output().unwrap();
    Ran::of(&cloned).expect(0);
    Developer::at(workspace, "Ben")
}

#[test]
fn two_developers_merge_what_they_made_and_production_gets_it() {
    week("2024-01-01-000000_family");
}

#[test]
fn where_versions_are_counted_both_take_the_same_and_it_goes_as_well() {
    week("01_family");
}

fn week(first: &str) {
    let place = tempfile::tempdir().unwrap();
    let remote = place.path().join("remote.git");
    let ana = project(&remote, first);
    let ben = join(&remote);
    for developer in [&ana, &ben] {
        developer.gate(&["migrate"]);
        developer.gate(&["hooks", "install"]);
    }

    // Monday: Ana writes a migration, and changes her mind three times.
    ana.git(&["switch", "--quiet", "--create", "nicks"]);
    let nick = ana.new_draft("add_nick", "ALTER TABLE parent ADD COLUMN nick TEXT");
    ana.gate(&["migrate"]);
    ana.workspace.execute("INSERT INTO parent (id, name) VALUES (77, 'written by hand')");
    for up in [
        "ALTER TABLE parent ADD COLUMN nick TEXT DEFAULT 'none';\n",
        "ALTER TABLE parent ADD COLUMN nick TEXT NOT NULL DEFAULT '';\n",
        "ALTER TABLE parent ADD COLUMN nick TEXT NOT NULL DEFAULT '?';\n",
    ] {
        ana.write_up(&nick, up);
        ana.workspace.stops(&["migrate"], 1);
        ana.gate(&["redo"]);
    }
    assert_eq!(
        ana.workspace.value("SELECT name || nick FROM parent WHERE id = 77"),
        "written by hand?"
    );
    ana.gate(&["accept", "--untested"]);
    ana.commit("Parents have nicks").expect(0);

    // Tuesday: Ben's first try is stopped by the hook; nothing is committed.
    ben.git(&["switch", "--quiet", "--create", "mails"]);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let mail = ben.new_draft("add_mail", "ALTER TABLE parent ADD COLUMN mail TEXT; COMMIT");
    assert!(version(&mail) >= version(&nick), "{mail} is older than {nick}");
    let stopped = ben.commit("Parents have mail");
    assert_ne!(stopped.code, 0);
    let said = stopped.stdout + &stopped.stderr;
    assert!(said.contains("[transaction-control]") && said.contains("[empty-down]"), "{said}");
    ben.write_up(&mail, "ALTER TABLE parent ADD COLUMN mail TEXT;\n");
    let down = format!("migrations/sqlite/{mail}/down.sql");
    ben.workspace.write(&down, "ALTER TABLE parent DROP COLUMN mail;\n");
    ben.gate(&["migrate"]);
    ben.gate(&["accept", "--untested"]);
    ben.commit("Parents have mail").expect(0);

    // Wednesday: Ben is first to merge.
    ben.git(&["switch", "--quiet", "main"]);
    ben.git(&["merge", "--quiet", "--no-ff", "mails"]);
    ben.git(&["push", "--quiet", "origin", "main"]);

    // Thursday: Ana gets it; the conflict is where the order isn't decided, and nowhere else.
    ana.git(&["fetch", "--quiet", "origin"]);
    let merge = ana.try_git(&["merge", "origin/main"]);
    assert_eq!(merge.code, 1, "{merge:?}");
    let unmerged = ana.git(&["diff", "--name-only", "--diff-filter=U"]).stdout;
    assert_eq!(unmerged, "migrations/sqlite/migrations.sum\n");
    let lint = ana.workspace.run(&["lint"]).expect(1);
    assert!(lint.stdout.contains("cargo xtask rebase"), "{}", lint.stdout);
    ana.gate(&["rebase"]);
    let moved = ana.directory("add_nick");
    assert!(version(&moved) > version(&mail), "{moved} isn't newer than {mail}");
    assert!(ana.workspace.path().join("tests/migrations").join(&moved).exists());
    ana.gate(&["lint"]);
    ana.commit("Merge main").expect(0);
    ana.gate(&["lint", "--since"]);
    // Her database has her migration under its old name, and lacks Ben's.
    let stopped = ana.workspace.stops(&["migrate"], 1);
    assert!(stopped.stderr.contains("cargo xtask redo"), "{}", stopped.stderr);
    ana.gate(&["redo"]);
    assert_eq!(
        ana.workspace.value("SELECT name || nick FROM parent WHERE id = 77"),
        "written by hand?"
    );
    assert_eq!(ana.workspace.applied(), [first, &mail, &moved].map(version));

    // What main has is frozen, for Ana too.
    ana.write_up(&mail, "ALTER TABLE parent ADD COLUMN mail INTEGER;\n");
    let stopped = ana.commit("Mail is a number");
    assert_ne!(stopped.code, 0);
    let said = stopped.stdout + &stopped.stderr;
    assert!(
        said.contains("[edited-sql]")
            && said.contains("+ALTER TABLE parent ADD COLUMN mail INTEGER;"),
        "{said}"
    );
    ana.workspace.stops(&["accept", "--untested"], 1);
    ana.git(&["checkout", "--quiet", "HEAD", "--", "."]);
    ana.git(&["push", "--quiet", "origin", "nicks:main"]);

    // Friday: Ben goes on, and production gets what both have made, but no draft.
    ben.git(&["pull", "--quiet", "--ff-only", "origin", "main"]);
    ben.gate(&["migrate"]);
    assert_eq!(ben.workspace.applied(), ana.workspace.applied());
    let elsewhere = fs::canonicalize(place.path()).unwrap();
    let production = elsewhere.join("app.db");
    rusqlite::Connection::open(&production).unwrap().execute_batch("CREATE TABLE app(x)").unwrap();
    ben.workspace.configure(&format!(
        "[targets.dev]\nengine = \"sqlite\"\npath = \"var/dev.db\"\n\
         [targets.production]\nengine = \"sqlite\"\nprotected = true\npath = {production:?}\nbackups = {:?}\n",
        elsewhere.join("backups"),
    ));
    let draft = ben.new_draft("half_done", "ALTER TABLE parent ADD COLUMN half TEXT");
    let migrate = ["migrate", "--target", "production", "--enrol"];
    let stopped = ben.workspace.stops(&migrate, 1);
    assert!(
        stopped.stderr.contains(&draft) && stopped.stderr.contains("accept"),
        "{}",
        stopped.stderr
    );
    fs::remove_dir_all(ben.workspace.path().join("migrations/sqlite").join(&draft)).unwrap();
    ben.gate(&migrate);
    let shown = ["receipt", "show", "--target", "production", "--format", "json"];
    let receipt = ben.gate(&shown).json();
    let migrations = receipt["predicate"]["migrations"].as_array().unwrap().clone();
    assert_eq!(migrations.len(), 3);
    assert!(migrations.iter().all(|migration| migration["accepted"] == true), "{receipt}");
}

/// Begun earlier and merged later: what comes in sorts before what is applied here.
#[test]
fn what_comes_in_from_before_ones_own_is_applied_by_redo() {
    let place = tempfile::tempdir().unwrap();
    let remote = place.path().join("remote.git");
    let ana = project(&remote, "2024-01-01-000000_family");
    let ben = join(&remote);
    // Ben begins first, and takes his time.
    let mail = ben.new_draft("add_mail", "ALTER TABLE parent ADD COLUMN mail TEXT");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    ana.git(&["switch", "--quiet", "--create", "nicks"]);
    let nick = ana.new_draft("add_nick", "ALTER TABLE parent ADD COLUMN nick TEXT");
    ana.gate(&["migrate"]);
    ana.workspace.execute("INSERT INTO parent (id, name) VALUES (77, 'written by hand')");
    ana.gate(&["accept", "--untested"]);
    ana.commit("Parents have nicks").expect(0);
    ben.gate(&["accept", "--untested"]);
    ben.commit("Parents have mail").expect(0);
    ben.git(&["push", "--quiet", "origin", "main"]);

    ana.git(&["fetch", "--quiet", "origin"]);
    assert_eq!(ana.try_git(&["merge", "origin/main"]).code, 1);
    ana.gate(&["rebase"]);
    ana.commit("Merge main").expect(0);
    // Hers came last already; her database has it before his.
    assert_eq!(ana.directory("add_nick"), nick);
    let stopped = ana.workspace.stops(&["migrate"], 1);
    assert!(stopped.stderr.contains("cargo xtask redo"), "{}", stopped.stderr);
    let status = ana.gate(&["status"]);
    assert!(status.stdout.contains("cargo xtask redo"), "{}", status.stdout);
    ana.gate(&["redo"]);
    let applied = ["2024-01-01-000000_family", &mail, &nick].map(version);
    assert_eq!(ana.workspace.applied(), applied);
    assert_eq!(ana.workspace.value("SELECT name FROM parent WHERE id = 77"), "written by hand");
    ana.gate(&["lint"]);
}
