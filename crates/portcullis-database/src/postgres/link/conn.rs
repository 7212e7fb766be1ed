//! One connection, which Diesel and the gate's own statements share.

use std::net::IpAddr;

use diesel::connection::{Connection as _, SimpleConnection as _};
use diesel_async::AsyncPgConnection;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use portcullis_model::config::Pin;
use portcullis_model::redact;
use tokio::runtime::Runtime;

use super::certificate::Certificate;
use super::quote::hide_quoted;
pub(crate) use super::quote::{literal, name, qualified};
use super::wire::{Ear, Listen};
pub(crate) use super::wire::{Row, Status};

/// What Diesel sees of the connection.
pub(crate) type Diesel = AsyncConnectionWrapper<AsyncPgConnection>;

/// Has only the server's own objects found.
pub(crate) const ONLY_THE_SERVERS: &str = "SET search_path = pg_catalog";

/// Why a statement failed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Failure {
    /// The server's SQLSTATE; none where the error isn't the server's.
    pub(crate) code: Option<String>,
    /// The server's message, without its DETAIL: that holds row values.
    pub(crate) message: String,
    /// The connection ended with it.
    pub(crate) lost: bool,
}

impl Failure {
    /// One that isn't the server's.
    pub(crate) fn of(message: &str) -> Self {
        Self { message: message.to_owned(), ..Self::default() }
    }

    fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    /// The role lacks a right.
    pub(crate) fn is_forbidden(&self) -> bool {
        self.is("42501")
    }

    /// A lock wasn't to be had in `lock_timeout`.
    pub(crate) fn is_lock_timeout(&self) -> bool {
        self.is("55P03")
    }

    /// It took longer than `statement_timeout`, or was cancelled.
    pub(crate) fn is_statement_timeout(&self) -> bool {
        self.is("57014")
    }

    /// Two sessions waited for each other.
    pub(crate) fn is_deadlock(&self) -> bool {
        self.is("40P01")
    }

    /// Another session's commit was in the way.
    pub(crate) fn is_serialization(&self) -> bool {
        self.is("40001")
    }

    /// The connection is gone.
    pub(crate) fn is_connection(&self) -> bool {
        self.lost || self.code.as_deref().is_some_and(|code| code.starts_with("08"))
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let message = match &self.code {
            // What is wrong with a value, the server says with the value.
            Some(code) if code.starts_with("22") => hide_quoted(&self.message),
            _ => self.message.clone(),
        };
        f.write_str(&redact::printable(&redact::urls(&message)))?;
        self.code.as_ref().map_or(Ok(()), |code| write!(f, " ({})", redact::printable(code)))
    }
}

/// A connection to a server that was checked. What it is dropped with, the server rolls
/// back.
pub(crate) struct Conn {
    diesel: Diesel,
    ear: Ear,
    facts: Facts,
    /// What `RESET ALL` loses, as statements.
    settings: String,
    /// The role's own `search_path`: for migrations and the user's queries.
    search_path: String,
    /// It drives the connection, and goes after it.
    _runtime: Runtime,
}

/// What is known of a connection from its making.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    /// What the server has shown.
    pub(crate) certificate: Certificate,
    /// Which of the configured pins it has.
    pub(crate) pin: Option<Pin>,
    /// The address in use, one of the host's.
    pub(crate) address: IpAddr,
    /// The login is bound to the TLS connection.
    pub(crate) channel_binding: bool,
}

impl Conn {
    /// Over a client that is logged in; the runtime drives it.
    pub(crate) fn new(client: AsyncPgConnection, runtime: Runtime, ear: Ear, facts: Facts) -> Self {
        // Without it the wrapper would make a runtime of its own.
        let entered = runtime.enter();
        let diesel = Diesel::from(client);
        drop(entered);
        Self {
            diesel,
            ear,
            facts,
            settings: String::new(),
            search_path: String::new(),
            _runtime: runtime,
        }
    }

    /// Runs statements, one or many; many are one transaction where none is open.
    pub(crate) fn run(&mut self, sql: &str) -> Result<(), Failure> {
        self.send(sql, Listen::Errors)
    }

    /// The rows of the last statement that has some.
    pub(crate) fn ask(&mut self, sql: &str) -> Result<Vec<Row>, Failure> {
        self.send(sql, Listen::Rows)?;
        Ok(self.ear.heard().rows.take().unwrap_or_default())
    }

    /// The only row.
    pub(crate) fn ask_one(&mut self, sql: &str) -> Result<Row, Failure> {
        let mut rows = self.ask(sql)?;
        match (rows.pop(), rows.len()) {
            (Some(row), 0) => Ok(row),
            (None, _) => Err(Failure::of("the server gave no row where one was asked for")),
            (Some(_), more) => {
                Err(Failure::of(&format!("the server gave {} rows for one", more + 1)))
            }
        }
    }

    /// Runs many statements in one message. Of each that was done its rows, if it can have
    /// some; and why the next one failed.
    pub(crate) fn ask_each(&mut self, sql: &str) -> (Vec<Option<Vec<Row>>>, Option<Failure>) {
        let failure = self.send(sql, Listen::Each).err();
        (self.ear.heard().each.take().unwrap_or_default(), failure)
    }

    fn send(&mut self, sql: &str, listen: Listen) -> Result<(), Failure> {
        self.ear.forget(listen);
        let result = self.diesel.batch_execute(sql);
        let Err(error) = result else { return Ok(()) };
        self.ear.heard().rows = None;
        Err(self.last_failure().unwrap_or_else(|| Failure {
            lost: self.is_lost(),
            // Diesel's own words; the server's would have been heard.
            ..Failure::of(&error.to_string())
        }))
    }

    /// For Diesel's own statements and its migration harness.
    pub(crate) fn diesel(&mut self) -> &mut Diesel {
        self.ear.forget(Listen::Errors);
        &mut self.diesel
    }

    /// What the server last refused since [`Conn::diesel`], or the last statement.
    pub(crate) fn last_failure(&self) -> Option<Failure> {
        let heard = self.ear.heard();
        let said = heard.error.clone()?;
        let lost = heard.ended || said.fatal;
        Some(Failure { code: Some(said.code), message: said.message, lost })
    }

    /// Whether the connection is gone.
    pub(crate) fn is_lost(&self) -> bool {
        let heard = self.ear.heard();
        heard.ended || heard.error.as_ref().is_some_and(|said| said.fatal)
    }

    /// Whether a transaction is open, as the server says.
    pub(crate) fn status(&self) -> Status {
        self.ear.status()
    }

    /// Has Diesel forget its transactions, after the server was told to end them.
    pub(crate) fn forget_transactions(&mut self) {
        *self.diesel.transaction_state() = Default::default();
    }

    /// Settings that this connection keeps for itself; see [`Conn::settle`].
    pub(crate) fn keep_setting(&mut self, sql: &str) -> Result<(), Failure> {
        self.run(sql)?;
        self.settings.push_str(sql);
        self.settings.push(';');
        Ok(())
    }

    /// From now on only the server's own functions and operators are found by their names:
    /// whoever may make an operator in a schema of the role's path would otherwise have the
    /// gate call it.
    pub(crate) fn find_only_the_servers(&mut self) -> Result<(), Failure> {
        let row = self.ask_one("SHOW search_path")?;
        self.search_path = row.into_iter().next().flatten().unwrap_or_default();
        self.keep_setting(ONLY_THE_SERVERS)
    }

    /// Has names found as the application finds them, for a migration or a query of the user's.
    pub(crate) fn as_application(&mut self) -> Result<(), Failure> {
        let sql = self.application_path();
        self.run(&sql)
    }

    /// The statement that does it.
    pub(crate) fn application_path(&self) -> String {
        let path = literal(&self.search_path);
        format!("SELECT pg_catalog.set_config('search_path', {path}, false)")
    }

    /// Asks where names are found as the application finds them. The question must be one
    /// that calls nothing by a bare name, and no operator.
    pub(crate) fn ask_as_application(&mut self, sql: &str) -> Result<Vec<Row>, Failure> {
        let application = self.application_path();
        self.ask(&format!("{application}; {sql}; {ONLY_THE_SERVERS}"))
    }

    /// What [`Conn::settle`] runs.
    pub(crate) fn settings(&self) -> &str {
        &self.settings
    }

    /// Sets again what the connection needs and `RESET ALL` has lost.
    pub(crate) fn settle(&mut self) -> Result<(), Failure> {
        let sql = self.settings.clone();
        self.run(&sql)
    }

    /// How the server was checked.
    pub(crate) fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The number of the server's process, as the login told it.
    pub(crate) fn backend_pid(&self) -> i32 {
        self.ear.heard().backend.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
