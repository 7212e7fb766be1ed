//! Reading the record.

use portcullis_database::seam::StoredReceipt;
use portcullis_model::config::Target;
use portcullis_model::exit::Exit;
use portcullis_receipt::{Receipt, chain};

use crate::error::Stop;

/// A receipt as filed, and as read.
pub type Read = (StoredReceipt, Receipt);

/// All receipts of a target, oldest first, with their chain verified.
///
/// # Errors
/// There is no database, it can't be read, or the receipts are no chain.
pub fn read(target: &Target) -> Result<Vec<Read>, Stop> {
    let Some(mut reader) = portcullis_database::open_reader(target)? else {
        return Ok(Vec::new());
    };
    let stored = reader.receipts()?;
    let receipts = chain::verify(stored.iter().map(|stored| stored.body.as_str())).map_err(|broken| {
        Stop::new(
            Exit::Refused,
            "verify the receipts",
            &target.name,
            broken.to_string(),
            "compare with the files in the target's receipts directory: somebody changed the record",
        )
    })?;
    Ok(stored.into_iter().zip(receipts).collect())
}
