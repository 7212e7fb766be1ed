//! `test-migration`: migrations proved by their cases, and by round trips besides, against
//! applying the same migrations once: with Diesel's own harness, which on SQLite syncs each of
//! them to the disk as a user of Diesel has it, and as the gate's own tests apply them, where
//! nothing is synced. The goals are meant beside Diesel.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use xshell::cmd;

use super::Bench;
use super::measure::{Pairs, Sample, run};
use super::table::Line;

/// How many migrations.
const NUMBERS: [&str; 3] = ["100", "300", "1000"];

/// What the gate does, and how many times the others' time it may take.
const PROOFS: [(&str, f64); 2] = [("cases", 2.6), ("round-trips", 5.5)];

/// What it is held against.
const OTHERS: [(&str, &str); 2] = [("diesel", ""), ("straight", ", beside our own apply")];

/// How many times the ratio of few migrations that of many may be.
const GROWTH: f64 = 1.1;

/// How many times what inserting the same rows by one statement a table takes messy rows may take.
const MESSY: f64 = 3.0;

pub(super) fn figures(bench: &Bench<'_>) -> anyhow::Result<Vec<Line>> {
    let program = build(bench)?;
    let program = program.to_string_lossy();
    // A database's file is where the others' would be.
    let _place = bench.shell.push_env("TMPDIR", &bench.directory);
    let directory = &bench.directory;
    cmd!(bench.shell, "chmod 1777 {directory}").quiet().run()?;
    let rounds = bench.rounds.unwrap_or(5).to_string();
    let mut lines = Vec::new();
    for engine in ["sqlite", "postgres"] {
        let command = [&*program, engine, &rounds, "1"];
        let command: Vec<&str> = command.into_iter().chain(NUMBERS).collect();
        let (_, printed) = run(bench, &command)?;
        for (proof, goal) in PROOFS {
            for (other, words) in OTHERS {
                let mut ratios = Vec::new();
                for number in NUMBERS {
                    let pairs = pairs(&printed, number, proof, other)?;
                    let figure = format!("{proof} of {number}, {engine}{words}");
                    ratios.push(pairs.ratios()[1]);
                    lines.push(Line::time(&figure, &pairs, goal));
                }
                if let [first, .., last] = ratios[..] {
                    let figure = format!("{proof}, {engine}: 1000's ratio by 100's{words}");
                    lines.push(Line::ratio(&figure, last / first, GROWTH));
                }
            }
        }
    }
    let printed = messy_rows(bench)?;
    for engine in ["sqlite", "postgres"] {
        let pairs = pairs(&printed, engine, "messy", "plain")?;
        let figure = format!("1000 messy rows a table, {engine}, beside one INSERT a table");
        lines.push(Line::time(&figure, &pairs, MESSY));
    }
    Ok(lines)
}

/// What making and offering rows costs beside inserting those that are taken, as a test of the
/// crate prints it: what makes them is its own affair.
fn messy_rows(bench: &Bench<'_>) -> anyhow::Result<String> {
    let shell = bench.shell;
    let target = bench.gate.ancestors().nth(2).context("the target directory")?;
    let _target = shell.push_env("CARGO_TARGET_DIR", target);
    let _there = shell.push_dir(&bench.root);
    let package = ["--package=portcullis-test", "--features=postgres", "--lib"];
    let only = ["--ignored", "--nocapture", "a_thousand_rows_beside_one_statement_a_table"];
    Ok(cmd!(shell, "cargo test --release --locked {package...} -- {only...}").read()?)
}

/// What the program has printed of two sides.
fn pairs(printed: &str, number: &str, ours: &str, theirs: &str) -> anyhow::Result<Pairs> {
    let side = |side: &str| {
        let head = format!("{number} {side} ");
        let seconds = printed.lines().filter_map(|line| line.strip_prefix(&head));
        let samples = seconds.map(|seconds| {
            let took = Duration::try_from_secs_f64(seconds.parse()?)?;
            Ok(Sample { took, peak_kib: 0 })
        });
        samples.collect::<anyhow::Result<Vec<_>>>()
    };
    let (ours, theirs) = (side(ours)?, side(theirs)?);
    let rounds = u32::try_from(ours.len().min(theirs.len()))?;
    anyhow::ensure!(rounds > 0, "nothing was printed of {number}");
    let (mut ours, mut theirs) = (ours.into_iter(), theirs.into_iter());
    let (ours, theirs) = (|| ours.next().context("no more"), || theirs.next().context("no more"));
    Pairs::take(rounds, false, ours, theirs)
}

/// Built apart from the gate: it calls what the command calls.
fn build(bench: &Bench<'_>) -> anyhow::Result<PathBuf> {
    let shell = bench.shell;
    let target = bench.gate.ancestors().nth(2).context("the target directory")?;
    let _target = shell.push_env("CARGO_TARGET_DIR", target);
    let _there = shell.push_dir(&bench.root);
    let example = ["--package=portcullis-test", "--features=postgres", "--example=cost"];
    cmd!(shell, "cargo build --release --locked {example...}").run()?;
    Ok(target.join("release/examples/cost"))
}
