//! `cargo xtask`: the gate, and this repository's own chores.

mod chore;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    version,
    about = "The gate that every schema change passes through"
)]
struct Xtask {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[command(flatten)]
    Gate(portcullis::Command),
    #[command(flatten)]
    Chore(chore::Chore),
}

fn main() -> ExitCode {
    match portcullis::parse::<Xtask>() {
        Ok(Xtask { command: Command::Gate(command) }) => portcullis::run(command),
        Ok(Xtask { command: Command::Chore(chore) }) => chore::run(chore),
        Err(code) => code,
    }
}
