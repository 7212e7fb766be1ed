//! `warm-lint`: how long a developer waits for `cargo xtask lint` when all is built,
//! against what Cargo alone takes in this workspace.

use std::fs;

use xshell::cmd;

use super::Bench;
use super::measure::run;
use super::table::Line;

pub(super) fn figure(bench: &Bench<'_>) -> anyhow::Result<Vec<Line>> {
    let shell = bench.shell;
    let workspace = bench.directory.join("workspace");
    copy_workspace(bench)?;
    let empty = workspace.join("crates/empty");
    fs::create_dir_all(empty.join("src"))?;
    fs::write(
        empty.join("Cargo.toml"),
        "[package]\nname = \"empty\"\nedition = \"2024\"\npublish = false\n",
    )?;
    fs::write(empty.join("src/main.rs"), "fn main() {}\n")?;

    let _here = shell.push_dir(&workspace);
    let _target = shell.push_env("CARGO_TARGET_DIR", bench.directory.join("target"));
    // Not locked: the lock file gets the new member.
    cmd!(shell, "cargo build --package empty --package xtask").run()?;
    let pairs = bench.pairs(
        20,
        || run(bench, &["cargo", "xtask", "lint"]).map(|(sample, _)| sample),
        || {
            let command = ["cargo", "run", "--quiet", "--locked", "--package=empty"];
            run(bench, &command).map(|(sample, _)| sample)
        },
    )?;
    Ok(vec![Line::time("warm-lint", &pairs, 2.0)])
}

/// Everything that git has or would take.
fn copy_workspace(bench: &Bench<'_>) -> anyhow::Result<()> {
    let shell = bench.shell;
    let _here = shell.push_dir(&bench.root);
    let files = cmd!(shell, "git ls-files -z --cached --others --exclude-standard").quiet();
    for file in files.read()?.split_terminator('\0') {
        let from = bench.root.join(file);
        if from.is_file() {
            let to = bench.directory.join("workspace").join(file);
            fs::create_dir_all(to.parent().unwrap_or(&to))?;
            fs::copy(from, to)?;
        }
    }
    Ok(())
}
