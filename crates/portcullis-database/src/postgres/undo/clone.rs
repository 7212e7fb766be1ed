//! A copy of the database on its own server, made before a run: it takes the place again in
//! a moment.
//!
//! The server copies a database only while nobody is connected to it. The fence keeps
//! everybody out for as long as that takes, this session included.

use portcullis_model::config::Server;
use uuid::Uuid;

use super::fence::{self, Fence, Keep};
use super::fresh::{Fresh, create};
use super::{foreign, names, settings};
use crate::Result;
use crate::postgres::link::conn::{Conn, Failure, literal, name};
use crate::postgres::{Session, error};

const OPERATION: &str = "copy the database on its server";

/// Above this size the server copies files instead of writing every page into its log.
const FILES_FROM: u64 = 128 << 20;

/// Makes the copy, and begins to watch for others' writes from before it is let in again.
pub(crate) fn make(session: &mut Session, run: Uuid) -> Result<Fresh> {
    let server = session.server.clone();
    // Whoever finds the fence of a run that died knows by this one whose it is.
    let mut marker = create(&server, &server.database, run)?;
    let mut fence = fence::raise(&server, &server.database, session.identity.oid)?;
    let copied = copy(session, &mut fence, run);
    if let Err(failure) = fence.lift(&server) {
        // By it the next run knows whose fence it is.
        marker.stays();
        return Err(fence::stands(&server, &failure));
    }
    session.reconnect()?;
    let (clone, numbers) = copied.map_err(|failure| error(&server, OPERATION, &failure))?;
    let slot = session.slot(run);
    session.watch = foreign::since(&mut session.conn, numbers, slot).ok();
    drop(marker);
    if let Some(watch) = &mut session.watch {
        watch.saw_a_number();
    }
    Ok(clone)
}

fn copy(
    session: &Session,
    fence: &mut Fence,
    run: Uuid,
) -> Result<(Fresh, foreign::Numbers), Failure> {
    let server = &session.server;
    let clone = names::beside(&server.database, names::BEFORE, run);
    fence.drain(Keep::Nobody, session.target.lock_wait)?;
    let admin = &mut fence.admin;
    let strategy = strategy(admin, server)?;
    admin.run(&format!(
        "CREATE DATABASE {} TEMPLATE {}{strategy}",
        name(&clone),
        name(&server.database)
    ))?;
    let fresh = Fresh::made(server, admin, clone)?;
    settings::carry_over(admin, &server.database, fresh.name())?;
    Ok((fresh, foreign::numbers(admin)?))
}

/// Servers of version 15 or newer have the choice.
fn strategy(admin: &mut Conn, server: &Server) -> Result<&'static str, Failure> {
    let row = admin.ask_one(&format!(
        "SELECT pg_catalog.current_setting('server_version_num')::int >= 150000
            AND pg_catalog.pg_database_size({}) >= {FILES_FROM}",
        literal(&server.database)
    ))?;
    let files = row.first().cloned().flatten().as_deref() == Some("t");
    Ok(if files { " STRATEGY FILE_COPY" } else { "" })
}
