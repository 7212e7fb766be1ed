//! `rebase`: one's own migrations come last again, however the others' came in.

mod half;
mod kept;
mod refused;

use std::fs;

use super::accept::{DIRECTORY, accept, directories, listed, remove, stops, sum, table};
use crate::git::{command, commit, git, start};
use crate::support::{Ran, Workspace};

/// From 01_family on (tag `base`), `feature` has 02_mine with a case (tag `mine`), and `main`
/// 03_theirs (tag `theirs`). `feature` is checked out.
fn diverged() -> Workspace {
    let workspace = Workspace::with_family();
    workspace.write(".gitignore", "/var\n");
    accept(&workspace, &[]);
    start(&workspace);
    git(&workspace, &["tag", "base"]);
    table(&workspace, "03_theirs");
    workspace.write("tests/migrations/03_theirs/keeps_rows.slt", "# theirs\n");
    accept(&workspace, &[]);
    commit(&workspace);
    git(&workspace, &["tag", "theirs"]);
    git(&workspace, &["switch", "--quiet", "-c", "feature", "base"]);
    table(&workspace, "02_mine");
    workspace.write("tests/migrations/02_mine/keeps_rows.slt", "# mine\n");
    accept(&workspace, &[]);
    commit(&workspace);
    git(&workspace, &["tag", "mine"]);
    workspace
}

/// Git, which must stop at a conflict.
#[track_caller]
fn conflicts(workspace: &Workspace, arguments: &[&str]) {
    let ran = Ran::of(&command(workspace, arguments).output().unwrap());
    assert!(ran.code != 0 && ran.stdout.contains("CONFLICT"), "{ran:?}");
}

/// Commits a conflict as it is.
fn commit_markers(workspace: &Workspace) {
    commit(workspace);
    assert!(sum(workspace).contains("<<<<<<<"));
}

/// What git knows: the commit, the branch, the index.
fn known_to_git(workspace: &Workspace) -> String {
    let read = |arguments: &[&str]| {
        let ran = Ran::of(&command(workspace, arguments).output().unwrap());
        format!("{} {}", ran.code, ran.stdout)
    };
    let state = [&["rev-parse", "HEAD"][..], &["symbolic-ref", "HEAD"], &["ls-files", "-s"]];
    state.map(read).concat() + &read(&["log", "--all", "--format=%H"])
}

/// `rebase`, which must succeed, and leave git as it is.
#[track_caller]
fn rebase(workspace: &Workspace) -> Ran {
    let before = known_to_git(workspace);
    let ran = workspace.run(&["rebase"]).expect(0);
    ran.is_for_people();
    assert_eq!(known_to_git(workspace), before);
    ran
}

/// Mine come after theirs, in the sum, too, with their cases; and there is no more to do.
#[track_caller]
fn is_settled(workspace: &Workspace, name: &str, expected: &[&str]) {
    assert_eq!(directories(workspace, DIRECTORY), expected, "{name}");
    assert_eq!(listed(workspace), expected.join(" "), "{name}");
    let cases = directories(workspace, "tests/migrations");
    assert_eq!(cases, expected[1..], "{name}");
    let lint = workspace.run(&["lint"]);
    assert_eq!((lint.code, lint.stdout.as_str()), (0, ""), "{name}");
    let (text, again) = (sum(workspace), rebase(workspace).stdout);
    assert!(again.contains("your migrations come last already"), "{name}: {again}");
    assert_eq!(sum(workspace), text, "{name}");
    assert!(accept(workspace, &[]).stdout.contains("nothing to accept"), "{name}");
}

#[test]
fn however_theirs_came_in_mine_come_last() {
    type Way = fn(&Workspace);
    let ways: &[(&str, Way)] = &[
        ("a merge", |workspace| conflicts(workspace, &["merge", "main"])),
        ("a merge that was committed as it was", |workspace| {
            conflicts(workspace, &["merge", "main"]);
            commit_markers(workspace);
        }),
        ("a rebase by git", |workspace| conflicts(workspace, &["rebase", "main"])),
        ("a rebase by git, as patches", |workspace| {
            conflicts(workspace, &["rebase", "--apply", "main"]);
        }),
        ("a cherry-pick on main", |workspace| {
            git(workspace, &["switch", "--quiet", "main"]);
            conflicts(workspace, &["cherry-pick", "mine"]);
        }),
        ("on main, merging mine", |workspace| {
            git(workspace, &["switch", "--quiet", "main"]);
            conflicts(workspace, &["merge", "feature"]);
        }),
        ("on main, mine merged and committed as it was", |workspace| {
            git(workspace, &["switch", "--quiet", "main"]);
            conflicts(workspace, &["merge", "feature"]);
            commit_markers(workspace);
        }),
        ("a remote that is ahead of main", |workspace| {
            git(workspace, &["update-ref", "refs/remotes/origin/main", "theirs"]);
            git(workspace, &["branch", "--quiet", "--force", "main", "base"]);
            conflicts(workspace, &["merge", "origin/main"]);
        }),
        ("a remote that is ahead of main, committed as it was", |workspace| {
            git(workspace, &["update-ref", "refs/remotes/origin/main", "theirs"]);
            git(workspace, &["branch", "--quiet", "--force", "main", "base"]);
            conflicts(workspace, &["merge", "origin/main"]);
            commit_markers(workspace);
        }),
        ("a main that is behind what is merged", |workspace| {
            git(workspace, &["branch", "--quiet", "--force", "main", "base"]);
            conflicts(workspace, &["merge", "theirs"]);
        }),
        ("git pull on main", |workspace| {
            git(workspace, &["update-ref", "refs/remotes/origin/main", "theirs"]);
            git(workspace, &["switch", "--quiet", "-C", "main", "mine"]);
            conflicts(workspace, &["merge", "origin/main"]);
        }),
        ("git pull --rebase on main", |workspace| {
            git(workspace, &["update-ref", "refs/remotes/origin/main", "theirs"]);
            git(workspace, &["switch", "--quiet", "-C", "main", "mine"]);
            conflicts(workspace, &["rebase", "origin/main"]);
        }),
        ("on a main that isn't pushed, merging mine", |workspace| {
            git(workspace, &["update-ref", "refs/remotes/origin/main", "base"]);
            git(workspace, &["switch", "--quiet", "main"]);
            conflicts(workspace, &["merge", "feature"]);
        }),
        ("a default branch of another name", |workspace| {
            git(workspace, &["branch", "--move", "main", "trunk"]);
            workspace.configure(
                "default-branch = \"trunk\"\n[targets.dev]\nengine = \"sqlite\"\npath = \"var/dev.db\"\n",
            );
            commit(workspace);
            conflicts(workspace, &["merge", "trunk"]);
        }),
        ("markers with the common part", |workspace| {
            git(workspace, &["config", "merge.conflictStyle", "diff3"]);
            conflicts(workspace, &["merge", "main"]);
        }),
    ];
    for (name, way) in ways {
        let workspace = diverged();
        let line =
            sum(&workspace).lines().find(|line| line.starts_with("02_mine")).map(str::to_owned);
        way(&workspace);
        let lint = workspace.run(&["lint"]).expect(1).stdout;
        assert!(lint.contains("help: cargo xtask rebase"), "{name}: {lint}");
        let ran = rebase(&workspace);
        assert!(ran.stdout.contains("renamed  02_mine → 04_mine\n"), "{name}: {}", ran.stdout);
        let continued = name.contains("by git") || name.contains("pull --rebase");
        let next = if continued { "git rebase --continue" } else { "git add -A, " };
        assert!(ran.stdout.contains(next), "{name}: {}", ran.stdout);
        is_settled(&workspace, name, &["01_family", "03_theirs", "04_mine"]);
        // The line says the same of it, but for its name and digests.
        let end = |line: &str| line.split_once(" clean ").map(|(_, end)| end.to_owned());
        let now =
            sum(&workspace).lines().find(|line| line.starts_with("04_mine")).map(str::to_owned);
        assert_eq!(end(&now.unwrap()), end(&line.unwrap()), "{name}");
        workspace.migrate();
        assert_eq!(workspace.applied(), ["01", "03", "04"], "{name}");
        // The way on that was told.
        git(&workspace, &["add", "--all"]);
        let on: &[&str] = match () {
            () if continued => &["-c", "core.editor=true", "rebase", "--continue"],
            () if name.contains("cherry") => {
                &["-c", "core.editor=true", "cherry-pick", "--continue"]
            }
            () => &["commit", "--quiet", "--message=."],
        };
        git(&workspace, on);
        assert_eq!(workspace.run(&["lint", "--since"]).expect(0).stdout, "", "{name}");
    }
}

/// What isn't merged yet isn't in the sum, but is known to run first.
#[test]
fn before_the_merge_it_makes_room() {
    let workspace = diverged();
    let ran = rebase(&workspace);
    assert!(ran.stdout.contains("renamed  02_mine → 04_mine\n"), "{}", ran.stdout);
    is_settled(&workspace, "not merged", &["01_family", "04_mine"]);
    commit(&workspace);
    conflicts(&workspace, &["merge", "main"]);
    let ran = rebase(&workspace);
    assert!(!ran.stdout.contains("renamed"), "{}", ran.stdout);
    is_settled(&workspace, "merged", &["01_family", "03_theirs", "04_mine"]);
}

#[test]
fn in_a_linked_worktree_or_below_the_top_it_is_the_same() {
    let workspace = diverged();
    git(&workspace, &["switch", "--quiet", "main"]);
    git(&workspace, &["worktree", "add", "--quiet", "var/linked", "feature"]);
    let linked = workspace.path().join("var/linked");
    let mut merge = command(&workspace, &["merge", "main"]);
    assert!(!merge.current_dir(&linked).output().unwrap().status.success());
    let before = known_to_git(&workspace);
    let mut rebase = workspace.command(&["rebase"]);
    Ran::of(&rebase.current_dir(&linked).output().unwrap()).expect(0);
    assert_eq!(known_to_git(&workspace), before);
    assert!(linked.join("migrations/sqlite/04_mine").exists());
    assert_eq!(directories(&workspace, DIRECTORY), ["01_family", "03_theirs"]);

    let below = Workspace::new();
    fs::create_dir_all(below.path().join("app")).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = below.command(arguments);
        Ran::of(&command.current_dir(below.path().join("app/migrations")).output().unwrap())
    };
    fs::rename(below.path().join("migrations"), below.path().join("app/migrations")).unwrap();
    let toml = below.path().join("portcullis.toml");
    fs::rename(toml, below.path().join("app/portcullis.toml")).unwrap();
    let draft = |name: &str| {
        below.write(&format!("app/migrations/sqlite/{name}/up.sql"), "CREATE TABLE t(x);\n");
        below.write(&format!("app/migrations/sqlite/{name}/down.sql"), "DROP TABLE t;\n");
        run(&["accept", "--untested"]).expect(0);
    };
    start(&below);
    git(&below, &["switch", "--quiet", "-c", "feature"]);
    draft("01_mine");
    commit(&below);
    git(&below, &["switch", "--quiet", "main"]);
    fs::create_dir_all(below.path().join("app/migrations/sqlite")).unwrap();
    draft("02_theirs");
    commit(&below);
    conflicts(&below, &["merge", "feature"]);
    let ran = run(&["rebase"]).expect(0);
    assert!(ran.stdout.contains("renamed  01_mine → 03_mine\n"), "{}", ran.stdout);
    assert_eq!(directories(&below, "app/migrations/sqlite"), ["02_theirs", "03_mine"]);
    run(&["lint"]).expect(0);
}

#[test]
fn a_clean_branch_is_left_alone() {
    let clean = diverged();
    git(&clean, &["switch", "--quiet", "main"]);
    let with_draft = diverged();
    git(&with_draft, &["switch", "--quiet", "main"]);
    table(&with_draft, "04_draft");
    let merged = diverged();
    git(&merged, &["reset", "--quiet", "--hard", "base"]);
    git(&merged, &["merge", "--quiet", "main"]);
    let ahead = diverged();
    git(&ahead, &["branch", "--quiet", "--force", "main", "base"]);
    for workspace in [clean, with_draft, merged, ahead] {
        let before = (directories(&workspace, DIRECTORY), sum(&workspace));
        let ran = rebase(&workspace);
        assert!(ran.stdout.contains("done  your migrations come last already"), "{}", ran.stdout);
        let data = workspace.run(&["rebase", "--format", "json"]).expect(0).json();
        assert_eq!(data, serde_json::json!({ "renamed": [], "written": [], "drafts": [] }));
        assert_eq!((directories(&workspace, DIRECTORY), sum(&workspace)), before);
    }
}
