//! `cold-build`: what the first `cargo xtask` of a fresh checkout builds, against what
//! installing the Diesel CLI builds. No downloads: they'd measure the network.

use super::measure::{Pairs, run};
use super::table::Line;
use super::{Bench, empty};

pub(super) fn figure(bench: &Bench<'_>) -> anyhow::Result<Vec<Line>> {
    let shell = bench.shell;
    let (ours, theirs) = (bench.directory.join("ours"), bench.directory.join("theirs"));
    // There, both have this repository's toolchain.
    let _here = shell.push_dir(&bench.root);
    let _offline = shell.push_env("CARGO_NET_OFFLINE", "true");
    let pairs = Pairs::take(
        bench.rounds.unwrap_or(1),
        false,
        || {
            empty(&ours)?;
            let _target = shell.push_env("CARGO_TARGET_DIR", &ours);
            let command = ["cargo", "build", "--locked", "--package=xtask"];
            run(bench, &command).map(|(sample, _)| sample)
        },
        || {
            empty(&theirs)?;
            let _target = shell.push_env("CARGO_TARGET_DIR", theirs.join("target"));
            let root = format!("--root={}", theirs.join("root").display());
            let features = ["--no-default-features", "--features=sqlite-bundled"];
            let command = ["cargo", "install", "diesel_cli", features[0], features[1], &root];
            run(bench, &command).map(|(sample, _)| sample)
        },
    )?;
    Ok(vec![Line::time("cold-build", &pairs, 1.0)])
}
