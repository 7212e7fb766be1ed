#![doc = include_str!("../README.md")]

pub mod chain;
mod statement;

pub use statement::*;
