#![doc = include_str!("../README.md")]

pub mod binaries;
mod environment;
mod error;

#[cfg(feature = "server")]
mod account;
#[cfg(feature = "server")]
pub mod certificates;
#[cfg(feature = "server")]
mod cluster;
#[cfg(feature = "server")]
pub mod dev;
#[cfg(feature = "server")]
mod files;
#[cfg(feature = "server")]
mod log;
#[cfg(feature = "server")]
mod options;
#[cfg(feature = "server")]
mod random;
#[cfg(feature = "server")]
mod ready;
#[cfg(feature = "server")]
mod settings;
#[cfg(feature = "server")]
mod template;
#[cfg(feature = "server")]
mod watchdog;

pub use binaries::Binaries;
pub use error::{Error, ErrorKind, Result};

#[cfg(feature = "server")]
pub use cluster::{Cluster, Shutdown};
#[cfg(feature = "server")]
pub use options::{Cache, Durability, Options, Tls};
