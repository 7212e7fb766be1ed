//! `cargo xtask ci`: what continuous integration runs, in the order of what fails fastest.

use anyhow::Context as _;
use xshell::{Shell, cmd};

pub(super) fn run(shell: &Shell) -> anyhow::Result<()> {
    cmd!(shell, "cargo fmt --all -- --check").run().context("run cargo fmt")?;
    cmd!(shell, "cargo clippy --workspace --all-targets --locked -- -D warnings").run()?;
    {
        let _flags = shell.push_env("RUSTDOCFLAGS", "-D warnings");
        cmd!(shell, "cargo doc --workspace --no-deps --locked").run()?;
    }
    super::test::run(shell, &super::test::Flags::default())
}
