//! Keeping everybody out of a database while another takes its place.
//!
//! The fence outlives the process that raised it. Whoever finds it takes the fence's own
//! lock first, in the maintenance database: then whoever raised it is gone, and it can be
//! lifted.

use std::time::{Duration, Instant};

use portcullis_model::config::Server;

use super::fresh::{self, Fresh};
use crate::postgres::error;
use crate::postgres::link::conn::{Conn, Failure, literal, name};
use crate::postgres::link::connect::{self, Purpose};
use crate::{Error, ErrorKind, Result};

const OPERATION: &str = "keep others out of the database";

/// Databases that nearly every server has, to be connected to while the target's is out of
/// reach.
const MAINTENANCE: [&str; 2] = ["postgres", "template1"];

/// Half of the lock's key; the other half is the database's number.
const KEY: i32 = 0x706f_7274;

/// Whose session isn't ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Everybody goes.
    Nobody,
    /// All but the one with this number.
    Session(i32),
}

/// How long it is tried to lift a fence.
const LIFT: Duration = Duration::from_secs(60);

/// A database that refuses connections, until the fence is lifted.
pub(crate) struct Fence {
    /// Connected to the maintenance database.
    pub(crate) admin: Conn,
    database: String,
}

/// Connects to the server without the target's database.
pub(crate) fn administer(server: &Server) -> Result<Conn> {
    let mut refused = None;
    for database in MAINTENANCE.iter().filter(|name| **name != server.database) {
        match connect::connect_to(server, database, Purpose::Change) {
            Ok(conn) => return Ok(conn),
            // Advisory locks are a database's own: it isn't now this one and now that.
            Err(error) if error.kind == ErrorKind::Busy => return Err(error),
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    Err(refused.unwrap_or_else(|| error(server, OPERATION, &Failure::of("no other database"))))
}

/// Refuses new connections to a database. Those that exist go on until they are drained.
pub(crate) fn raise(server: &Server, database: &str, oid: u32) -> Result<Fence> {
    let mut admin = administer(server)?;
    take_lock(&mut admin, server, oid)?;
    allow(&mut admin, database, false).map_err(|failure| error(server, OPERATION, &failure))?;
    Ok(Fence { admin, database: database.to_owned() })
}

fn allow(admin: &mut Conn, database: &str, allowed: bool) -> Result<(), Failure> {
    admin.run(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS {allowed}", name(database)))
}

fn take_lock(admin: &mut Conn, server: &Server, oid: u32) -> Result<()> {
    let started = Instant::now();
    loop {
        let sql = format!("SELECT pg_catalog.pg_try_advisory_lock({KEY}, {})", oid.cast_signed());
        let row = admin.ask_one(&sql).map_err(|failure| error(server, OPERATION, &failure))?;
        if row.first().cloned().flatten().as_deref() == Some("t") {
            return Ok(());
        }
        if started.elapsed() > Duration::from_secs(4) {
            let cause = "another run is putting a database into its place";
            let next = "wait for that run to end, then try again";
            return Err(Error::new(ErrorKind::Busy, OPERATION, server.shown(), cause, next));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

impl Fence {
    /// Ends the sessions of others: idle ones at once, the rest when the time is over. What
    /// they had not committed, nobody was told of.
    pub(crate) fn drain(&mut self, keep: Keep, patience: Duration) -> Result<(), Failure> {
        let started = Instant::now();
        loop {
            let all = started.elapsed() > patience;
            if self.end_sessions(keep, all)? == 0 {
                return self.refuse_prepared();
            }
            if started.elapsed() > patience * 2 + Duration::from_secs(5) {
                return Err(Failure::of("other programs are connected and don't go"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// How many sessions there are that may write. Of another role's session nothing can be
    /// seen but whose it is, unless the role is allowed more; the server's own maintenance,
    /// which writes nobody's rows, is nobody's.
    fn end_sessions(&mut self, keep: Keep, all: bool) -> Result<usize, Failure> {
        let keep = match keep {
            Keep::Nobody => 0,
            Keep::Session(pid) => pid,
        };
        let ended = self.admin.ask(&format!(
            "SELECT CASE WHEN {all} OR state IN ('idle', 'idle in transaction', 'idle in transaction (aborted)')
                         THEN pg_catalog.pg_terminate_backend(pid) END
             FROM pg_catalog.pg_stat_activity
             WHERE datname = {} AND pid NOT IN ({keep}, pg_catalog.pg_backend_pid())
               AND usesysid IS NOT NULL",
            literal(&self.database)
        ));
        match ended {
            Ok(rows) => Ok(rows.len()),
            Err(failure) if failure.is_forbidden() => Err(Failure::of(
                "other roles are connected, and this role may not end their sessions \
                 (as a superuser: GRANT pg_signal_backend TO the role; a superuser's session only a superuser ends)",
            )),
            Err(failure) => Err(failure),
        }
    }

    /// A prepared transaction can be committed later: it is somebody's write.
    fn refuse_prepared(&mut self) -> Result<(), Failure> {
        let sql = format!(
            "SELECT 1 FROM pg_catalog.pg_prepared_xacts WHERE database = {}",
            literal(&self.database)
        );
        if self.admin.ask(&sql)?.is_empty() {
            return Ok(());
        }
        Err(Failure::of("a prepared transaction of another program is in it"))
    }

    /// Lets everybody in again; over a new connection, if this one is gone.
    pub(crate) fn lift(mut self, server: &Server) -> Result<(), Failure> {
        let started = Instant::now();
        loop {
            let lifted = allow(&mut self.admin, &self.database, true);
            if lifted.is_ok() || !self.admin.is_lost() || started.elapsed() > LIFT {
                return lifted;
            }
            // The network may be away for a moment: that shall not keep everybody out.
            std::thread::sleep(Duration::from_millis(500));
            if let Ok(admin) = administer(server) {
                self.admin = admin;
            }
        }
    }

    /// Puts `fresh` into the database's place, which is kept as `aside`: both or neither.
    pub(crate) fn swap(&mut self, fresh: &Fresh, aside: &str) -> Result<(), Failure> {
        let swapped = self.rename_both(fresh, aside);
        if swapped.is_err() && self.admin.is_lost() && self.has_taken_the_place(fresh) {
            return Ok(());
        }
        swapped?;
        // What was moved aside may be looked at. That it may not yet is no failure.
        let aside = name(aside);
        let _ = self.admin.run(&format!("ALTER DATABASE {aside} ALLOW_CONNECTIONS true"));
        Ok(())
    }

    fn rename_both(&mut self, fresh: &Fresh, aside: &str) -> Result<(), Failure> {
        let (database, other) = (name(&self.database), name(aside));
        let comment = self.admin.ask_one(&format!(
            "SELECT pg_catalog.shobj_description(oid, 'pg_database')
             FROM pg_catalog.pg_database WHERE datname = {}",
            literal(&self.database)
        ))?;
        let comment = comment.into_iter().next().flatten();
        let comment = comment.map_or_else(|| "NULL".to_owned(), |text| literal(&text));
        crate::postgres::link::transaction::together(&mut self.admin, |admin| {
            admin.run(&format!("ALTER DATABASE {database} RENAME TO {other}"))?;
            admin.run(&format!("ALTER DATABASE {} RENAME TO {database}", name(fresh.name())))?;
            admin.run(&format!("COMMENT ON DATABASE {database} IS {comment}"))
        })
    }

    /// Whether a swap whose answer was lost took effect.
    fn has_taken_the_place(&mut self, fresh: &Fresh) -> bool {
        let Ok(mut admin) = administer(fresh.server()) else { return false };
        let sql = format!(
            "SELECT 1 FROM pg_catalog.pg_database WHERE datname = {} AND oid = {}",
            literal(&self.database),
            fresh.oid
        );
        let found = admin.ask(&sql).is_ok_and(|rows| !rows.is_empty());
        self.admin = admin;
        found
    }
}

/// What is said where a fence couldn't be lifted.
pub(crate) fn stands(server: &Server, failure: &Failure) -> Error {
    let cause = format!("the database refuses connections, and can't be told not to: {failure}");
    let next = "cargo xtask migrate lets everybody in again, as soon as the server answers";
    Error::new(ErrorKind::Lost, "let connections in again", server.shown(), cause, next)
}

/// Lifts a fence that a run left which has died. Does nothing where the database takes
/// connections, or where something else than this tool refuses them: while this one does,
/// the database that shall take the place is there.
pub(crate) fn lift_left_over(server: &Server) -> Result<bool> {
    let mut admin = administer(server)?;
    let failed = |failure: Failure| error(server, "lift the fence of a run that died", &failure);
    let rows = admin
        .ask(&format!(
            "SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = {} AND NOT d.datallowconn",
            literal(&server.database)
        ))
        .map_err(failed)?;
    let Some(oid) = rows.first().and_then(|row| row.first()?.as_deref()?.parse().ok()) else {
        return Ok(false);
    };
    let waiting = admin
        .ask(&format!(
            "SELECT 1 FROM pg_catalog.pg_database d
             WHERE {} AND pg_catalog.shobj_description(d.oid, 'pg_database') = {}",
            fresh::is_waiting_name(server),
            literal(&fresh::waits(oid))
        ))
        .map_err(failed)?;
    if waiting.is_empty() {
        return Ok(false);
    }
    take_lock(&mut admin, server, oid)?;
    allow(&mut admin, &server.database, true).map_err(failed)?;
    Ok(true)
}
