#![doc = include_str!("../README.md")]

mod cases;
pub mod code;
mod correct;
mod messy;
mod report;
mod round_trip;
mod suite;

pub use cases::{Cases, CasesError, DIRECTORY};
pub use correct::{Disagreement, agreed, corrected};
pub use messy::Messy;
pub use report::{
    CaseReport, EngineReport, MessyReport, MessyTable, MigrationReport, Outcome, Problem, RoundTrip,
};
pub use suite::{Expected, Suite, Trips, run};
