//! What a build without PostgreSQL says of a PostgreSQL target.

use portcullis_model::config::{Server, Target};

use crate::drill::Drilled;
use crate::introduction::{Met, Shown};
use crate::scratch::{Lab, LabOptions, Scratch};
use crate::seam::{Overlay, Progress, Reader, Writer};
use crate::{Error, ErrorKind, Result, RunLock, VerifiedBackup};

fn absent<T>(server: &Server) -> Result<T> {
    missing("connect to the server", server.shown())
}

pub(crate) fn open_lab(_: &LabOptions) -> Result<Box<dyn Lab>> {
    missing("start a PostgreSQL for the tests", "this machine".to_owned())
}

pub(crate) fn open_copy(_: &VerifiedBackup, _: &LabOptions) -> Result<Box<dyn Scratch>> {
    missing("restore the backup for a test", "this machine".to_owned())
}

pub(crate) fn drill(_: &VerifiedBackup) -> Result<Drilled> {
    missing("try the backup out", "this machine".to_owned())
}

fn missing<T>(operation: &str, place: String) -> Result<T> {
    Err(Error::new(
        ErrorKind::Refused,
        operation,
        place,
        "this build of the gate has no PostgreSQL in it",
        "build it with the feature `postgres`: cargo run --package xtask --features postgres",
    ))
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

pub(crate) fn shake_hands(server: &Server) -> Result<Shown> {
    absent(server)
}

pub(crate) fn meet(server: &Server) -> Result<Met> {
    absent(server)
}
