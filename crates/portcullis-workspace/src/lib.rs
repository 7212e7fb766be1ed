#![doc = include_str!("../README.md")]

pub mod accept;
mod application;
mod error;
pub mod files;
pub mod git;
pub mod hooks;
pub mod inspect;
pub mod mainline;
pub mod new;
pub mod rebase;
pub mod source;
mod version;

pub use error::Error;

/// Where the cases of migrations are, below the workspace's root: one directory for each
/// migration, of the same name, whatever the engine.
pub const CASES: &str = "tests/migrations";
