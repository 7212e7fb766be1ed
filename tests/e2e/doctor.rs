//! `doctor`: whatever is broken, it says what, changes nothing, and what it says to type works.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::conformance::bench::{Bench, Engine};
use crate::support::{GATE, Workspace, sha256};

/// A family that was migrated twice, with a backup of it.
fn workspace() -> Workspace {
    let workspace = Workspace::with_family();
    workspace.migrate();
    workspace.run(&["backup"]).expect(0);
    workspace
}

/// Every file below a directory with its digest, but for SQLite's own shared memory.
fn all_files(directory: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(all_files(&path));
        } else {
            let digest = sha256(&path);
            found.insert(path, digest);
        }
    }
    found
}

/// What it says as JSON; it says the same for people, and nothing has changed by it.
fn examined(workspace: &Workspace, code: i32) -> Value {
    let before = all_files(workspace.path());
    let human = workspace.run(&["doctor"]).expect(code);
    human.is_for_people();
    let json = workspace.run(&["doctor", "--format", "json"]).expect(code).json();
    assert_eq!(json["code"], code);
    for next in json["next"].as_array().unwrap() {
        assert!(human.stdout.contains(next.as_str().unwrap()), "{next}\n{}", human.stdout);
    }
    assert_eq!(all_files(workspace.path()), before, "{}", human.stdout);
    json
}

/// Types the last of what it says.
fn type_it(workspace: &Workspace, json: &Value) {
    let last = json["next"].as_array().unwrap().last().unwrap().as_str().unwrap();
    let typed = last.strip_prefix("cargo xtask").unwrap_or_else(|| panic!("{last}"));
    let script = format!("'{GATE}' {typed}");
    let mut shell = std::process::Command::new("sh");
    workspace.prepare(shell.args(["-c", &script]));
    let output = shell.output().unwrap();
    assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn one_that_is_well_needs_nobody() {
    let workspace = workspace();
    let json = examined(&workspace, 0);
    assert_eq!((json["state"].as_str(), json["next"].as_array().unwrap().len()), (Some("well"), 0));
    assert_eq!(json["lastReceiptFrom"], "database");
    assert_eq!(json["backups"][0]["health"], "good");
    assert_eq!(json["backups"][1]["health"], "unread");
    let all = workspace.run(&["doctor", "--all", "--format", "json"]).expect(0).json();
    assert_eq!(all["backups"][1]["health"], "good");
}

#[test]
fn one_that_was_never_made_is_no_loss() {
    assert_eq!(examined(&Workspace::with_family(), 0)["state"], "new");
}

/// How it was broken, and what is said.
type Broken = (&'static str, fn(&Workspace), &'static str);

const LOST: &[Broken] = &[
    ("gone", |workspace| fs::remove_file(workspace.database()).unwrap(), "missing"),
    ("overwritten", |workspace| fs::write(workspace.database(), "not one").unwrap(), "unreadable"),
    ("empty pages", |workspace| overwrite(&workspace.database(), 4096, 8192), "unreadable"),
    ("an index without its rows", |workspace| overwrite_index(workspace), "damaged"),
];

fn overwrite(file: &Path, from: usize, to: usize) {
    let mut bytes = fs::read(file).unwrap();
    let to = to.min(bytes.len());
    bytes[from..to].fill(0xa5);
    fs::write(file, bytes).unwrap();
}

/// The pages of an index are those of another one: the file can be read, and is wrong.
fn overwrite_index(workspace: &Workspace) {
    workspace.execute(
        "PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET rootpage =
             (SELECT rootpage FROM sqlite_schema WHERE name = '__portcullis_receipt')
         WHERE name = 'child'",
    );
}

#[test]
fn what_is_lost_comes_back_by_what_it_says_to_type() {
    for (how, break_it, state) in LOST {
        let workspace = workspace();
        let content = workspace.content();
        break_it(&workspace);
        let json = examined(&workspace, 4);
        assert_eq!(json["state"], *state, "{how}: {json:#}");
        assert!(!json["lastReceipt"].is_null(), "{how}");
        type_it(&workspace, &json);
        assert_eq!(workspace.content(), content, "{how}");
        assert_eq!(examined(&workspace, 0)["state"], "well", "{how}");
    }
}

#[test]
fn a_bad_backup_is_not_advised() {
    let workspace = workspace();
    let newest = workspace.backups().pop().unwrap();
    overwrite(&newest, 5000, 5004);
    fs::remove_file(workspace.database()).unwrap();
    let json = examined(&workspace, 4);
    assert_eq!(json["backups"][0]["health"], "bad");
    assert_eq!(json["backups"][1]["health"], "good");
    let next = json["next"].as_array().unwrap().last().unwrap().as_str().unwrap().to_owned();
    assert!(!next.contains(newest.file_name().unwrap().to_str().unwrap()), "{next}");
    for backup in workspace.backups() {
        overwrite(&backup, 5000, 5004);
    }
    let json = examined(&workspace, 4);
    let next = json["next"].as_array().unwrap().last().unwrap().as_str().unwrap().to_owned();
    assert!(next.contains("2 backups here, and none is good"), "{next}");
}

#[test]
fn a_run_that_died_and_a_change_by_others_have_their_own_commands() {
    let workspace = workspace();
    workspace.execute("UPDATE __portcullis_run SET closed = 0; DELETE FROM __portcullis_receipt");
    let json = examined(&workspace, 1);
    assert_eq!(json["state"], "open-runs");
    assert!(json["next"].to_string().contains("cargo xtask recover"), "{json}");
    let workspace = self::workspace();
    workspace.execute("CREATE TABLE stray (id); CREATE VIEW late AS SELECT id FROM stray");
    let json = examined(&workspace, 1);
    assert_eq!(json["state"], "drifted");
    assert!(json["next"].to_string().contains("cargo xtask drift"), "{json}");
    // A view that has been of no use for long is no reason to put a backup back.
    workspace.change_beside_the_gate("DROP TABLE stray");
    let json = examined(&workspace, 1);
    assert_eq!(json["state"], "faulty");
    assert!(json["details"].to_string().contains("late"), "{json}");
    assert!(json["next"].to_string().contains("by a migration"), "{json}");
}

#[test]
fn what_a_run_left_for_a_person_is_named() {
    let workspace = workspace();
    let backup = workspace.backups().pop().unwrap();
    let steps = PathBuf::from(format!("{}.RESTORE.txt", backup.display()));
    fs::write(&steps, "# the steps\n").unwrap();
    fs::write(workspace.database(), "not one").unwrap();
    let json = examined(&workspace, 4);
    let first = json["next"][0].as_str().unwrap();
    assert!(first.contains(steps.to_str().unwrap()), "{first}");
}

#[test]
fn a_server_that_does_not_answer_is_told_with_what_is_here() {
    let bench = Bench::new(Engine::Postgres);
    bench.step("01_item", "CREATE TABLE item (id integer PRIMARY KEY);\n", "DROP TABLE item;\n");
    bench.gated(&["migrate"]).expect(0);
    let well = bench.gated(&["doctor", "--format", "json"]).expect(0).json();
    assert_eq!(well["state"], "well");
    bench.beside("CREATE INDEX item_twice ON item (id)");
    assert_eq!(bench.gated(&["doctor", "--format", "json"]).expect(1).json()["state"], "drifted");
    bench.beside("DROP INDEX item_twice");
    let file = bench.path().join("portcullis.toml");
    let text = fs::read_to_string(&file).unwrap();
    let port = bench.cluster().port().to_string();
    assert!(text.contains(&port), "{text}");
    fs::write(&file, text.replace(&format!(":{port}/"), ":1/")).unwrap();
    let away = bench.gated(&["doctor", "--format", "json"]).expect(1).json();
    assert_eq!(away["state"], "unreachable");
    assert_eq!(away["lastReceiptFrom"], "file");
    assert_eq!(away["backups"][0]["health"], "good");
    assert!(away["next"].to_string().contains("cargo xtask recover"), "{away:#}");
}
