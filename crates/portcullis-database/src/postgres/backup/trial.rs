//! The proof of a backup: it is restored where nothing depends on it, and compared with
//! what was dumped; or else it is read whole.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use portcullis_model::catalog::{Catalog, Object, ObjectKind};
use portcullis_model::config::Server;
use portcullis_model::redact;
use portcullis_model::words::count;
use tempfile::NamedTempFile;
use uuid::Uuid;

use super::child::{Capture, Child, Ended};
use super::compare::{self, Writing};
use super::contents::{self, Chosen, Grants, Without};
use super::dump::jobs;
use super::login::{Login, Way};
use super::scratch::{self, Kind, Scratch};
use super::snapshot;
use super::snapshot::Snapshot;
use super::tools::{self, Tools};
use crate::postgres::catalog;
use crate::postgres::link::conn::{Conn, Failure};
use crate::postgres::link::connect::{self, Purpose};
use crate::proof::Proof;
use crate::seam::Progress;
use crate::{Error, ErrorKind, Result, VerifiedBackup};

const OPERATION: &str = "prove the backup";

/// A dump, and what it must hold.
pub(crate) struct Trial<'a> {
    pub(crate) directory: &'a Path,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) rows: &'a BTreeMap<String, u64>,
    pub(crate) tools: &'a Tools,
    /// The server that was dumped.
    pub(crate) server: &'a Server,
    /// Its version.
    pub(crate) version: &'a str,
    /// Its system identifier.
    pub(crate) cluster: u64,
    pub(crate) run: Uuid,
}

/// How a dump will be proved, as far as it is known before there is one.
pub(crate) fn plan(server: &Server, tools: &Tools, version: &str, bytes: u64) -> Proof {
    let proof = Proof::of_server(server, bytes);
    let local = tools.binaries.version();
    if proof == Proof::Throwaway && local.major < tools::major(version) {
        return Proof::Read(format!(
            "this machine's PostgreSQL is {local}, and the server is {version}"
        ));
    }
    proof
}

/// Proves it; the lines say how.
pub(crate) fn prove(proof: Proof, trial: &Trial<'_>) -> Result<Vec<String>> {
    let mut scratch = match (&proof, &trial.server.scratch) {
        (Proof::Throwaway, _) => scratch::throwaway(trial.tools)?,
        (Proof::Scratch(_), Some(server)) => scratch::named(server, trial.cluster)?,
        _ => {
            read_whole(trial)?;
            return Ok(vec![proof.describe()]);
        }
    };
    if let Some(why) = scratch.lacks(&trial.snapshot.nature)? {
        read_whole(trial)?;
        return Ok(vec![Proof::Read(why).describe()]);
    }
    restore_and_compare(&proof, trial, &mut scratch)
}

/// Decompresses every table. What is cut short is found; a flipped bit, by the checksum
/// that each compressed file has.
fn read_whole(trial: &Trial<'_>) -> Result<()> {
    let mut command = bare(trial.tools);
    command.arg("--file=/dev/null").arg(trial.directory);
    run(trial.server, trial.tools, command)
}

/// `pg_restore` without a server.
fn bare(tools: &Tools) -> Command {
    let mut command = Command::new(tools.program("pg_restore"));
    command.env_clear().env("LC_ALL", "C").stdin(Stdio::null()).stdout(Stdio::null());
    command
}

fn restore_and_compare(
    proof: &Proof,
    trial: &Trial<'_>,
    scratch: &mut Scratch,
) -> Result<Vec<String>> {
    let database = scratch.make(&trial.snapshot.nature, trial.run)?;
    let way = Way {
        server: &scratch.server,
        database: &database,
        address: scratch.admin.facts().address,
        application: "portcullis trial",
        tools: trial.tools,
    };
    let login = Login::new(way)?;
    let policies = scratch.without_roles(&trial.snapshot.nature)?;
    let grants = match scratch.kind {
        Kind::Throwaway if !trial.snapshot.nature.passed_on => Grants::Made,
        _ => Grants::LeftOut,
    };
    let mut chosen = choose(trial, scratch.kind, grants, &policies)?;
    let mut command = login.command(&trial.tools.program("pg_restore"));
    command
        .args(["--exit-on-error", "--no-tablespaces", "--no-security-labels"])
        .arg(format!("--jobs={}", jobs(trial.snapshot.survey.bytes)))
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
    command.arg(trial.directory);
    run(trial.server, trial.tools, command)?;
    let mut restored = connect::connect_to(&scratch.server, &database, Purpose::Look)?;
    let (schema, rows) = holds(&mut restored)
        .map_err(|failure| crate::postgres::error(&scratch.server, OPERATION, &failure))?;
    compare_with(trial, scratch, (&schema, &rows), &policies)?;
    let total: u64 = rows.values().sum();
    let without = match chosen.left_out.as_slice() {
        [] => String::new(),
        all => format!(", without {}", all.join(", ")),
    };
    let mut lines = vec![format!(
        "{}, with foreign keys and checks: {}, {}, schema as dumped{without}",
        proof.describe(),
        count(rows.len(), "table"),
        count(usize::try_from(total).unwrap_or(usize::MAX), "row")
    )];
    if trial.snapshot.nature.materialized {
        lines.push("materialized views are computed anew by a restore, not copied".to_owned());
    }
    Ok(lines)
}

/// Writes down what of the dump is restored.
fn choose(
    trial: &Trial<'_>,
    kind: Kind,
    grants: Grants,
    policies: &BTreeMap<String, String>,
) -> Result<Selection> {
    let io = |error: std::io::Error| Error::io(OPERATION, &std::env::temp_dir(), &error);
    let all = NamedTempFile::new().map_err(io)?;
    let mut command = bare(trial.tools);
    command.arg("--list").arg("--file").arg(all.path()).arg(trial.directory);
    run(trial.server, trial.tools, command)?;
    let made = trial.snapshot.nature.extensions.iter();
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

/// Compares a restored database with what the sidecar says of the one that was backed up.
pub(crate) fn compare(conn: &mut Conn, backup: &VerifiedBackup) -> Result<(), String> {
    let (schema, rows) = holds(conn).map_err(|failure| failure.to_string())?;
    let sidecar = backup.sidecar();
    let dump = sidecar.dump.clone().unwrap_or_default();
    if let Some(found) = compare::rows(&dump.rows, &rows) {
        return Err(redact::printable(&found).into_owned());
    }
    let same = schema.fingerprint() == sidecar.schema
        || dump.essence.is_some_and(|essence| essence == compare::essence(&schema));
    if same { Ok(()) } else { Err("its schema isn't the one that was backed up".to_owned()) }
}

/// What a database holds, in one snapshot.
fn holds(conn: &mut Conn) -> Result<(Catalog, BTreeMap<String, u64>), Failure> {
    conn.run("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")?;
    let held = (catalog::catalog(conn)?, snapshot::rows(conn)?);
    snapshot::release(conn)?;
    Ok(held)
}

fn compare_with(
    trial: &Trial<'_>,
    scratch: &mut Scratch,
    (schema, rows): (&Catalog, &BTreeMap<String, u64>),
    policies: &BTreeMap<String, String>,
) -> Result<()> {
    let there = snapshot::names(&mut scratch.admin, "SHOW server_version")
        .map_err(|failure| crate::postgres::error(&scratch.server, OPERATION, &failure))?;
    let same =
        there.first().is_some_and(|there| tools::major(there) == tools::major(trial.version));
    let writing = if same { Writing::Alike } else { Writing::Different };
    let is_restored = |object: &&Object| {
        object.kind != ObjectKind::Policy || !policies.values().any(|name| *name == object.name)
    };
    let dumped = trial.snapshot.survey.catalog.objects().iter().filter(is_restored);
    let dumped = Catalog::new(dumped.cloned());
    let found =
        compare::rows(trial.rows, rows).or_else(|| compare::schema(&dumped, schema, writing));
    let Some(found) = found else { return Ok(()) };
    let cause = format!("what was restored isn't what was dumped: {}", redact::printable(&found));
    let next = "run it again; if it stays so, report it and name another way for backups";
    Err(Error::new(ErrorKind::Failed, OPERATION, trial.server.shown(), cause, next))
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
