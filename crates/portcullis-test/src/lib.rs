#![doc = include_str!("../README.md")]

mod cases;
mod report;
mod round_trip;
mod suite;

pub use cases::{Cases, CasesError, DIRECTORY};
pub use report::{CaseReport, EngineReport, MigrationReport, Outcome, Problem, RoundTrip};
pub use suite::{Suite, Trips, run};
