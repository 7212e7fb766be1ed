//! Whether a backup comes back: it is put back where nobody needs it, read whole, and compared
//! with what was backed up.

use crate::{Result, VerifiedBackup, postgres, sqlite};

/// What came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drilled {
    /// How many tables there are.
    pub tables: usize,
    /// How many rows they hold.
    pub rows: u64,
}

/// Restores a backup and looks at it. Nothing stays of it.
///
/// # Errors
/// It can't be restored, or what came back isn't what was backed up.
pub fn drill(backup: &VerifiedBackup) -> Result<Drilled> {
    match backup.sidecar().engine.as_str() {
        "postgres" => postgres::drill(backup),
        _ => sqlite::drill(backup),
    }
}
