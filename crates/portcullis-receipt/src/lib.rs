#![doc = include_str!("../README.md")]

pub mod chain;
mod facts;
#[cfg(test)]
mod schema;
mod statement;

pub use facts::*;
pub use statement::*;
