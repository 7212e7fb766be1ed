//! Migrations with names that nobody should give them: each is applied or refused, and
//! none is printed so that a terminal obeys it.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use crate::support::{Ran, Workspace};

const RED: &str = "\u{1b}[41m";

/// Bytes, because names needn't be UTF-8.
const NAMES: &[&[u8]] = &[
    b"01_it's",
    b"01_say \"no\"",
    b"01_`x`",
    b"01\n_newline\nin it",
    b"01..02_dots",
    b"..01_hidden",
    b"-01_dash",
    b"--help",
    b"_without_version",
    b"01",
    "01_\u{1f980}".as_bytes(),
    "\u{1f980}_01".as_bytes(),
    b"01\x1b[41m_red\x1b[41m",
    "01_\u{202e}gpj".as_bytes(),
    b"01_$(touch made)`touch made`",
    b"01_%s%n{}",
    b"01'); DROP TABLE parent; --_x",
    b"01_\xff\xfe",
    b"\xff_01",
    &[b'a'; 200],
    b"01_\xc3\xa4\xf0\x9f\x92\xa9_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];

fn make(workspace: &Workspace, name: &[u8], up: &str) -> PathBuf {
    let directory = workspace.path().join("migrations/sqlite").join(OsStr::from_bytes(name));
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("up.sql"), up).unwrap();
    fs::write(directory.join("down.sql"), "DROP TABLE IF EXISTS named;").unwrap();
    directory
}

/// As on a terminal: piped output would be stripped of every escape, ours and theirs.
fn on_a_terminal(workspace: &Workspace, arguments: &[&str]) -> Ran {
    let output = workspace.command(arguments).env("CLICOLOR_FORCE", "1").output().unwrap();
    let ran = Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    };
    for text in [&ran.stdout, &ran.stderr] {
        assert!(!text.contains(RED), "the terminal turns red: {text:?}");
        assert!(!text.contains('\u{202e}'), "the terminal turns round: {text:?}");
        assert!(!text.contains("newline\nin it"), "a name of two lines: {text:?}");
    }
    ran
}

#[test]
fn every_name_is_applied_or_refused_and_printed_safely() {
    for name in NAMES {
        let shown = String::from_utf8_lossy(name);
        let workspace = Workspace::new();
        make(&workspace, name, "CREATE TABLE named(x);");
        on_a_terminal(&workspace, &["lint"]);
        on_a_terminal(&workspace, &["migrate", "--plan"]);
        let ran = on_a_terminal(&workspace, &["migrate"]);
        assert!(matches!(ran.code, 0 | 1), "{shown:?}: {}\n{}", ran.code, ran.stderr);
        assert!(!workspace.path().join("made").exists(), "{shown:?} ran in a shell");
        if ran.code == 1 {
            assert!(!workspace.database().exists(), "{shown:?}");
            continue;
        }
        on_a_terminal(&workspace, &["receipt", "list"]).expect(0);
        on_a_terminal(&workspace, &["receipt", "show"]).expect(0);
        workspace.run(&["receipt", "show", "--format", "json"]).expect(0).json();
        assert!(workspace.migrate().stdout.contains("up to date"), "{shown:?}");
    }
}

#[test]
fn every_name_is_printed_safely_when_its_migration_fails() {
    for name in NAMES {
        let shown = String::from_utf8_lossy(name);
        let workspace = Workspace::with_family();
        workspace.migrate();
        let before = workspace.content();
        // It sorts last, so that its name is all that is odd about it.
        let name = [b"9", *name].concat();
        let directory = make(&workspace, &name, "INSERT INTO nowhere VALUES (1);");
        let ran = on_a_terminal(&workspace, &["migrate"]);
        assert!(matches!(ran.code, 1 | 3), "{shown:?}: {}\n{}", ran.code, ran.stderr);
        assert_eq!(workspace.content(), before, "{shown:?}");
        let code = workspace.run(&["migrate", "--format", "json"]).json()["code"].clone();
        assert_eq!(code, ran.code, "{shown:?}");
        on_a_terminal(&workspace, &["receipt", "show"]).expect(0);
        on_a_terminal(&workspace, &["migrate", "--to", &String::from_utf8_lossy(&name)]);
        // Edited, missing and out of order are told with names too.
        fs::write(directory.join("up.sql"), "CREATE TABLE named(x);").unwrap();
        if on_a_terminal(&workspace, &["migrate"]).code == 0 {
            fs::write(directory.join("up.sql"), "CREATE TABLE edited(x);").unwrap();
            on_a_terminal(&workspace, &["migrate"]).expect(1);
            fs::remove_dir_all(&directory).unwrap();
            on_a_terminal(&workspace, &["migrate"]).expect(1);
        }
    }
}

#[test]
fn a_run_that_stops_part_way_prints_the_version_safely() {
    let workspace = Workspace::with_family();
    workspace.migrate();
    make(&workspace, b"02\x1b[41m_red", "CREATE TABLE named(x);");
    // A rebuild has a segment of its own: what came before it is committed.
    workspace.migration(
        "03_rebuild",
        "DROP TABLE named; CREATE TABLE x(x); ALTER TABLE x RENAME TO named; SELECT * FROM nowhere;\n",
        "SELECT 1;\n",
    );
    on_a_terminal(&workspace, &["migrate"]).expect(5);
    on_a_terminal(&workspace, &["receipt", "show"]).expect(0);
}

#[test]
fn a_workspace_whose_path_is_not_utf8_is_refused_or_works() {
    let workspace = Workspace::with_family();
    let odd = workspace.path().join(OsStr::from_bytes(b"w\xff\x1b[41m"));
    fs::create_dir(&odd).unwrap();
    for part in ["migrations", "portcullis.toml"] {
        fs::rename(workspace.path().join(part), odd.join(part)).unwrap();
    }
    for command in [&["migrate"][..], &["migrate", "--plan"], &["receipt", "list"]] {
        let output = workspace
            .command(command)
            .current_dir(&odd)
            .env("CLICOLOR_FORCE", "1")
            .output()
            .unwrap();
        let printed =
            String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(matches!(output.status.code(), Some(0..=2)), "{printed}");
        assert!(!printed.contains(RED), "{printed:?}");
        assert!(!printed.contains("internal error"), "{printed}");
    }
}
