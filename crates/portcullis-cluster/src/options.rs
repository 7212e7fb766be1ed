//! What a caller may ask of a cluster.

use std::path::PathBuf;
use std::time::Duration;

use crate::binaries::Binaries;
use crate::certificates::Identity;

/// What a cluster is like. The default is right for trial restores and most tests.
#[derive(Debug, Clone)]
pub struct Options {
    /// The programs; without them, [`crate::binaries::find`]'s.
    pub binaries: Option<Binaries>,
    /// Where `initdb`'s work is kept for the next one.
    pub cache: Cache,
    /// Where the cluster's directory is made; without it, the system's temporary directory.
    pub parent: Option<PathBuf>,
    /// What the server shows to its clients.
    pub tls: Tls,
    /// The lines of `pg_hba.conf`; without them, TLS with SCRAM from this machine only.
    pub access: Option<String>,
    /// What a power failure may take.
    pub durability: Durability,
    /// More settings of `postgresql.conf`, as `("wal_level", "logical")`.
    pub settings: Vec<(String, String)>,
    /// How long to wait for the server, to start or to stop.
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            binaries: None,
            cache: Cache::Usual,
            parent: None,
            tls: Tls::New,
            access: None,
            durability: Durability::None,
            settings: Vec::new(),
            patience: Duration::from_secs(60),
        }
    }
}

impl Options {
    /// These options, and one more setting.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// Where `initdb`'s work is kept.
///
/// Clusters that come from one cache have the same system identifier, as physical copies
/// of one server do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cache {
    /// In the user's cache directory. Where that can't be written, nowhere.
    Usual,
    /// In this directory, which is made if need be.
    At(PathBuf),
    /// Nowhere: the cluster is made from nothing, with a system identifier of its own.
    Off,
}

/// What the server shows to its clients.
#[derive(Debug, Clone)]
pub enum Tls {
    /// A new authority's certificate for `localhost`.
    New,
    /// This one.
    With(Box<Identity>),
    /// Nothing: it speaks without TLS only. The default of `pg_hba.conf` then lets nobody in.
    Off,
}

/// What a power failure may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Everything: for what is thrown away. Much faster.
    None,
    /// Nothing that was committed.
    Full,
}
