//! `cargo xtask test`: the whole suite.

use anyhow::Context as _;
use xshell::{Shell, cmd};

use super::postgres::{self, Missing};

#[derive(Debug, Default, clap::Args)]
pub(crate) struct Flags {
    /// Install PostgreSQL's package first, if it isn't here; no server is started by it
    #[arg(long)]
    install_postgres: bool,
    /// Passed on to cargo test
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub(super) fn run(shell: &Shell, flags: &Flags) -> anyhow::Result<()> {
    // Before minutes of building.
    let missing = if flags.install_postgres { Missing::Install } else { Missing::Refuse };
    postgres::ensure(shell, missing)?;
    if cmd!(shell, "strace -V").quiet().ignore_stdout().ignore_stderr().run().is_err() {
        super::say(
            "left out: killing runs at every system call (needs strace; Debian: apt-get install strace)",
        );
    }
    let arguments = &flags.arguments;
    cmd!(shell, "cargo test --workspace --locked {arguments...}").run().context("the tests failed")
}
