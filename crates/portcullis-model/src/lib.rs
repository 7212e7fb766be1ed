#![doc = include_str!("../README.md")]

pub mod catalog;
pub mod config;
pub mod digest;
pub mod exit;
pub mod migration;
pub mod plan;
pub mod redact;
pub mod smoke;
pub mod sql;
pub mod sum;
pub mod tree;
pub mod words;
