//! Runs that fail: what stands afterwards, what is on record, and how it goes on.

mod foreign_keys;
mod record;
mod rollback;
mod rows;
mod segments;
mod shapes;
mod views;
mod writers;
