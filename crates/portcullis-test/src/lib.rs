#![doc = include_str!("../README.md")]

mod adopt;
mod cases;
mod coverage;
mod report;
mod round_trip;
mod selection;
mod suite;

pub use adopt::{Adopted, Rewritten, adopt};
pub use cases::{Cases, CasesError, DIRECTORY};
pub use coverage::{Coverage, EngineMigrations, Uncovered, uncovered};
pub use report::{CaseReport, EngineReport, Found, MigrationReport, Problem, Report, RoundTrip};
pub use selection::{Selection, Which};
pub use suite::{Answers, Progress, Suite, Watch, run};
