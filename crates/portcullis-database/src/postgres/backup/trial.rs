//! The proof of a backup: it is restored where nothing depends on it, and compared with
//! what was dumped; or else it is read whole.

use std::collections::BTreeMap;
use std::path::Path;

use portcullis_model::catalog::{Catalog, Object, ObjectKind};
use portcullis_model::config::Server;
use portcullis_model::redact;
use portcullis_model::words::count;
use uuid::Uuid;

use super::compare::{self, Writing};
use super::refill::{self, Dumped};
use super::scratch::{self, Scratch};
use super::snapshot;
use super::snapshot::Snapshot;
use super::tools::{self, Tools};
use crate::postgres::catalog;
use crate::postgres::link::conn::{Conn, Failure};
use crate::postgres::link::connect::{self, Purpose};
use crate::proof::Proof;
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
            refill::read_whole(trial.directory, trial.server, trial.tools)?;
            return Ok(vec![proof.describe()]);
        }
    };
    if let Some(why) = scratch.lacks(&trial.snapshot.nature)? {
        refill::read_whole(trial.directory, trial.server, trial.tools)?;
        return Ok(vec![Proof::Read(why).describe()]);
    }
    restore_and_compare(&proof, trial, &mut scratch)
}

fn restore_and_compare(
    proof: &Proof,
    trial: &Trial<'_>,
    scratch: &mut Scratch,
) -> Result<Vec<String>> {
    let restored = refill::onto(
        scratch,
        &Dumped {
            directory: trial.directory,
            nature: &trial.snapshot.nature,
            bytes: trial.snapshot.survey.bytes,
            server: trial.server,
            tools: trial.tools,
            run: trial.run,
        },
    )?;
    let mut conn = connect::connect_to(&scratch.server, &restored.database, Purpose::Look)?;
    let (schema, rows) = holds(&mut conn)
        .map_err(|failure| crate::postgres::error(&scratch.server, OPERATION, &failure))?;
    compare_with(trial, scratch, (&schema, &rows), &restored.policies)?;
    let total: u64 = rows.values().sum();
    let without = match restored.left_out.as_slice() {
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

/// Compares a restored database with what the sidecar says of the one that was backed up. The
/// rows of each table.
pub(crate) fn compare(
    conn: &mut Conn,
    backup: &VerifiedBackup,
) -> Result<BTreeMap<String, u64>, String> {
    let (schema, rows) = holds(conn).map_err(|failure| failure.to_string())?;
    let sidecar = backup.sidecar();
    let dump = sidecar.dump.clone().unwrap_or_default();
    if let Some(found) = compare::rows(&dump.rows, &rows) {
        return Err(redact::printable(&found).into_owned());
    }
    let same = schema.fingerprint() == sidecar.schema
        || dump.essence.is_some_and(|essence| essence == compare::essence(&schema));
    if same { Ok(rows) } else { Err("its schema isn't the one that was backed up".to_owned()) }
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
