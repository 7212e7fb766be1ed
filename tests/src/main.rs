//! The gate as another workspace's `xtask` has it: what the end-to-end tests run.

use clap::Parser;

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Xtask {
    #[command(subcommand)]
    command: portcullis::Command,
}

fn main() -> std::process::ExitCode {
    portcullis::parse::<Xtask>().map_or_else(|code| code, |xtask| portcullis::run(xtask.command))
}
