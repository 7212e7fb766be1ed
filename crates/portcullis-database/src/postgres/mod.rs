//! PostgreSQL: the verbs of the seam, over one pinned connection that Diesel shares.

use portcullis_model::config::{Server, Target};

use crate::seam::{Overlay, Progress, Reader, Writer};
use crate::{Error, ErrorKind, Result, RunLock, VerifiedBackup};

fn absent<T>(server: &Server) -> Result<T> {
    Err(Error::new(ErrorKind::Refused, "connect", server.shown(), "not yet", "wait"))
}

pub(crate) fn open_reader(_: &Target, server: &Server) -> Result<Option<Box<dyn Reader>>> {
    absent(server)
}

pub(crate) fn open_writer(_: RunLock, server: &Server) -> Result<Box<dyn Writer>> {
    absent(server)
}

pub(crate) fn restore_anew(
    _: RunLock,
    server: &Server,
    _: &VerifiedBackup,
    _: Overlay<'_>,
    _: Progress<'_>,
) -> Result<(Vec<std::path::PathBuf>, Box<dyn Writer>)> {
    absent(server)
}
