#![doc = include_str!("../README.md")]

mod command;
#[cfg(test)]
mod docs;
mod print;
mod rebuild;

use std::panic;
use std::process::ExitCode;

use portcullis_model::exit::Exit;

pub use command::Command;

/// Parses the command line, or prints the help or what is wrong with it. What was typed is
/// echoed without the credentials that a URL in it may hold. With nothing typed, the daily
/// loop is printed.
///
/// # Errors
/// The code to exit with.
pub fn parse<P: clap::Parser>() -> Result<P, ExitCode> {
    command::remember::<P>();
    if std::env::args_os().len() <= 1 {
        print::text(print::LOOP);
        return Err(ExitCode::SUCCESS);
    }
    P::try_parse().map_err(|error| {
        print::usage(&error);
        ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Exit::Usage.code()))
    })
}

/// Runs a command and says how it ended.
pub fn run(command: Command) -> ExitCode {
    // A bug is told in one line: where it is, and what it means for the database.
    panic::set_hook(Box::new(|info| {
        print::bug(&info.to_string());
    }));
    rebuild::hand_over(&command);
    let exit = panic::catch_unwind(|| command::run(command)).unwrap_or({
        if portcullis_flow::has_begun() { Exit::NeedsPerson } else { Exit::Internal }
    });
    ExitCode::from(exit.code())
}
