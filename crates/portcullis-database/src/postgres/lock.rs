//! One runner at a time: an advisory lock of the session, which the server lets go
//! however the session ends.

use std::time::{Duration, Instant};

use portcullis_model::config::Server;

use super::link::conn::{Conn, Failure};
use crate::{Error, ErrorKind, Result};

/// "portcull" in ASCII; within a database, nothing else should use it.
const KEY: i64 = 0x706f_7274_6375_6c6c;

/// A runner that was killed is noticed by its server within a second or two.
const PATIENCE: Duration = Duration::from_secs(4);

/// Makes this session the database's only runner.
pub(super) fn take(conn: &mut Conn, server: &Server) -> Result<()> {
    const OPERATION: &str = "take the runner's lock";
    let started = Instant::now();
    let fail = |failure: Failure| {
        let next = "see the server's log";
        Error::new(ErrorKind::Refused, OPERATION, server.shown(), failure.to_string(), next)
    };
    loop {
        let row = conn.ask_one(&format!("SELECT pg_catalog.pg_try_advisory_lock({KEY})"));
        if row.map_err(fail)?.first().cloned().flatten().as_deref() == Some("t") {
            return Ok(());
        }
        if started.elapsed() > PATIENCE {
            let cause = match holder(conn) {
                Some(holder) => format!("another run holds it ({holder})"),
                None => "another run holds it".to_owned(),
            };
            let next = "wait for that run to end, then try again";
            return Err(Error::new(ErrorKind::Busy, OPERATION, server.shown(), cause, next));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Whether this session still holds it: a migration can let go of it.
pub(super) fn is_held(conn: &mut Conn) -> Result<bool, Failure> {
    let rows = conn.ask(&format!("{HOLDERS} AND l.pid = pg_catalog.pg_backend_pid()"))?;
    Ok(!rows.is_empty())
}

/// Who holds the lock, for people.
pub(super) fn holder(conn: &mut Conn) -> Option<String> {
    let rows = conn.ask(HOLDERS).ok()?;
    let [pid, since, from] = <[Option<String>; 3]>::try_from(rows.into_iter().next()?).ok()?;
    let from = from.map_or_else(String::new, |from| format!(" from {from}"));
    Some(format!("server process {}{from}, since {}", pid?, since.unwrap_or_default()))
}

/// An advisory lock of one number shows its halves.
const HOLDERS: &str = "SELECT l.pid, a.backend_start, a.client_addr FROM pg_catalog.pg_locks l
    LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
      AND l.classid = 1886351988 AND l.objid = 1668639852
      AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())";
