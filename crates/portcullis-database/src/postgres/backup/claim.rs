//! Databases of trial restores on a server where others work: whose they are, and which of
//! them have no run any more.

use super::snapshot;
use crate::postgres::link::conn::{Conn, Failure, literal, name};

/// What their names begin with; the first digits of a run follow.
pub(crate) const BEGINNING: &str = "portcullis_trial_";

/// The comment on one. A database of such a name without it is somebody else's.
const COMMENT: &str = "portcullis: a trial restore, gone when its run is";

/// "port" in ASCII.
const KEY: i32 = 0x706f_7274;

/// Takes the lock that says that the run of these digits is alive, before its database is
/// made. It goes with the session, however that ends.
pub(crate) fn take(admin: &mut Conn, digits: &str) -> Result<(), Failure> {
    let sql = format!("SELECT pg_catalog.pg_advisory_lock({KEY}, x'{digits}'::int)");
    admin.ask(&sql).map(drop)
}

/// Says on a database what it is.
pub(crate) fn mark(admin: &mut Conn, database: &str) -> Result<(), Failure> {
    admin.run(&format!("COMMENT ON DATABASE {} IS {}", name(database), literal(COMMENT)))
}

/// Removes those whose run is dead. The lock is seen from every database of the server.
pub(crate) fn remove_dead(admin: &mut Conn) -> Result<(), Failure> {
    let sql = format!(
        "SELECT d.datname FROM pg_catalog.pg_database d
         WHERE d.datname ~ '^{BEGINNING}[0-9a-f]{{8}}$'
           AND pg_catalog.shobj_description(d.oid, 'pg_database') = {}
           AND pg_catalog.pg_has_role(d.datdba, 'USAGE')
           AND NOT EXISTS (
               SELECT FROM pg_catalog.pg_locks l
               WHERE l.locktype = 'advisory' AND l.objsubid = 2 AND l.classid = {KEY}
                 AND l.objid::bigint = ('x' || pg_catalog.right(d.datname, 8))::bit(32)::bigint)",
        literal(COMMENT)
    );
    for dead in snapshot::names(admin, &sql)? {
        // A restore may go on for a moment when its run is killed: then it is for the next
        // trial.
        let _ = admin.run(&format!("DROP DATABASE IF EXISTS {}", name(&dead)));
    }
    Ok(())
}
