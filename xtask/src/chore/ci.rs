//! `cargo xtask ci`: what continuous integration runs; the tests last, so that their
//! summary is the last thing to read.

use anyhow::Context as _;
use xshell::{Shell, cmd};

use super::postgres::{self, Missing};

#[derive(Debug, clap::Args)]
pub(crate) struct Flags {
    /// Install PostgreSQL's package first, if it isn't here; no server is started by it
    #[arg(long)]
    install_postgres: bool,
}

pub(super) fn run(shell: &Shell, flags: &Flags) -> anyhow::Result<()> {
    let missing = if flags.install_postgres { Missing::Install } else { Missing::Refuse };
    postgres::ensure(shell, missing)?;
    cmd!(shell, "cargo fmt --all -- --check").run().context("run cargo fmt --all")?;
    super::tidy::run(shell)?;
    deny(shell)?;
    cmd!(shell, "cargo clippy --workspace --all-targets --locked -- -D warnings").run()?;
    {
        let _flags = shell.push_env("RUSTDOCFLAGS", "-D warnings");
        cmd!(shell, "cargo doc --workspace --no-deps --locked").run()?;
    }
    first_command(shell)?;
    super::test::run(shell, &super::test::Flags::default())
}

/// Licences, bans and sources of every dependency. The tool is large: it is used where
/// it is installed.
fn deny(shell: &Shell) -> anyhow::Result<()> {
    if cmd!(shell, "cargo deny --version").quiet().ignore_stderr().read().is_err() {
        super::say("left out: cargo deny (cargo install --locked cargo-deny)");
        return Ok(());
    }
    Ok(cmd!(shell, "cargo deny check licenses bans sources").run()?)
}

/// The README's first command, in a fresh clone and an environment without anything that
/// a developer may have set; then once more, when there is nothing left to do.
fn first_command(shell: &Shell) -> anyhow::Result<()> {
    let directory = shell.create_temp_dir()?;
    let (from, clone) = (shell.current_dir(), directory.path().join("clone"));
    let target = from.join("target");
    cmd!(shell, "git clone --quiet {from} {clone}").run()?;
    let _there = shell.push_dir(&clone);
    let run = || -> anyhow::Result<String> {
        let mut command = cmd!(shell, "cargo xtask migrate").env_clear();
        for name in ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME"] {
            if let Ok(value) = shell.var(name) {
                command = command.env(name, value);
            }
        }
        // Dependencies needn't be built again; the workspace's own crates are.
        Ok(command.env("CARGO_TARGET_DIR", &target).read()?)
    };
    let first = run().context("the README's first command failed in a fresh clone")?;
    super::say(&first);
    let second = run()?;
    anyhow::ensure!(
        second.contains("up to date"),
        "the second run found something to do:\n{second}"
    );
    Ok(())
}
