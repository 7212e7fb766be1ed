//! `cargo xtask docs`: writes the pages that are made from the code.

use anyhow::Context as _;
use xshell::{Shell, cmd};

pub(super) fn run(shell: &Shell) -> anyhow::Result<()> {
    let _update = shell.push_env("PORTCULLIS_UPDATE_DOCS", "1");
    cmd!(shell, "cargo test --quiet --locked -p portcullis -p portcullis-receipt")
        .run()
        .context("the pages couldn't be written")?;
    cmd!(shell, "cargo test --quiet --locked -p portcullis-tests --test e2e transcript")
        .run()
        .context("docs/daily-loop.md couldn't be played")
}
