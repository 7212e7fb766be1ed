//! A verified backup of a PostgreSQL database: dumped, made durable, proved, and named.

pub(super) mod child;
pub(super) mod claim;
pub(super) mod compare;
pub(super) mod contents;
pub(super) mod dump;
pub(super) mod external;
pub(super) mod login;
pub(super) mod nature;
pub(super) mod powerless;
pub(super) mod readable;
pub(super) mod refill;
pub(super) mod scratch;
pub(super) mod snapshot;
pub(super) mod tools;
pub(super) mod trial;

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use portcullis_model::config::{BackupKind, ChannelBinding, Server, Target};
use portcullis_model::digest::Digest;
use portcullis_model::{redact, words};

use self::dump::{Dump, Rows};
use self::tools::Tools;
use self::trial::Trial;
use super::identity::Identity;
use super::link::conn::{Conn, Status};
use crate::backup::{self, Sidecar, VerifiedBackup, hash, sidecar_path};
use crate::files::{free_bytes, make_private_directory, sync_directory, write_private};
use crate::proof::Proof;
use crate::seam::{BackupRequest, Hindrance, Progress, Survey};
use crate::{Error, ErrorKind, Result};

pub(super) const OPERATION: &str = "back up the database";

/// What is backed up: a database, over the connection that holds the runner's lock.
pub(super) struct Source<'a> {
    /// Outside of a transaction.
    pub(super) conn: &'a mut Conn,
    pub(super) target: &'a Target,
    pub(super) server: &'a Server,
    pub(super) identity: &'a Identity,
}

/// Takes a backup of the committed state. Others go on reading and writing.
pub(super) fn back_up(
    mut source: Source<'_>,
    request: BackupRequest<'_>,
    progress: Progress<'_>,
) -> Result<VerifiedBackup> {
    prepare(request)?;
    if let BackupKind::Command { command, verify } = &source.server.backup {
        return external::back_up(&mut source, request, external::Commands { command, verify });
    }
    let tools = tools::find(&source.identity.version)?;
    with_tools(&mut source, &tools, request, progress)
}

/// The directory is there and private, and the name is free.
fn prepare(request: BackupRequest<'_>) -> Result<()> {
    make_private_directory(request.directory)?;
    let path = request.directory.join(request.name);
    refuse_existing(&[path.clone(), sidecar_path(&path), partial_of(&path)])
}

/// The backup with an installation that was chosen.
pub(super) fn with_tools(
    source: &mut Source<'_>,
    tools: &Tools,
    request: BackupRequest<'_>,
    progress: Progress<'_>,
) -> Result<VerifiedBackup> {
    let started = Instant::now();
    let path = request.directory.join(request.name);
    let partial = partial_of(&path);
    let failed = |failure| super::error(source.server, OPERATION, &failure);
    snapshot::end_orphans(source.conn).map_err(failed)?;
    // The claim on the name: whoever makes the directory has it.
    DirBuilder::new()
        .mode(0o700)
        .create(&partial)
        .map_err(|error| Error::io(OPERATION, &partial, &error))?;
    let made =
        dump_and_prove(source, tools, request, &partial, progress).and_then(|mut sidecar| {
            sidecar.milliseconds = started.elapsed().as_millis() as u64;
            publish(&partial, &path, &sidecar)?;
            Ok(VerifiedBackup::new(path.clone(), sidecar))
        });
    made.inspect_err(|_| {
        // Never mistaken for a backup: it has no sidecar. Leave no rubbish either, nor a
        // transaction.
        let _ = fs::remove_dir_all(&partial);
        if source.conn.status() != Status::Idle {
            let _ = snapshot::release(source.conn);
        }
    })
}

fn dump_and_prove(
    source: &mut Source<'_>,
    tools: &Tools,
    request: BackupRequest<'_>,
    partial: &Path,
    progress: Progress<'_>,
) -> Result<Sidecar> {
    let server = source.server;
    let failed = |failure| super::error(server, OPERATION, &failure);
    let io = |error: std::io::Error| Error::io(OPERATION, partial, &error);
    let snapshot = snapshot::take(source.conn, source.identity).map_err(failed)?;
    readable::check(source.conn, server)?;
    check_room(request.directory, snapshot.survey.bytes)?;
    let proof = if snapshot.survey.catalog.objects().is_empty() {
        Proof::Read("there is nothing of the application in it yet".to_owned())
    } else {
        trial::plan(server, tools, &source.identity.version, snapshot.survey.bytes)
    };
    let dump = Dump {
        server,
        tools,
        snapshot: &snapshot,
        application: &format!("{}{}", snapshot::APPLICATION, short(request.run)),
        directory: partial,
        rows: if proof.is_trial() { Rows::Counted } else { Rows::NotCounted },
    };
    let rows = dump::run(dump, source.conn, progress)?;
    let sha256 = hash(partial).map_err(io)?;
    let trial = Trial {
        directory: partial,
        snapshot: &snapshot,
        rows: &rows,
        tools,
        server,
        version: &source.identity.version,
        cluster: source.identity.cluster,
        run: request.run,
    };
    let binding = match server.channel_binding {
        ChannelBinding::Require => ", the host name and channel binding",
        ChannelBinding::Off => " and the host name",
    };
    let mut verified = vec![
        "SHA-256 of the bytes on disk".to_owned(),
        format!(
            "pg_dump {} can't pin: it checked the chain{binding}, and saw snapshot {} of the pinned connection",
            tools.version, snapshot.id
        ),
    ];
    verified.extend(trial::prove(proof, &trial)?);
    verified.extend(snapshot.survey.hindrances.iter().map(|hindrance| match hindrance {
        Hindrance::Filling(why) => format!("restoring it takes another role: {why}"),
        Hindrance::Swapping(why) => format!("restoring it isn't all: {why}"),
    }));
    let facts = Facts { bytes: dump::bytes(partial).map_err(io)?, sha256, verified };
    let dump = backup::Dump {
        version: Some(tools.version.clone()),
        snapshot: snapshot.id.clone(),
        rows,
        database_bytes: snapshot.survey.bytes,
        essence: Some(compare::essence(&snapshot.survey.catalog)),
        nature: Some(snapshot.nature.clone()),
    };
    Ok(sidecar(source, request, &snapshot.survey, facts, dump))
}

/// What is known of the bytes on disk.
pub(super) struct Facts {
    pub(super) bytes: u64,
    pub(super) sha256: Digest,
    pub(super) verified: Vec<String>,
}

pub(super) fn sidecar(
    source: &Source<'_>,
    request: BackupRequest<'_>,
    survey: &Survey,
    facts: Facts,
    dump: backup::Dump,
) -> Sidecar {
    Sidecar {
        format: 1,
        engine: "postgres".to_owned(),
        engine_version: source.identity.version.clone(),
        target: source.target.name.clone(),
        identity: survey.identity,
        run: request.run,
        created: humantime::format_rfc3339_millis(SystemTime::now()).to_string(),
        bytes: facts.bytes,
        sha256: facts.sha256,
        schema: survey.catalog.fingerprint(),
        applied: survey.applied.iter().map(|applied| applied.version.clone()).collect(),
        journal_mode: None,
        verified: facts.verified,
        foreign_key_violations: Vec::new(),
        milliseconds: 0,
        dump: Some(dump),
    }
}

/// The first digits of a run, as in the names of its files.
pub(super) fn short(run: uuid::Uuid) -> String {
    run.simple().to_string()[..8].to_owned()
}

fn partial_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    PathBuf::from(name)
}

fn refuse_existing(paths: &[PathBuf]) -> Result<()> {
    let Some(path) = paths.iter().find(|path| fs::symlink_metadata(path).is_ok()) else {
        return Ok(());
    };
    let cause = "there is a file of this name";
    let next = "move it away; a backup is never overwritten";
    Err(Error::new(ErrorKind::Refused, OPERATION, redact::path(path), cause, next))
}

/// A dump isn't larger than its database, nearly always by far.
fn check_room(directory: &Path, bytes: u64) -> Result<()> {
    let free = free_bytes(directory)?;
    if free >= bytes {
        return Ok(());
    }
    let cause =
        format!("{} may be needed and {} are free", words::bytes(bytes), words::bytes(free));
    let next = "free space there, or name another place for backups in portcullis.toml";
    Err(Error::new(ErrorKind::Refused, OPERATION, redact::path(directory), cause, next))
}

/// Gives the backup its name, and then the sidecar that makes it one.
fn publish(partial: &Path, path: &Path, sidecar: &Sidecar) -> Result<()> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    // A rename would replace an empty directory.
    refuse_existing(&[path.to_owned(), sidecar_path(path)])?;
    fs::rename(partial, path).map_err(|error| Error::io(OPERATION, path, &error))?;
    sync_directory(directory)
        .map_err(|error| Error::io(OPERATION, directory, &error))
        .and_then(|()| write_sidecar(path, sidecar))
        .inspect_err(|_| {
            let _ = fs::remove_dir_all(path);
        })
}

/// Writes down what is known of a backup, last of all.
pub(super) fn write_sidecar(path: &Path, sidecar: &Sidecar) -> Result<()> {
    let json = serde_json::to_vec_pretty(sidecar)
        .map_err(|error| Error::io(OPERATION, path, &std::io::Error::other(error)))?;
    write_private(&sidecar_path(path), &json)
}

#[cfg(test)]
mod tests;
