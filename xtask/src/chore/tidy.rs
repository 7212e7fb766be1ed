//! `cargo xtask tidy`: what no compiler checks. The test below runs it too.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use xshell::{Shell, cmd};

/// Past this many lines a file is asked for its second purpose.
const LONG: usize = 400;

pub(super) fn run(shell: &Shell) -> anyhow::Result<()> {
    let files = cmd!(shell, "git ls-files -z").quiet().read()?;
    let root = shell.current_dir();
    let problems: Vec<String> = files
        .split('\0')
        .filter(|name| !name.is_empty())
        .filter_map(|name| Some((name, std::fs::read_to_string(root.join(name)).ok()?)))
        .flat_map(|(name, text)| problems(Path::new(name), &text))
        .collect();
    anyhow::ensure!(problems.is_empty(), "{}", problems.join("\n"));
    small_by_default(shell)
}

/// Whoever has only SQLite never builds OpenSSL.
fn small_by_default(shell: &Shell) -> anyhow::Result<()> {
    let tree =
        cmd!(shell, "cargo tree --package xtask --edges normal,build --prefix none --locked");
    let tree = tree.quiet().ignore_stderr().read().context("list xtask's dependencies")?;
    let found = tree.lines().find(|line| line.starts_with("openssl"));
    anyhow::ensure!(
        found.is_none(),
        "xtask needs {} without being asked to",
        found.unwrap_or("it")
    );
    anyhow::ensure!(tree.contains("diesel"), "cargo tree listed nothing:\n{tree}");
    Ok(())
}

fn problems(path: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut say = |what: String| found.push(format!("{}: {what}", path.display()));
    let is = |extension: &str| path.extension().is_some_and(|found| found == extension);
    // Generated, or held to be as it is: snapshots, licences, the lock file.
    let ours = !is("snap") && !is("lock") && !path.starts_with("LICENSE-APACHE");
    if ours && !text.is_empty() && !text.ends_with('\n') {
        say("no newline at the end".to_owned());
    }
    for (line, content) in (1..).zip(text.lines()).filter(|_| ours) {
        if content.ends_with([' ', '\t']) && !is("md") {
            say(format!("line {line} ends in a blank"));
        }
    }
    if is("rs") {
        let lines = text.lines().count();
        if lines > LONG {
            say(format!("{lines} lines; has it a second purpose?"));
        }
        let header =
            text.starts_with("//!") || text.starts_with("#![") || text.starts_with("// @generated");
        if !header && !explains_itself(path) {
            say("doesn't begin with a //! line that tells its purpose".to_owned());
        }
    }
    found
}

/// Modules whose parent or whose own constant tells their purpose.
fn explains_itself(path: &Path) -> bool {
    if path.parent().is_some_and(|parent| parent.ends_with("rules")) {
        return true;
    }
    let name = path.file_name().map(PathBuf::from).unwrap_or_default();
    name == Path::new("tests.rs") || name == Path::new("schema.rs")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_repository_is_tidy() {
        let shell = xshell::Shell::new().unwrap();
        shell.change_dir(crate::chore::root());
        super::run(&shell).unwrap();
    }
}
