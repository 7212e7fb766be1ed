//! Wrong, missing, foreign and hostile input: it is refused with the right code, and the
//! database isn't touched.

// Clippy knows only functions with #[test] as tests; these have helpers and tables.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

mod configuration;
mod database;
mod disk;
mod history;
mod identity;
mod migrations;
mod names;
mod protected;
mod runners;
mod smoke_files;
