#![doc = include_str!("../README.md")]

mod acceptance;
pub mod backup;
mod carry_out;
mod describe;
pub mod doctor;
pub mod drift;
mod error;
mod estimate;
mod hindrance;
mod intent;
pub mod migrate;
pub mod named;
mod observe;
mod origin;
mod protected;
pub mod receipts;
mod record;
pub mod recover;
pub mod redo;
pub mod restore;
mod retention;
pub mod schema_file;
mod settle;
pub mod stage;
pub mod status;
mod steps;
pub mod target_add;
mod undo;

pub use error::Stop;
pub use estimate::Estimate;
pub use observe::Observer;
pub use protected::protected;
pub use record::Filed;

use std::sync::atomic::{AtomicBool, Ordering};

static BEGUN: AtomicBool = AtomicBool::new(false);

/// Whether this process has begun to change a database: after that, a bug isn't harmless,
/// and the exit code has to say so.
pub fn has_begun() -> bool {
    BEGUN.load(Ordering::Relaxed)
}

pub(crate) fn begun() {
    BEGUN.store(true, Ordering::Relaxed);
}
