//! `portcullis.toml`, `--target`, and passwords that got into either.

use std::fs;

use crate::support::Workspace;

const DEV: &str = "[targets.dev]\nengine = \"sqlite\"\npath = \"var/dev.db\"\n";
const URL: &str = "postgres://me:hunter2@db/x";

/// Every command that looks for a target.
const COMMANDS: &[&[&str]] = &[
    &["migrate"],
    &["migrate", "--plan"],
    &["backup"],
    &["backup", "list"],
    &["restore", "x.db"],
    &["receipt", "list"],
    &["receipt", "show"],
];

#[test]
fn what_is_wrong_with_the_configuration_is_said_with_its_place() {
    let dev = |line: &str| format!("{DEV}{line}\n");
    let path = |path: &str| format!("[targets.dev]\nengine = \"sqlite\"\npath = {path:?}\n");
    let cases: &[(String, &[&str])] = &[
        (
            dev("protectd = true"),
            &["portcullis.toml:4", "unknown key \"protectd\"", "did you mean \"protected\"?"],
        ),
        (dev("colour = 1"), &["portcullis.toml:4", "unknown key \"colour\"", "known here"]),
        (dev("lock-wait = \"soon\""), &["portcullis.toml:4", "\"10s\""]),
        (dev("lock-wait = 5"), &["portcullis.toml:4", "expected a string"]),
        (dev("identity = \"me\""), &["portcullis.toml:4", "explain config"]),
        (dev("[targets.dev.retention]\nkeep-last = 0"), &["targets.dev.retention.keep-last"]),
        (DEV.replace("targets", "target"), &["unknown key \"target\"", "\"targets\""]),
        (String::new(), &["portcullis.toml has no target", "explain config"]),
        ("what is this?".to_owned(), &["portcullis.toml:1"]),
        (DEV.replace("sqlite", "oracle"), &["unknown value", "sqlite"]),
        (format!("default-target = \"dve\"\n{DEV}"), &["default-target", "did you mean dev?"]),
        (DEV.replace("dev]", "\"a b\"]"), &["targets.a b", "letters, digits"]),
        (path(":memory:"), &["targets.dev.path", "not a path", "var/dev.db"]),
        (path("file:var/dev.db"), &["targets.dev.path", "not a path"]),
        (path(""), &["targets.dev.path", "names no file"]),
        (path("var/.."), &["targets.dev.path", "names no file"]),
    ];
    let workspace = Workspace::with_family();
    for (text, expected) in cases {
        workspace.configure(text);
        let ran = workspace.refuses(&["migrate"], 2);
        for said in *expected {
            assert!(ran.stderr.contains(said), "no {said:?} for {text}:\n{}", ran.stderr);
        }
        assert!(!workspace.path().join("var").exists(), "{text}");
    }
}

#[test]
fn every_command_wants_a_configuration_that_can_be_read() {
    let workspace = Workspace::with_family();
    let file = workspace.path().join("portcullis.toml");
    for bytes in [None, Some(&b"\xff\xfe"[..])] {
        fs::remove_file(&file).unwrap();
        if let Some(bytes) = bytes {
            fs::write(&file, bytes).unwrap();
        }
        for command in COMMANDS.iter().chain([&&["lint"][..]]) {
            let ran = workspace.refuses(command, 2);
            assert!(ran.stderr.contains("portcullis.toml"), "{}", ran.stderr);
        }
        workspace.configure(DEV);
    }
}

#[test]
fn an_unknown_target_is_put_right() {
    let workspace = Workspace::with_family();
    for command in COMMANDS {
        let ran = workspace.refuses(&[*command, &["--target", "dve"]].concat(), 2);
        assert!(ran.stderr.contains("did you mean dev?"), "{}", ran.stderr);
        let ran = workspace.refuses(&[*command, &["--target", "production"]].concat(), 2);
        assert!(ran.stderr.contains("has these targets: dev"), "{}", ran.stderr);
    }
}

#[test]
fn no_command_prints_the_password_of_a_url_given_as_target_or_path() {
    let workspace = Workspace::with_family();
    for command in COMMANDS {
        workspace.refuses(&[*command, &["--target", URL]].concat(), 2);
    }
    workspace.configure(&DEV.replace("var/dev.db", URL));
    for command in COMMANDS {
        workspace.refuses(command, 2);
    }
}

#[test]
fn no_password_is_printed_wherever_else_in_the_configuration_a_url_was_put() {
    let configurations = [
        format!("default-target = \"{URL}\"\n{DEV}"),
        format!("{DEV}\"{URL}\" = 1\n"),
        format!("{DEV}identity = \"{URL}\"\n"),
        format!("{DEV}hold-writes-max = \"{URL}\"\n"),
        format!("{DEV}lock-wait = \"{URL}\"\n"),
        format!("[migrations]\nsqlite = \"{URL}\"\n{DEV}"),
        DEV.replace("dev]", &format!("\"{URL}\"]")),
    ];
    let workspace = Workspace::with_family();
    for text in &configurations {
        workspace.configure(text);
        workspace.refuses(&["migrate"], 2);
    }
}

#[test]
fn no_password_is_printed_that_was_given_in_place_of_a_version_or_receipt() {
    let workspace = Workspace::with_family();
    workspace.refuses(&["migrate", "--to", URL], 2);
    workspace.refuses(&["receipt", "show", URL], 2);
    workspace.stops(&["explain", URL], 2);
}

#[test]
fn no_password_is_printed_that_was_given_in_place_of_a_backup() {
    let workspace = Workspace::with_family();
    workspace.refuses(&["restore", URL], 1);
}

#[test]
fn a_password_in_a_word_that_no_command_knows_is_not_printed() {
    let workspace = Workspace::with_family();
    for arguments in
        [&["migrate", URL][..], &["backup", URL], &["migrate", "--format", URL], &[URL]]
    {
        workspace.run(arguments).expect(2).is_for_people();
    }
}

#[test]
fn a_receipt_keeps_no_password_that_was_in_the_reason() {
    let workspace = Workspace::with_family();
    let ran = workspace.run(&["migrate", "--reason", &format!("as in {URL}")]).expect(0);
    ran.is_for_people();
    let receipts = format!("{:?}", workspace.receipts());
    assert!(!receipts.contains("hunter2"), "{receipts}");
}

#[test]
fn the_environment_names_no_database() {
    for url in ["other.db", "sqlite://other.db", "file:other.db", URL] {
        let workspace = Workspace::with_family();
        let output = workspace.command(&["migrate"]).env("DATABASE_URL", url).output().unwrap();
        let printed =
            String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(0), "{printed}");
        assert!(!printed.contains("hunter2") && !printed.contains("other.db"), "{printed}");
        assert_eq!(workspace.applied(), ["01"]);
        assert!(!workspace.path().join("other.db").exists());
    }
}
