//! What only PostgreSQL has: real servers with TLS, and servers that misbehave on purpose.

mod add;
mod backups;
mod bad_input;
mod cut_off;
mod failure;
mod fake;
mod fence;
mod locks;
mod matrix;
mod pooler;
mod proxy;
mod recover;
mod roles;
pub(crate) mod server;
mod smoke;
mod strangers;
mod target;
mod undo;
