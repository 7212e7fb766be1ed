#![doc = include_str!("../README.md")]

mod adopt;
mod cases;
pub mod code;
mod coverage;
mod field;
mod messy;
mod quick;
mod report;
mod round_trip;
mod selection;
mod shares;
mod suite;

pub use adopt::{Adopted, Rewritten, adopt};
pub use cases::{Cases, CasesError, DIRECTORY};
pub use coverage::{Coverage, EngineMigrations, Uncovered, uncovered};
pub use field::{Back, Field, FieldMigration, FieldReport, FieldTable, on_field_data};
pub use messy::Messy;
pub use report::{
    CaseReport, EngineReport, Found, MessyReport, MessyTable, MigrationReport, Problem, Report,
    RoundTrip,
};
pub use selection::{Selection, Which};
pub use suite::{Answers, Progress, Suite, Watch, run};
