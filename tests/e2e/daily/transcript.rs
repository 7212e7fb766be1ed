//! Some pages of `docs/` are transcripts: each of their commands is run, in order, and prints
//! what the page says. `cargo xtask docs` writes the pages' answers anew.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use regex_lite::{Captures, Regex};

use crate::support::{GATE, Workspace};

/// A clone of this repository, as far as a newcomer's first hour needs it; `cargo xtask` is
/// the program under test.
struct Clone {
    workspace: Workspace,
}

impl Clone {
    fn new() -> Self {
        let workspace = Workspace::with_example();
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for file in ["portcullis.toml", "migrations/sqlite/migrations.sum"] {
            workspace.write(file, std::fs::read(repository.join(file)).unwrap());
        }
        workspace.configure_target("");
        workspace.write(".gitignore", "/var\n/bin\n");
        let cargo = format!("#!/bin/sh\nshift\nexec '{GATE}' \"$@\"\n");
        let cargo = workspace.write("bin/cargo", cargo);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(cargo, mode).unwrap();
        let clone = Self { workspace };
        clone.shell("git init -q -b main && git add -A && git commit -qm 'The example'");
        clone
    }

    /// What a command prints, as a terminal shows it.
    fn shell(&self, command: &str) -> String {
        let mut bash = Command::new("bash");
        self.workspace.prepare(&mut bash);
        let bin = self.workspace.path().join("bin");
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display());
        bash.env("PATH", path).env("GIT_CONFIG_NOSYSTEM", "1").env("LC_ALL", "C.UTF-8");
        for who in ["AUTHOR", "COMMITTER"] {
            bash.env(format!("GIT_{who}_NAME"), "Ana");
            bash.env(format!("GIT_{who}_EMAIL"), "ana@example.org");
        }
        // Both streams into one, in the order in which they are written.
        let output = bash
            .args(["-c", &format!("exec 2>&1; {command}")])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        said.replace(self.workspace.path().to_str().unwrap(), "/srv/app")
    }
}

/// Whatever differs from run to run, as it was in a certain one.
struct Steady {
    rules: Vec<(Regex, &'static str, Vec<String>)>,
    known: BTreeMap<String, String>,
}

impl Steady {
    fn new() -> Self {
        let numbered = |form: &str| (0..9).map(|n| form.replace('#', &n.to_string())).collect();
        let rule =
            |pattern: &str, kind, form: &str| (Regex::new(pattern).unwrap(), kind, numbered(form));
        let rules = vec![
            rule(r"\b20(?:2[6-9]|[3-9]\d)-\d\d-\d\d-\d{6}", "version", "2026-11-23-09000#"),
            rule(r"\b20(?:2[6-9]|[3-9]\d)\d{10}\b", "plain", "2026112309000#"),
            rule(r"\b20\d{6}T\d{6,9}Z-[0-9a-f]{8}", "backup", "20261123T09000#Z-5e1f00a#"),
            rule(r"-[0-9a-f]{8}\.json", "receipt", "-5e1f00a#.json"),
            rule(
                r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
                "uuid",
                "1e486cac-abd6-4f45-8524-ad726bfa914#",
            ),
            rule(r"identity [0-9a-f]{8}  ", "identity", "identity 1e486cac  "),
            // How far a record fills its pages depends on the paths in it.
            rule(r"\d+\.\d KiB", "size", "224.0 KiB"),
            rule(r"git checkout [0-9a-f]{10}", "base", "git checkout 8c52f1e09#"),
            rule(r"sha256 [0-9a-f]{12}", "sha", "sha256 304b2c4b3d1#"),
            rule(r"\d+ ms\b", "time", "2 ms"),
            rule(r"(?m)^\[[\w/-]+ (?:\([a-z-]+\) )?[0-9a-f]{7,}\]", "commit", "[1a2b3c#]"),
            rule(r"\b20(?:2[6-9]|[3-9]\d)-\d\d-\d\dT[\d:.]+Z", "instant", "2026-11-23T09:00:0#Z"),
        ];
        Self { rules, known: BTreeMap::new() }
    }

    /// The same thing has the same name wherever it appears.
    fn text(&mut self, text: &str) -> String {
        let mut text = text.to_owned();
        for (pattern, kind, forms) in &self.rules {
            let known = &mut self.known;
            text = pattern
                .replace_all(&text, |found: &Captures<'_>| {
                    // A version is the same one without its dashes.
                    if *kind == "plain" {
                        let dashed = |key: &&String| key.replace('-', "") == found[0];
                        let name = |key: &String| key.trim_start_matches("version ").to_owned();
                        let known = known.iter().map(|(key, form)| (name(key), form));
                        let form = known.into_iter().find(|(key, _)| dashed(&key));
                        return form.map_or_else(
                            || found[0].to_owned(),
                            |(_, form)| form.replace('-', ""),
                        );
                    }
                    let key = format!("{kind} {}", &found[0]);
                    let seen = known.keys().filter(|key| key.starts_with(kind)).count();
                    known.entry(key).or_insert_with(|| forms[seen % forms.len()].clone()).clone()
                })
                .into_owned();
        }
        text
    }
}

/// The page with every answer as it is now.
fn played(page: &str) -> String {
    let (clone, mut steady) = (Clone::new(), Steady::new());
    let mut out = String::new();
    let mut in_console = false;
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        if line.starts_with("```") {
            in_console = line == "```console";
        } else if in_console {
            let Some(command) = line.strip_prefix("$ ") else { continue };
            // A command goes on, as a shell shows it.
            let mut command = command.to_owned();
            let mut typed = line.to_owned();
            while let Some(more) = lines.next_if(|line| line.starts_with('>')) {
                typed += &format!("\n{more}");
                command += &format!("\n{}", more[1..].strip_prefix(' ').unwrap_or_default());
            }
            if command.contains("xtask new") || command.contains("rebase") {
                // Versions tell seconds: on this page each has one of its own.
                std::thread::sleep(std::time::Duration::from_millis(1100));
            }
            let said = steady.text(&clone.shell(&command));
            let said: Vec<&str> = said.lines().map(str::trim_end).collect();
            out += &format!("{typed}\n{}\n", said.join("\n").trim_end());
            // Nothing said is nothing shown.
            out = out.trim_end().to_owned() + "\n";
            continue;
        }
        out += line;
        out.push('\n');
    }
    out
}

#[test]
fn the_daily_loop_is_as_its_page_says() {
    says_what_happens("daily-loop.md");
}

#[test]
fn a_bad_night_is_as_its_page_says() {
    says_what_happens("bad-night.md");
}

fn says_what_happens(page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page);
    let page = std::fs::read_to_string(&path).unwrap();
    let played = played(&page);
    if std::env::var_os("PORTCULLIS_UPDATE_DOCS").is_some() {
        std::fs::write(&path, &played).unwrap();
    }
    let page = std::fs::read_to_string(&path).unwrap();
    assert!(page == played, "{} is behind; run: cargo xtask docs\n{}", path.display(), {
        let different = page.lines().zip(played.lines()).find(|(page, now)| page != now);
        different.map_or_else(String::new, |(page, now)| format!("page: {page}\n now: {now}"))
    });
}
