#![doc = include_str!("../README.md")]

pub mod accept;
mod error;
mod files;
pub mod new;
pub mod rebase;
mod version;

pub use error::{Error, ErrorKind};

/// Where the cases of migrations are, below the workspace's root: one directory for each
/// migration, of the same name, whatever the engine.
pub const CASES: &str = "tests/migrations";
