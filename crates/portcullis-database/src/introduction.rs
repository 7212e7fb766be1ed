//! A server that isn't known yet: what it shows before it is trusted, and what is there once
//! it is.

use portcullis_model::config::{Pin, Server};

use crate::{Result, postgres};

/// A server's certificate. The chain and the host name are right; whether it is the server
/// that is meant, the pin tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Whose it is.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// The hosts that it is for.
    pub hosts: Vec<String>,
    /// From when it is valid, UTC.
    pub not_before: String,
    /// Until when it is valid, UTC.
    pub not_after: String,
    /// The pin of its key.
    pub key: Pin,
    /// The pin of the certificate as a whole.
    pub whole: Pin,
}

/// A database, met for the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Met {
    /// The cluster's system identifier.
    pub cluster: u64,
    /// The database's number in it.
    pub database_oid: u32,
    /// The server's version.
    pub server_version: String,
    /// The role that the gate is there as.
    pub role: String,
    /// What the role may do that a migration needs no right to.
    pub excess: Vec<&'static str>,
    /// Whether nothing is in it.
    pub is_new: bool,
    /// Whether Diesel's table is there.
    pub diesel: bool,
    /// What it lists, in order.
    pub applied: Vec<String>,
    /// Who owns that table: whoever migrated the database until now.
    pub migrated_by: Option<String>,
    /// Statements that make a role for migrations and nothing else, for a person to judge.
    pub proposal: String,
}

/// Shakes hands with a server, and nothing more: no role's name and no password is sent.
///
/// # Errors
/// It isn't there, offers no TLS, or the chain or the host name is wrong.
pub fn shake_hands(server: &Server) -> Result<Shown> {
    postgres::shake_hands(server)
}

/// Logs in, and looks at what is there.
///
/// # Errors
/// The pin or the login is wrong, or it is no database that can be changed.
pub fn meet(server: &Server) -> Result<Met> {
    postgres::meet(server)
}
