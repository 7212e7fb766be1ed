//! Restoring a dump: into an empty database of a scratch server, or of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use portcullis_model::config::Server;
use tempfile::NamedTempFile;
use uuid::Uuid;

use super::child::{Capture, Child, Ended};
use super::contents::{self, Chosen, Grants, Without};
use super::dump::jobs;
use super::login::{Login, Way};
use super::scratch::{Kind, Scratch};
use super::snapshot;
use super::tools::{self, Tools};
use crate::nature::Nature;
use crate::postgres::link::connect::{self, Purpose};
use crate::seam::Progress;
use crate::{Error, ErrorKind, Result, VerifiedBackup};

const OPERATION: &str = "restore the backup";

/// A dump, and what a server must have for it.
#[derive(Clone, Copy)]
pub(crate) struct Dumped<'a> {
    pub(crate) directory: &'a Path,
    pub(crate) nature: &'a Nature,
    /// The size of the database that it is of.
    pub(crate) bytes: u64,
    /// The server that errors speak of.
    pub(crate) server: &'a Server,
    pub(crate) tools: &'a Tools,
    pub(crate) run: Uuid,
}

/// What was restored on a scratch server.
pub(crate) struct Restored {
    pub(crate) database: String,
    /// What of the dump wasn't restored, in words.
    pub(crate) left_out: Vec<String>,
    /// The policies that weren't, by number.
    pub(crate) policies: BTreeMap<String, String>,
}

/// Restores a dump into a new database of a scratch server, which has what it needs.
pub(crate) fn onto(scratch: &mut Scratch, dumped: &Dumped<'_>) -> Result<Restored> {
    let database = scratch.make(dumped.nature, dumped.run)?;
    let way = Way {
        server: &scratch.server,
        database: &database,
        address: scratch.admin.facts().address,
        application: "portcullis trial",
        tools: dumped.tools,
    };
    let login = Login::new(way)?;
    let policies = scratch.without_roles(dumped.nature)?;
    let grants = match scratch.kind {
        Kind::Throwaway if !dumped.nature.passed_on => Grants::Made,
        _ => Grants::LeftOut,
    };
    let mut chosen = choose(dumped, scratch.kind, grants, &policies)?;
    let mut command = login.command(&dumped.tools.program("pg_restore"));
    command
        .args(["--exit-on-error", "--no-tablespaces", "--no-security-labels"])
        .arg(format!("--jobs={}", jobs(dumped.bytes)))
        .arg("--use-list")
        .arg(chosen.list.path());
    if grants == Grants::LeftOut {
        command.arg("--no-privileges");
    }
    match scratch.kind {
        // The roles aren't there, and are nothing to make on somebody's server.
        Kind::Named => drop(command.arg("--no-owner")),
        Kind::Throwaway if grants == Grants::LeftOut => {
            chosen.left_out.push("grants, as some were passed on".to_owned());
        }
        Kind::Throwaway => {}
    }
    command.arg(dumped.directory);
    run(dumped.server, dumped.tools, command)?;
    Ok(Restored { database, left_out: chosen.left_out, policies })
}

/// Decompresses every table. What is cut short is found; a flipped bit, by the checksum
/// that each compressed file has.
pub(crate) fn read_whole(directory: &Path, server: &Server, tools: &Tools) -> Result<()> {
    let mut command = bare(tools);
    command.arg("--file=/dev/null").arg(directory);
    run(server, tools, command)
}

/// `pg_restore` without a server.
fn bare(tools: &Tools) -> Command {
    let mut command = Command::new(tools.program("pg_restore"));
    command.env_clear().env("LC_ALL", "C").stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// Writes down what of the dump is restored.
fn choose(
    dumped: &Dumped<'_>,
    kind: Kind,
    grants: Grants,
    policies: &BTreeMap<String, String>,
) -> Result<Selection> {
    let io = |error: std::io::Error| Error::io(OPERATION, &std::env::temp_dir(), &error);
    let all = NamedTempFile::new().map_err(io)?;
    let mut command = bare(dumped.tools);
    command.arg("--list").arg("--file").arg(all.path()).arg(dumped.directory);
    run(dumped.server, dumped.tools, command)?;
    let made = dumped.nature.extensions.iter();
    let schemas: Vec<String> = match kind {
        Kind::Throwaway => made.map(|extension| extension.schema_oid.clone()).collect(),
        Kind::Named => Vec::new(),
    };
    let policies: Vec<String> = policies.keys().cloned().collect();
    let listing = fs::read(all.path()).map_err(io)?;
    let without = Without { schemas: &schemas, policies: &policies, grants, kind };
    let Chosen { list, left_out } = contents::choose(&String::from_utf8_lossy(&listing), without);
    fs::write(all.path(), list).map_err(io)?;
    Ok(Selection { list: all, left_out })
}

/// What of a dump is restored, in a file.
struct Selection {
    list: NamedTempFile,
    left_out: Vec<String>,
}

/// Restores a backup into an empty database of the server that it was taken of, owners and
/// rights included.
pub(crate) fn fill(
    server: &Server,
    database: &str,
    backup: &VerifiedBackup,
    progress: Progress<'_>,
) -> Result<()> {
    let mut conn = connect::connect_to(server, database, Purpose::Look)?;
    let version = snapshot::names(&mut conn, "SHOW server_version")
        .map_err(|failure| crate::postgres::error(server, OPERATION, &failure))?;
    let tools = tools::find(version.first().map_or("", String::as_str))?;
    let address = conn.facts().address;
    let login = Login::new(Way {
        server,
        database,
        address,
        application: "portcullis restore",
        tools: &tools,
    })?;
    let total = backup.sidecar().database_bytes();
    progress(0, total);
    let mut command = login.command(&tools.program("pg_restore"));
    command.arg("--exit-on-error").arg(format!("--jobs={}", jobs(total))).arg(backup.path());
    run(server, &tools, command)?;
    progress(total, total);
    Ok(())
}

fn run(server: &Server, tools: &Tools, command: Command) -> Result<()> {
    let program = tools.program("pg_restore");
    let ended: Ended = Child::start(command, Capture::Errors)
        .and_then(Child::finish)
        .map_err(|error| Error::io(OPERATION, &program, &error))?;
    if ended.status.success() {
        return Ok(());
    }
    let cause = format!("it can't be restored: pg_restore: {}", ended.why());
    let next = "see the cause; a server like the target's can be named for it: scratch. Nothing was changed";
    Err(Error::new(ErrorKind::Failed, OPERATION, server.shown(), cause, next))
}
