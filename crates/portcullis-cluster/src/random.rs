//! What nobody else on the machine can guess.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::error::{Error, Result};

/// So many bytes from the system.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N]> {
    let source = Path::new("/dev/urandom");
    let mut bytes = [0; N];
    File::open(source)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(|error| Error::io("read random bytes", source, &error))?;
    Ok(bytes)
}

/// A password: 192 bits, in characters that no quoting changes.
pub(crate) fn password() -> Result<String> {
    Ok(bytes::<24>()?.iter().map(|byte| format!("{byte:02x}")).collect())
}
