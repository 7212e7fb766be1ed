//! A `migrations.sum` that can't be read, or isn't what was accepted: each command says what
//! to type next, and none overwrites it.

use std::fs;

use super::accept::{SUM, accept, table};
use crate::git::{commit, git, start};
use crate::support::Workspace;

/// 01_family is on main; 02_mine was accepted and applied, and a draft is there.
fn workspace() -> Workspace {
    let workspace = Workspace::with_family();
    workspace.write(".gitignore", "/var\n");
    accept(&workspace, &[]);
    start(&workspace);
    git(&workspace, &["switch", "--quiet", "-c", "feature"]);
    table(&workspace, "02_mine");
    accept(&workspace, &[]);
    commit(&workspace);
    workspace.migrate();
    table(&workspace, "03_draft");
    workspace
}

const COMMANDS: [&[&str]; 6] = [
    &["lint"],
    &["accept", "--untested"],
    &["accept", "--untested", "draft"],
    &["accept", "--existing"],
    &["rebase"],
    &["migrate"],
];

/// What is at the sum's place: a file's bytes, or a directory.
fn there(workspace: &Workspace) -> Option<Vec<u8>> {
    fs::read(workspace.path().join(SUM)).ok()
}

#[test]
fn what_can_not_be_read_is_said_by_every_command_and_kept() {
    // The name, the text, what is said by all but `rebase`, and by `rebase`; None where it
    // settles it.
    type Make = fn(&str) -> Vec<u8>;
    let back = "git checkout --merge -- migrations/sqlite/migrations.sum";
    let again = "git checkout --merge -- migrations/sqlite/migrations.sum";
    let cases: &[(&str, Make, &str, &str)] = &[
        ("empty", |_| Vec::new(), back, again),
        (
            "another format",
            |text| text.replace("format 1", "format 2").into(),
            "use the version",
            "use the version",
        ),
        (
            "no header",
            |text| text.lines().skip(1).map(|line| format!("{line}\n")).collect::<String>().into(),
            back,
            again,
        ),
        ("no text", |_| b"\xff\xfe".to_vec(), back, again),
        ("half a line", |text| text[..text.len() - 40].into(), back, again),
        ("half a digest", |text| text.replace("sha256:", "sha256:0").into(), back, again),
        ("a stranger's line", |text| format!("{text}what is this?\n").into(), back, again),
        (
            "a stranger's line in a conflict",
            |text| format!("{text}<<<<<<< a\nhm\n=======\n>>>>>>> b\n").into(),
            "cargo xtask rebase",
            again,
        ),
    ];
    for (name, make, said, by_rebase) in cases {
        let workspace = workspace();
        let text = String::from_utf8(there(&workspace).unwrap()).unwrap();
        workspace.write(SUM, make(&text));
        let (sum, content) = (there(&workspace), workspace.content());
        for command in COMMANDS {
            let ran = workspace.run(command).expect(1);
            ran.is_for_people();
            let words = if command == ["rebase"] { by_rebase } else { said };
            let printed = ran.stdout.clone() + &ran.stderr;
            assert!(printed.contains(words), "{name}: {command:?}: no {words:?}:\n{printed}");
            assert!(printed.contains(SUM), "{name}: {command:?}:\n{printed}");
            workspace.run(&[command, &["--format", "json"]].concat()).expect(1).json();
            assert!(there(&workspace) == sum, "{name}: {command:?} wrote it");
        }
        let status = workspace.run(&["status"]).expect(0);
        status.is_for_people();
        assert!(
            status.stdout.contains("migrations.sum can't be read"),
            "{name}: {}",
            status.stdout
        );
        workspace.run(&["status", "--format", "json"]).expect(0).json();
        workspace.run(&["new", "another"]).expect(0);
        assert!(there(&workspace) == sum, "{name}");
        assert_eq!(workspace.content(), content, "{name}");
        // The way back that was told.
        git(&workspace, &["checkout", "--merge", "--", SUM]);
        assert_eq!(String::from_utf8(there(&workspace).unwrap()).unwrap(), text);
    }
}

#[test]
fn a_directory_or_link_at_its_place_is_refused() {
    for link in [false, true] {
        let workspace = workspace();
        let place = workspace.path().join(SUM);
        fs::rename(&place, workspace.path().join("kept")).unwrap();
        if link {
            std::os::unix::fs::symlink("../../kept", &place).unwrap();
        } else {
            workspace.write(&format!("{SUM}/notes.txt"), "mine");
        }
        for command in COMMANDS {
            let ran = workspace.run(command).expect(1);
            ran.is_for_people();
            let printed = ran.stdout + &ran.stderr;
            assert!(printed.contains("this is no text file"), "{command:?}: {printed}");
            assert!(printed.contains(SUM) && printed.contains("git checkout"), "{printed}");
            assert!(fs::symlink_metadata(&place).unwrap().is_symlink() == link, "{command:?}");
        }
        workspace.run(&["status"]).expect(0).is_for_people();
    }
}

#[test]
fn only_line_endings_are_no_obstacle() {
    let workspace = workspace();
    let text = String::from_utf8(there(&workspace).unwrap()).unwrap();
    workspace.write(SUM, text.replace('\n', "\r\n"));
    assert_eq!(workspace.run(&["lint"]).expect(0).stdout, "");
    workspace.run(&["rebase"]).expect(0);
    workspace.migrate();
    assert_eq!(String::from_utf8(there(&workspace).unwrap()).unwrap(), text.replace('\n', "\r\n"));
    accept(&workspace, &[]);
    let now = String::from_utf8(there(&workspace).unwrap()).unwrap();
    assert!(now.starts_with(&text) && now.contains("03_draft"), "{now}");
    workspace.run(&["lint"]).expect(0);
}

/// Lines that read well but aren't those of main, or of what is there.
#[test]
fn a_line_that_is_missing_or_wrong_is_put_back() {
    let line_of = |text: &str, name: &str| {
        text.lines().find(|line| line.starts_with(name)).unwrap().to_owned()
    };
    let digest = |line: &str| line.split(' ').nth(1).unwrap().to_owned();
    for name in ["01_family", "02_mine"] {
        for change in ["missing", "a wrong digest", "another verdict", "twice", "the wrong order"] {
            let workspace = workspace();
            let text = String::from_utf8(there(&workspace).unwrap()).unwrap();
            let line = line_of(&text, name);
            let changed = match change {
                "missing" => text.replace(&format!("{line}\n\n"), ""),
                "a wrong digest" => {
                    let wrong = format!("sha256:{}", "0".repeat(64));
                    text.replace(&line, &line.replace(&digest(&line), &wrong))
                }
                "another verdict" => text.replace(&line, &line.replace(" clean ", " warnings:3 ")),
                "twice" => text.replace(&line, &format!("{line}\n\n{line}")),
                _ => {
                    let rest = text.replace(&format!("{line}\n\n"), "");
                    let at = rest.find("\n\n").unwrap() + 2;
                    let (head, lines) = rest.split_at(at);
                    if name == "01_family" {
                        format!("{head}{lines}{line}\n\n")
                    } else {
                        format!("{head}{line}\n\n{lines}")
                    }
                }
            };
            assert!(changed != text, "{name}, {change}");
            workspace.write(SUM, &changed);
            let lint = workspace.run(&["lint"]);
            let frozen = name == "01_family";
            // A line of one's own may be what it likes, as long as it reads well.
            let harmless = !frozen && change == "another verdict";
            let code = if harmless || (!frozen && change == "missing") { 0 } else { 1 };
            assert_eq!(lint.code, code, "{name}, {change}: {}", lint.stdout);
            if code == 1 {
                assert!(lint.stdout.contains("help: "), "{name}, {change}: {}", lint.stdout);
            }
            if frozen {
                let before = there(&workspace);
                workspace.run(&["accept", "--untested"]).expect(1);
                assert!(there(&workspace) == before, "{name}, {change}");
            }
            // Either of the two settles all of this.
            workspace.run(&["rebase"]).expect(0);
            accept(&workspace, &[]);
            assert_eq!(workspace.run(&["lint"]).expect(0).stdout, "", "{name}, {change}");
            let now = String::from_utf8(there(&workspace).unwrap()).unwrap();
            assert_eq!(line_of(&now, "01_family"), line_of(&text, "01_family"), "{name}, {change}");
            assert_eq!(super::accept::listed(&workspace), "01_family 02_mine 03_draft");
        }
    }
}
