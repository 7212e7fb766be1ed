//! Reading from real repositories, made by the git program.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod branch;
mod repository;
mod search;
mod support;
mod tree;
