//! End-to-end tests: the gate as a program, on real SQLite files.

mod bad_input;
mod failure;
mod kill;
mod restore;
mod story;
mod support;
