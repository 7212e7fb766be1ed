//! A connection of its own to a test's database, for code of whoever wrote the test.

/// Diesel's own connection to SQLite.
pub use diesel::SqliteConnection;
use diesel::connection::SimpleConnection as _;
use portcullis_model::config::Engine;

#[cfg(feature = "postgres")]
use crate::postgres::{Conn, Diesel, Status};
use crate::scratch::Refused;

/// A Diesel connection to PostgreSQL without libpq: `diesel-async`'s, behind Diesel's own
/// blocking traits.
#[cfg(feature = "postgres")]
pub type PgConnection = Diesel;

/// A connection that is handed out, and taken back. The migrations run over another one: what
/// is done to this one, or put in its place, is nothing to them.
pub struct Client(Inner);

enum Inner {
    Sqlite(SqliteConnection),
    #[cfg(feature = "postgres")]
    Postgres(Box<Conn>),
}

/// A type of connection that a test can ask for.
pub trait Handed: Sized + sealed::Sealed {
    /// The engine it is of.
    const ENGINE: Engine;

    /// The connection, if it is of this engine.
    fn of(client: &mut Client) -> Option<&mut Self>;
}

impl Handed for SqliteConnection {
    const ENGINE: Engine = Engine::Sqlite;

    fn of(client: &mut Client) -> Option<&mut Self> {
        match &mut client.0 {
            Inner::Sqlite(diesel) => Some(diesel),
            #[cfg(feature = "postgres")]
            Inner::Postgres(_) => None,
        }
    }
}

#[cfg(feature = "postgres")]
impl Handed for PgConnection {
    const ENGINE: Engine = Engine::Postgres;

    fn of(client: &mut Client) -> Option<&mut Self> {
        match &mut client.0 {
            Inner::Sqlite(_) => None,
            Inner::Postgres(conn) => Some(conn.diesel()),
        }
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::SqliteConnection {}
    #[cfg(feature = "postgres")]
    impl Sealed for super::PgConnection {}
}

impl Client {
    pub(crate) fn sqlite(diesel: SqliteConnection) -> Self {
        Self(Inner::Sqlite(diesel))
    }

    #[cfg(feature = "postgres")]
    pub(crate) fn postgres(conn: Conn) -> Self {
        Self(Inner::Postgres(Box::new(conn)))
    }

    /// Ends it.
    ///
    /// # Errors
    /// It has a transaction open, whose work ends with it, or it was lost meanwhile.
    pub fn close(self) -> Result<(), Refused> {
        let left = || Err(Refused::of("it left a transaction open: what was done in it is gone"));
        match self.0 {
            // SQLite has no transaction in a transaction.
            Inner::Sqlite(mut diesel) => match diesel.batch_execute("BEGIN; ROLLBACK") {
                Ok(()) => Ok(()),
                Err(_) => left(),
            },
            #[cfg(feature = "postgres")]
            Inner::Postgres(conn) if conn.is_lost() => {
                Err(Refused { lost: true, ..Refused::of("it lost its connection") })
            }
            #[cfg(feature = "postgres")]
            Inner::Postgres(conn) if conn.status() == Status::Idle => Ok(()),
            #[cfg(feature = "postgres")]
            Inner::Postgres(_) => left(),
        }
    }
}
