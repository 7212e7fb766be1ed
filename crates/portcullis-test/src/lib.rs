#![doc = include_str!("../README.md")]

mod cases;
pub mod code;
mod report;
mod round_trip;
mod suite;

pub use cases::{Cases, CasesError, DIRECTORY};
pub use report::{CaseReport, EngineReport, MigrationReport, Problem, RoundTrip};
pub use suite::{Suite, Trips, run};
