//! `lint-1000` and `hook`: a repository with a thousand accepted migrations; all of it
//! linted, and one more staged and committed through the hook.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use xshell::cmd;

use super::Bench;
use super::measure::run;
use super::table::Line;

const MIGRATIONS: usize = 1_000;

/// The gate's verdict on all of them, against `squawk` on the same files.
pub(super) fn all(bench: &Bench<'_>) -> anyhow::Result<Vec<Line>> {
    let shell = bench.shell;
    let _here = shell.push_dir(&bench.directory);
    let _git = repository(bench)?;
    let files: Vec<String> = (0..MIGRATIONS)
        .flat_map(|number| ["up.sql", "down.sql"].map(|file| format!("{}/{file}", place(number))))
        .collect();
    let theirs = ["squawk", "--assume-in-transaction"].map(str::to_owned);
    let theirs: Vec<String> = theirs.into_iter().chain(files).collect();
    let pairs = bench.pairs(
        20,
        || {
            let (sample, said) = run(bench, &[bench.gate.as_os_str(), "lint".as_ref()])?;
            anyhow::ensure!(said.is_empty(), "lint found something:\n{said}");
            Ok(sample)
        },
        || run(bench, &theirs).map(|(sample, _)| sample),
    )?;
    Ok(vec![Line::time("lint-1000", &pairs, 0.5)])
}

/// What the hook adds to a commit, against `git status`.
pub(super) fn hook(bench: &Bench<'_>) -> anyhow::Result<Vec<Line>> {
    let shell = bench.shell;
    let _here = shell.push_dir(&bench.directory);
    let gate = build(bench)?;
    let _git = repository(bench)?;
    cmd!(shell, "{gate} hooks install").quiet().ignore_stdout().run()?;
    write(&bench.directory, MIGRATIONS)?;
    cmd!(shell, "git add --all migrations").quiet().run()?;
    let pairs = bench.pairs(
        20,
        || run(bench, &[".git/hooks/pre-commit"]).map(|(sample, _)| sample),
        || run(bench, &["git", "status"]).map(|(sample, _)| sample),
    )?;
    Ok(vec![Line::time("hook", &pairs, 3.0)])
}

/// The workspace's own sources and the program that was built from them, as in a checkout:
/// the hook looks whether the program is still as new as they are.
fn build(bench: &Bench<'_>) -> anyhow::Result<std::path::PathBuf> {
    let listed = fs::read_to_string(bench.gate.with_extension("d"))?;
    let sources = listed.split_once(": ").map(|(_, sources)| sources).unwrap_or_default();
    // None of this repository's names has a blank.
    for source in sources.split_whitespace() {
        let source = Path::new(source);
        if let Ok(name) = source.strip_prefix(&bench.root) {
            let copy = bench.directory.join(name);
            fs::create_dir_all(copy.parent().unwrap_or(&copy))?;
            fs::copy(source, copy)?;
        }
    }
    let gate = bench.directory.join("target/release/xtask");
    fs::create_dir_all(gate.with_file_name(""))?;
    let (there, here) = (bench.root.display().to_string(), bench.directory.display().to_string());
    fs::write(gate.with_extension("d"), listed.replace(&there, &here))?;
    fs::copy(&bench.gate, &gate)?;
    Ok(gate)
}

/// A repository with all of them accepted and committed. What the person has configured
/// for git doesn't count as long as the result lives.
fn repository<'a>(bench: &'a Bench<'_>) -> anyhow::Result<[xshell::PushEnv<'a>; 2]> {
    let shell = bench.shell;
    let isolated = [("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")]
        .map(|(name, value)| shell.push_env(name, value));
    fs::write(
        bench.directory.join("portcullis.toml"),
        "[migrations]\npostgres = \"migrations/postgres\"\n\
         [targets.dev]\nengine = \"sqlite\"\npath = \"var/dev.db\"\n",
    )?;
    fs::create_dir_all(bench.directory.join("migrations/sqlite"))?;
    fs::write(bench.directory.join("migrations/sqlite/README.md"), "None yet.\n")?;
    for number in 0..MIGRATIONS {
        write(&bench.directory, number)?;
    }
    let gate = &bench.gate;
    cmd!(shell, "{gate} accept").quiet().ignore_stdout().run().context("accept them")?;
    // What is measured goes elsewhere, but stands in the working tree.
    fs::write(bench.directory.join(".gitignore"), "/peak.txt\n/target\n")?;
    cmd!(shell, "git init --quiet --initial-branch=main").quiet().run()?;
    cmd!(shell, "git add --all").quiet().run()?;
    cmd!(shell, "git -c user.name=b -c user.email=b@example.org commit --quiet -m all")
        .quiet()
        .run()?;
    cmd!(shell, "git gc --quiet").quiet().run()?;
    Ok(isolated)
}

fn place(number: usize) -> String {
    format!("migrations/postgres/2024-01-01-{number:06}_create_thing")
}

/// What neither linter has a word against.
fn write(root: &Path, number: usize) -> anyhow::Result<()> {
    let directory = root.join(place(number));
    let table = format!("public.thing_{number}");
    let timeouts = "SET lock_timeout = '2s';\nSET statement_timeout = '30s';\n";
    let up = format!(
        "-- Things that are sold, with what they cost.\n{timeouts}\n\
         CREATE TABLE IF NOT EXISTS {table} (\n    \
             id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,\n    \
             name text NOT NULL,\n    \
             kind text NOT NULL DEFAULT 'plain' CHECK (kind IN ('plain', 'fancy')),\n    \
             made timestamptz NOT NULL DEFAULT now(),\n    \
             related bigint REFERENCES {table} (id)\n);\n\n\
         COMMENT ON TABLE {table} IS 'Things that are sold';\n\n\
         INSERT INTO {table} (name, related)\n\
         SELECT 'thing ' || number, NULL\n\
         FROM generate_series(1, 3) AS numbers (number)\n\
         WHERE NOT EXISTS (SELECT 1 FROM {table});\n"
    );
    let down = format!("{timeouts}\nDELETE FROM {table} WHERE name LIKE 'thing %';\n");
    fs::create_dir_all(&directory)?;
    fs::write(directory.join("up.sql"), up)?;
    fs::write(directory.join("down.sql"), down)?;
    Ok(())
}
