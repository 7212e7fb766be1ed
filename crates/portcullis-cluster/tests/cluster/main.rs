//! A cluster as its users have it, asked with PostgreSQL's own client.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

mod bad_certificates;
mod cache;
mod death;
mod kept;
mod refused;
mod running;
mod support;
