#![doc = include_str!("../README.md")]

mod command;
#[cfg(test)]
mod docs;
mod print;

use std::panic;
use std::process::ExitCode;

use portcullis_model::exit::Exit;

pub use command::Command;

/// Runs a command and says how it ended.
pub fn run(command: Command) -> ExitCode {
    // A bug is told in one line: where it is, and what it means for the database.
    panic::set_hook(Box::new(|info| {
        print::bug(&info.to_string());
    }));
    let exit = panic::catch_unwind(|| command::run(command)).unwrap_or({
        if portcullis_flow::has_begun() { Exit::NeedsPerson } else { Exit::Internal }
    });
    ExitCode::from(exit.code())
}
