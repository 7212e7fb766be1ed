//! A read-only look at a database.

use portcullis_model::config::{Server, Target};

use super::home::Home;
use super::identity::{self, Identity};
use super::link::conn::{Conn, Failure};
use super::link::connect::{self, Purpose};
use super::{catalog, error, ledger, roles, smoke, survey};
use crate::Result;
use crate::seam::{Faults, Reader, StoredReceipt, Survey, Table};

struct Look {
    server: Server,
    conn: Conn,
    identity: Identity,
}

pub(crate) fn open_reader(_: &Target, server: &Server) -> Result<Option<Box<dyn Reader>>> {
    let mut conn = connect::connect(server, Purpose::Look)?;
    let identity = identity::examine(&mut conn, server)?;
    Ok(Some(Box::new(Look { server: server.clone(), conn, identity })))
}

impl Reader for Look {
    fn survey(&mut self) -> Result<Survey> {
        survey::survey(&mut self.conn, &self.identity)
            .map_err(|failure| error(&self.server, "read the database", &failure))
    }

    fn receipts(&mut self) -> Result<Vec<StoredReceipt>> {
        receipts(&mut self.conn)
            .map_err(|failure| error(&self.server, "read the receipts", &failure))
    }

    fn columns(&mut self) -> Result<Vec<Table>> {
        catalog::columns(&mut self.conn)
            .map_err(|failure| error(&self.server, "read the columns", &failure))
    }

    fn faults(&mut self) -> Result<Option<Faults>> {
        let found = smoke::all_faults(&mut self.conn).map(Some);
        found.map_err(|failure| error(&self.server, "check the database", &failure))
    }

    fn others_who_may_change(&mut self) -> Result<Vec<String>> {
        roles::others(&mut self.conn)
            .map_err(|failure| error(&self.server, "look for other roles", &failure))
    }
}

fn receipts(conn: &mut Conn) -> Result<Vec<StoredReceipt>, Failure> {
    let home = Home::find(conn)?;
    ledger::receipts(conn, &home)
}
