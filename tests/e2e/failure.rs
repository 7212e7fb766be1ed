//! Runs that fail: what stands afterwards, what is on record, and how it goes on.

// Clippy knows only functions with #[test] as tests; these have helpers and tables.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

mod foreign_keys;
mod record;
mod rollback;
mod rows;
mod segments;
mod shapes;
mod views;
mod writers;
