//! How a backup is proved: decided, and told, before it is taken.

use portcullis_model::config::{BackupKind, Place, Server, Target};
use portcullis_model::words;

/// What is done with a backup before anything relies on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// It is restored into a throwaway server of this machine, and compared.
    Throwaway,
    /// It is restored into a database of its own on another target's server, and compared.
    Scratch(String),
    /// It is read whole and not restored, for this reason.
    Read(String),
    /// A command of the user's verifies it.
    Command,
}

impl Proof {
    /// How a backup of this target will be proved, if its database has this size. SQLite's
    /// are read back and checked, always.
    pub fn of(target: &Target, bytes: u64) -> Option<Self> {
        match &target.place {
            Place::File(_) => None,
            Place::Server(server) => Some(Self::of_server(server, bytes)),
        }
    }

    pub(crate) fn of_server(server: &Server, bytes: u64) -> Self {
        match (&server.backup, &server.scratch) {
            (BackupKind::Command { .. }, _) => Self::Command,
            _ if bytes > server.restore_max => Self::Read(format!(
                "it is larger than restore-max ({})",
                words::bytes(server.restore_max)
            )),
            (BackupKind::Dump, Some(scratch)) => {
                Self::Scratch(format!("{}:{}", scratch.host, scratch.port))
            }
            (BackupKind::Dump, None) => Self::Throwaway,
        }
    }

    /// Whether it is restored.
    pub fn is_trial(&self) -> bool {
        matches!(self, Self::Throwaway | Self::Scratch(_))
    }

    /// What will be done, for people.
    pub fn describe(&self) -> String {
        match self {
            Self::Throwaway => "restored into a throwaway server of this machine".to_owned(),
            Self::Scratch(server) => format!("restored into a database of its own on {server}"),
            Self::Read(why) => format!("read whole, not restored: {why}"),
            Self::Command => "verified by your command".to_owned(),
        }
    }
}
