//! A database beside the target's own: made by the gate, to take its place.

use portcullis_model::config::Server;
use portcullis_model::redact;
use uuid::Uuid;

use super::{fence, names, settings};
use crate::postgres::error;
use crate::postgres::link::conn::{Conn, Failure, literal, name};
use crate::{Error, ErrorKind, Result};

const OPERATION: &str = "make a database beside";

/// The comment on a database of the gate's own that waits to take the place. One that a dead
/// run left is known by it.
const WAITS: &str = "portcullis: made by a run of the gate, and gone when that run is";

/// The comment on one that waits to take the place of the database with this number.
pub(crate) fn waits(of: u32) -> String {
    format!("{WAITS} (for database {of})")
}

/// A condition on `d.datname`: a name that a run gives to a database which waits.
pub(crate) fn is_waiting_name(server: &Server) -> String {
    let beginning = names::beginning(&server.database, names::FRESH);
    format!(
        "pg_catalog.starts_with(d.datname, {}) AND pg_catalog.substr(d.datname, {}) ~ '^[0-9a-f]{{8}}$'",
        literal(&beginning),
        beginning.chars().count() + 1
    )
}

/// A database that waits to take the place.
pub(crate) struct Fresh {
    name: String,
    pub(crate) oid: u32,
    server: Server,
    /// Whether it goes with this value.
    goes: bool,
}

impl Fresh {
    /// One that was just made.
    pub(crate) fn made(server: &Server, admin: &mut Conn, fresh: String) -> Result<Self, Failure> {
        let oid = oid_of(admin, &fresh)?;
        let made = Self { name: fresh, oid, server: server.clone(), goes: true };
        // Where there is no database to take the place of, there is nothing to tell it by.
        let of = oid_of(admin, &server.database).unwrap_or_default();
        let comment = literal(&waits(of));
        admin.run(&format!("COMMENT ON DATABASE {} IS {comment}", name(&made.name)))?;
        Ok(made)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// It has taken the place.
    pub(crate) fn is_placed(&mut self) {
        self.goes = false;
    }

    /// It is left where it is, with its comment.
    pub(crate) fn stays(&mut self) {
        self.goes = false;
    }

    /// Leaves it for a person; says where.
    pub(crate) fn keep(&mut self) -> String {
        const KEPT: &str = "portcullis: the state from before a run that failed";
        self.goes = false;
        let comment = format!("COMMENT ON DATABASE {} IS {}", name(&self.name), literal(KEPT));
        // If it couldn't be said, the next run takes it for a dead run's.
        let said =
            fence::administer(&self.server).is_ok_and(|mut admin| admin.run(&comment).is_ok());
        let shown = redact::printable(&self.name);
        if said {
            format!("; the copy from before the run is kept as {shown}")
        } else {
            format!("; the copy from before the run is {shown} until the next run")
        }
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        // A copy of a copy: no evidence.
        if self.goes
            && let Ok(mut admin) = fence::administer(&self.server)
        {
            let _ = admin.run(&format!("DROP DATABASE IF EXISTS {}", name(&self.name)));
        }
    }
}

/// Makes an empty one, like the target's own.
pub(crate) fn create(server: &Server, like: &str, run: Uuid) -> Result<Fresh> {
    let fresh = names::beside(&server.database, names::FRESH, run);
    let mut admin = fence::administer(server)?;
    let failed = |failure: Failure| error(server, OPERATION, &failure).refused();
    refuse_without_right(&mut admin, server)?;
    settings::create_like(&mut admin, like, &fresh).map_err(failed)?;
    Fresh::made(server, &mut admin, fresh).map_err(failed)
}

fn refuse_without_right(admin: &mut Conn, server: &Server) -> Result<()> {
    let row = admin.ask_one(
        "SELECT rolcreatedb OR rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user",
    );
    let may = row.map_err(|failure| error(server, OPERATION, &failure).refused())?;
    if may.first().cloned().flatten().as_deref() == Some("t") {
        return Ok(());
    }
    let cause = "the role may not create databases, and one is needed beside";
    let next = format!("as a superuser: ALTER ROLE {} CREATEDB", name(&server.user));
    Err(Error::new(ErrorKind::Refused, OPERATION, server.shown(), cause, next))
}

fn oid_of(admin: &mut Conn, database: &str) -> Result<u32, Failure> {
    let sql =
        format!("SELECT oid FROM pg_catalog.pg_database WHERE datname = {}", literal(database));
    let row = admin.ask_one(&sql)?;
    let oid = row.first().cloned().flatten().and_then(|oid| oid.parse().ok());
    oid.ok_or_else(|| Failure::of("the server gave no number"))
}

/// Removes what runs that died have left half filled beside the database. The runner's lock
/// is held: no other run of this database is alive. A copy from before a run stays: a person
/// may need it.
pub(crate) fn remove_left_over(conn: &mut Conn, server: &Server, oid: u32) -> Result<(), Failure> {
    let rows = conn.ask(&format!(
        "SELECT d.datname FROM pg_catalog.pg_database d
         WHERE {} AND pg_catalog.shobj_description(d.oid, 'pg_database') = {}",
        is_waiting_name(server),
        literal(&waits(oid))
    ))?;
    for left in rows.into_iter().filter_map(|row| row.into_iter().next().flatten()) {
        // Somebody may be looking at it: then it is for the next run.
        let _ = conn.run(&format!("DROP DATABASE IF EXISTS {}", name(&left)));
    }
    Ok(())
}
