#![doc = include_str!("../README.md")]

mod cases;
mod messy;
mod report;
mod round_trip;
mod suite;

pub use cases::{Cases, CasesError, DIRECTORY};
pub use messy::Messy;
pub use report::{
    CaseReport, EngineReport, MessyReport, MessyTable, MigrationReport, Problem, RoundTrip,
};
pub use suite::{Suite, Trips, run};
