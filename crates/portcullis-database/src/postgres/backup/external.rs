//! A backup that a command of the user's takes, and another verifies.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use portcullis_model::redact;
use uuid::Uuid;

use super::child::{Capture, Child, Ended};
use super::{Facts, OPERATION, Source, snapshot};
use crate::backup::{Dump, VerifiedBackup, hash};
use crate::files::write_private;
use crate::seam::BackupRequest;
use crate::{Error, ErrorKind, Result};

/// Program and arguments of both. No shell reads them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Commands<'a> {
    pub(crate) command: &'a [String],
    pub(crate) verify: &'a [String],
}

/// How many lines of what the verifying command says are told.
const TOLD: usize = 5;

/// Has it taken and verified; what both said is kept as the backup's file.
pub(crate) fn back_up(
    source: &mut Source<'_>,
    request: BackupRequest<'_>,
    commands: Commands<'_>,
) -> Result<VerifiedBackup> {
    let started = Instant::now();
    let failed = |failure| crate::postgres::error(source.server, OPERATION, &failure);
    let seen = snapshot::take(source.conn, source.identity).map_err(failed)?;
    snapshot::release(source.conn).map_err(failed)?;
    let target = &source.target.name;
    let taken = said(commands.command, &run(commands.command, target, request.run)?);
    let verified = said(commands.verify, &run(commands.verify, target, request.run)?);
    let path = request.directory.join(request.name);
    let text = [&taken, &verified].map(|one| one.join("\n")).join("\n\n");
    write_private(&path, text.as_bytes())?;
    let written = hash(&path).map_err(|error| Error::io(OPERATION, &path, &error));
    let filed = written.and_then(|sha256| {
        let verified = verified.into_iter().take(TOLD + 1).collect();
        let facts = Facts { bytes: text.len() as u64, sha256, verified };
        let dump = Dump { database_bytes: seen.survey.bytes, ..Dump::default() };
        let mut sidecar = super::sidecar(source, request, &seen.survey, facts, dump);
        sidecar.milliseconds = started.elapsed().as_millis() as u64;
        super::write_sidecar(&path, &sidecar)?;
        Ok(VerifiedBackup::new(path.clone(), sidecar))
    });
    filed.inspect_err(|_| {
        // Without its sidecar it is no backup.
        let _ = fs::remove_file(&path);
    })
}

fn run(command: &[String], target: &str, run: Uuid) -> Result<Ended> {
    let (program, arguments) =
        command.split_first().map_or(("", &[][..]), |(first, rest)| (first, rest));
    let path = Path::new(program);
    let mut process = Command::new(program);
    process
        .args(arguments)
        .env("PORTCULLIS_TARGET", target)
        .env("PORTCULLIS_RUN", run.to_string())
        .stdin(Stdio::null());
    let ended = Child::start(process, Capture::Everything)
        .and_then(Child::finish)
        .map_err(|error| Error::io(OPERATION, path, &error).refused())?;
    if ended.status.success() {
        return Ok(ended);
    }
    let how = match ended.status.code() {
        Some(code) => format!("it ended with exit code {code}"),
        None => "it was killed".to_owned(),
    };
    let cause = match lines(&ended).last() {
        Some(last) => format!("{how}: {last}"),
        None => how,
    };
    let next = "run it by hand, or change the target's backup in portcullis.toml";
    Err(Error::new(ErrorKind::Failed, OPERATION, redact::path(path), cause, next))
}

/// The program's name, and what it said: without credentials, one printable line each.
fn said(command: &[String], ended: &Ended) -> Vec<String> {
    let program = command.first().map_or("", String::as_str);
    let head = format!("{} ended with exit code 0", redact::path(Path::new(program)));
    std::iter::once(head).chain(lines(ended)).collect()
}

fn lines(ended: &Ended) -> Vec<String> {
    let text = String::from_utf8_lossy(&ended.output);
    let lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
    lines.map(|line| redact::printable(&redact::urls(line)).into_owned()).collect()
}
