//! `pg_dump` of a snapshot into a directory, several tables at a time.

use std::collections::BTreeMap;
use std::fs::{self, DirEntry, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{io, thread};

use portcullis_model::config::Server;
use portcullis_model::redact;

use super::child::{Capture, Child};
use super::login::{Login, Way};
use super::snapshot::{self, Snapshot};
use super::tools::Tools;
use crate::files::sync_directory;
use crate::postgres::link::conn::{Conn, Failure};
use crate::seam::Progress;
use crate::{Error, ErrorKind, Result};

const OPERATION: &str = "back up the database";

/// The level of zlib: more takes twice the time and saves a thirtieth of the space.
const COMPRESSION: &str = "--compress=1";

/// More sessions than this are no faster, and the server has others to serve.
const JOBS_MAX: usize = 4;

/// What is dumped, and how.
#[derive(Clone, Copy)]
pub(crate) struct Dump<'a> {
    pub(crate) server: &'a Server,
    pub(crate) tools: &'a Tools,
    pub(crate) snapshot: &'a Snapshot,
    /// The name of its sessions.
    pub(crate) application: &'a str,
    /// Where to: an empty directory.
    pub(crate) directory: &'a Path,
    pub(crate) rows: Rows,
}

/// Whether the rows of every table are counted meanwhile, in the same snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rows {
    Counted,
    NotCounted,
}

/// Dumps, and makes what was written durable. The transaction that holds the snapshot is
/// ended as soon as the dump's own sessions hold it; with the rows that it counted.
pub(crate) fn run(
    dump: Dump<'_>,
    conn: &mut Conn,
    progress: Progress<'_>,
) -> Result<BTreeMap<String, u64>> {
    let address = conn.facts().address;
    let way = Way {
        server: dump.server,
        database: &dump.server.database,
        address,
        application: dump.application,
        tools: dump.tools,
    };
    let login = Login::new(way)?;
    let program = dump.tools.program("pg_dump");
    let mut child = start(&dump, &login, &program)
        .map_err(|error| Error::io(OPERATION, &program, &error).refused())?;
    let over = AtomicBool::new(false);
    let (counted, waited) = thread::scope(|scope| {
        let counted = scope.spawn(|| {
            let counted = hold(conn, &dump, &over);
            if counted.is_err() {
                over.store(true, Ordering::Relaxed);
            }
            counted
        });
        let waited = wait(&mut child, &dump, &over, progress);
        over.store(true, Ordering::Relaxed);
        (counted.join(), waited)
    });
    let failed = |failure: &Failure| crate::postgres::error(dump.server, OPERATION, failure);
    let counted = counted
        .unwrap_or_else(|_| Err(Failure::of("counting the rows failed")))
        .map_err(|f| failed(&f))?;
    waited.map_err(|error| Error::io(OPERATION, dump.directory, &error))?;
    let ended = child.finish().map_err(|error| Error::io(OPERATION, &program, &error))?;
    if !ended.status.success() {
        return Err(refused(dump.server, &ended.why()));
    }
    make_durable(dump.directory).map_err(|error| Error::io(OPERATION, dump.directory, &error))?;
    Ok(counted)
}

fn start(dump: &Dump<'_>, login: &Login, program: &Path) -> io::Result<Child> {
    let mut command = login.command(program);
    command
        .args(["--format=directory", "--no-sync", COMPRESSION])
        .arg(format!("--jobs={}", jobs(dump.snapshot.survey.bytes)))
        .arg(format!("--snapshot={}", dump.snapshot.id))
        .arg(format!("--lock-wait-timeout={}", dump.server.lock_timeout.as_millis().max(1)))
        .arg("--file")
        .arg(dump.directory);
    Child::start(command, Capture::Errors)
}

/// How many sessions do the work. For little of it a second one costs more than it does.
pub(crate) fn jobs(bytes: u64) -> usize {
    const LITTLE: u64 = 32 << 20;
    let jobs = thread::available_parallelism().map_or(1, usize::from).min(JOBS_MAX);
    if bytes < LITTLE { 1 } else { jobs }
}

/// Keeps the snapshot until it is shared, and counts rows in it.
fn hold(
    conn: &mut Conn,
    dump: &Dump<'_>,
    over: &AtomicBool,
) -> Result<BTreeMap<String, u64>, Failure> {
    let counted = match dump.rows {
        Rows::Counted => snapshot::rows(conn)?,
        Rows::NotCounted => BTreeMap::new(),
    };
    // The leader, and its workers.
    let jobs = jobs(dump.snapshot.survey.bytes);
    let sessions = if jobs == 1 { 1 } else { jobs + 1 };
    snapshot::wait_until_shared(conn, dump.application, sessions, over)?;
    snapshot::release(conn)?;
    Ok(counted)
}

/// Waits for the end, or until it is `over` because the snapshot is lost.
fn wait(
    child: &mut Child,
    dump: &Dump<'_>,
    over: &AtomicBool,
    progress: Progress<'_>,
) -> io::Result<()> {
    let total = dump.snapshot.survey.bytes;
    while !child.has_ended()? && !over.load(Ordering::Relaxed) {
        progress(bytes(dump.directory)?.min(total), total);
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// The size of what is in a directory.
pub(crate) fn bytes(directory: &Path) -> io::Result<u64> {
    // A file may be renamed or go while it is looked at.
    let size = |entry: io::Result<DirEntry>| Ok(entry?.metadata().map_or(0, |file| file.len()));
    fs::read_dir(directory)?.map(size).sum()
}

/// Syncs every file once, and their names. A sync that fails is never tried again: the
/// system may have thrown away what it couldn't write, and a second one would succeed.
fn make_durable(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let file = File::open(entry?.path())?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.sync_all()?;
    }
    sync_directory(directory)
}

fn refused(server: &Server, why: &str) -> Error {
    let cause = format!("pg_dump: {}", redact::printable(why));
    let next = if why.contains("lock timeout") || why.contains("could not obtain lock") {
        "something holds a lock on a table; run it again when it is done"
    } else if why.contains("certificate") || why.contains("SSL") {
        "the server's certificate isn't what it was a moment ago: find out who answers there"
    } else if why.contains("permission denied") || why.contains("row-level security") {
        "let the role read everything: GRANT pg_read_all_data, BYPASSRLS"
    } else {
        "see the cause; nothing was changed"
    };
    Error::new(ErrorKind::Failed, OPERATION, server.shown(), cause, next)
}
