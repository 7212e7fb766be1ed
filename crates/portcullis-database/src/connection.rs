//! How a server was reached and checked, for the record of a run.

/// A connection to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// TLS, as the server has it; none where a proxy is its end.
    pub tls: Option<Tls>,
    /// Which of the target's pins the server's certificate has.
    pub pin: String,
    /// Whose the certificate is.
    pub subject: String,
    /// Until when it is valid, UTC.
    pub not_after: String,
    /// Whether the login is bound to the TLS connection.
    pub channel_binding: bool,
    /// The cluster's system identifier.
    pub cluster: u64,
    /// The database's number in it.
    pub database_oid: u32,
    /// The role that the gate is there as.
    pub user: String,
    /// What a person should know about it.
    pub warning: Option<String>,
}

/// TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// `TLSv1.3`.
    pub version: String,
    /// The cipher suite.
    pub cipher: String,
}
