//! End-to-end tests: the gate as a program, on real SQLite files.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it had to leave out"
)]

mod bad_input;
mod daily;
mod failure;
mod git;
mod house;
mod kill;
mod lint;
mod restore;
mod story;
mod support;
