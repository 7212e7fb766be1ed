//! End-to-end tests: the gate as a program, on real SQLite files and a real PostgreSQL
//! server with TLS.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it had to leave out"
)]

mod bad_input;
mod conformance;
mod daily;
mod doctor;
mod failure;
mod git;
mod house;
mod kill;
mod lint;
mod messy;
mod postgres;
mod restore;
mod story;
mod support;
mod test_migration;
