//! What programs that are started here keep of our environment.

use std::ffi::OsString;

/// The rest may hold secrets, or `PG…`, which would change what the programs do.
const KEPT: [&str; 3] = ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"];

/// The variables that are kept and set.
pub(crate) fn kept() -> impl Iterator<Item = (&'static str, OsString)> {
    KEPT.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)))
}
