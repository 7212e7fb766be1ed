//! The one connection: proved before it is used, and what is said over it.

pub(super) mod certificate;
pub(super) mod conn;
pub(super) mod connect;
pub(super) mod environment;
pub(super) mod not_connected;
pub(super) mod password;
pub(super) mod quote;
pub(super) mod tls;
pub(super) mod transaction;
pub(super) mod wire;
