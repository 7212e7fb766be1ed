//! Backups on disk: a copy, its sidecar, and the proof that the copy was read back.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use portcullis_model::config::{BackupKind, Place, Target};
use portcullis_model::digest::{Digest, Hasher};
use portcullis_model::redact;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::nature::Nature;
use crate::{Error, ErrorKind, Result};

/// The ending of a sidecar's name, after the backup's own.
pub const SIDECAR: &str = ".json";

/// What a backup's sidecar says about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sidecar {
    /// The sidecar's format: 1.
    pub format: u32,
    /// The engine: `sqlite` or `postgres`.
    pub engine: String,
    /// The engine's version.
    pub engine_version: String,
    /// The target's name.
    pub target: String,
    /// The identity of the database, if it had one.
    pub identity: Option<Uuid>,
    /// The run it was taken for.
    pub run: Uuid,
    /// When it was taken, UTC.
    pub created: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of the file.
    pub sha256: Digest,
    /// The schema's fingerprint.
    pub schema: Digest,
    /// The versions that were applied.
    pub applied: Vec<String>,
    /// SQLite: the journal mode of the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal_mode: Option<String>,
    /// How it was verified.
    pub verified: Vec<String>,
    /// Foreign-key violations in the data: counted, not repaired.
    pub foreign_key_violations: Vec<Violations>,
    /// How long copying and verifying took.
    pub milliseconds: u64,
    /// PostgreSQL: what a dump doesn't hold of the database, or can't be asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dump: Option<Dump>,
}

/// What goes with a backup of a PostgreSQL database.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Dump {
    /// The version of `pg_dump`; none where a command of the user's took the backup.
    pub version: Option<String>,
    /// The snapshot that it saw, exported by the gate's own connection.
    pub snapshot: String,
    /// The rows of every table at that snapshot; none where the backup wasn't restored.
    pub rows: BTreeMap<String, u64>,
    /// The size of the database, of which the dump is a part.
    pub database_bytes: u64,
    /// The schema's fingerprint without casts and parentheses, which a restored database
    /// may write otherwise.
    pub essence: Option<Digest>,
    /// What a server must have for it; older versions didn't say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nature: Option<Nature>,
}

impl Sidecar {
    /// The size of the database that it is of.
    pub fn database_bytes(&self) -> u64 {
        self.dump.as_ref().map_or(self.bytes, |dump| dump.database_bytes)
    }

    /// SQLite's journal mode; its own default where none is known.
    pub(crate) fn journal_mode(&self) -> &str {
        self.journal_mode.as_deref().unwrap_or("delete")
    }
}

/// Rows that reference rows which don't exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violations {
    /// The table with the references.
    pub table: String,
    /// The table that they lead to.
    pub parent: String,
    /// How many.
    pub rows: u64,
}

/// A backup whose bytes were read back and found to be what its sidecar says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedBackup {
    path: PathBuf,
    sidecar: Sidecar,
}

impl VerifiedBackup {
    /// Only for whoever has just verified the bytes.
    pub(crate) fn new(path: PathBuf, sidecar: Sidecar) -> Self {
        Self { path, sidecar }
    }

    /// Reads a backup's sidecar, and all of the backup, and compares.
    ///
    /// # Errors
    /// The sidecar is missing or can't be parsed, or the bytes are not what it says.
    pub fn open(path: &Path) -> Result<Self> {
        const OPERATION: &str = "verify the backup";
        let sidecar = read_sidecar(path)?;
        let digest = hash(path).map_err(|error| Error::io(OPERATION, path, &error).refused())?;
        if digest != sidecar.sha256 {
            return Err(Error::new(
                ErrorKind::Refused,
                OPERATION,
                redact::path(path),
                "its bytes are not those that were backed up (SHA-256 differs)",
                "choose another one: cargo xtask backup list",
            ));
        }
        Ok(Self::new(path.to_owned(), sidecar))
    }

    /// The file, or the directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether this tool can put it back: not what a command of the user's has taken.
    pub fn is_restorable(&self) -> bool {
        is_restorable(&self.path)
    }

    /// What is known about it.
    pub fn sidecar(&self) -> &Sidecar {
        &self.sidecar
    }
}

/// What the names of backups end in: SQLite's files, PostgreSQL's directories, and what
/// a command of the user's said.
const ENDINGS: [&str; 3] = ["db", "pgdump", "external"];

/// Whether this tool can put a backup back: not what a command of the user's has taken.
pub fn is_restorable(path: &Path) -> bool {
    path.extension().is_none_or(|extension| extension != ENDINGS[2])
}

/// A backup's name: `stem`, and the ending for this target.
pub fn named(target: &Target, stem: &str) -> String {
    let ending = match &target.place {
        Place::File(_) => ENDINGS[0],
        Place::Server(server) => match server.backup {
            BackupKind::Dump => ENDINGS[1],
            BackupKind::Command { .. } => ENDINGS[2],
        },
    };
    format!("{stem}.{ending}")
}

/// Removes a backup. Its sidecar goes last: one whose removal was cut short isn't
/// forgotten.
///
/// # Errors
/// Whatever the file system says.
pub fn remove(backup: &Path) -> std::io::Result<()> {
    if backup.is_dir() {
        fs::remove_dir_all(backup)?;
    } else {
        fs::remove_file(backup)?;
    }
    fs::remove_file(sidecar_path(backup))
}

/// The sidecar's path.
pub fn sidecar_path(backup: &Path) -> PathBuf {
    let mut name = backup.as_os_str().to_owned();
    name.push(SIDECAR);
    PathBuf::from(name)
}

/// What the sidecar says, without a look at the backup's bytes.
///
/// # Errors
/// It is missing or can't be parsed.
pub fn read_sidecar(backup: &Path) -> Result<Sidecar> {
    const OPERATION: &str = "read the backup's sidecar";
    let path = sidecar_path(backup);
    let refused = |cause: String| {
        let next = "choose a backup that cargo xtask backup list shows";
        Error::new(ErrorKind::Refused, OPERATION, redact::path(&path), cause, next)
    };
    let bytes = fs::read(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            refused("there is no such file, so nothing says what the backup should be".to_owned())
        }
        _ => Error::io(OPERATION, &path, &error).refused(),
    })?;
    let sidecar: Sidecar = serde_json::from_slice(&bytes)
        .map_err(|error| refused(format!("it can't be read: {error}")))?;
    if sidecar.format != 1 {
        return Err(refused(format!(
            "its format is {}, this build reads format 1",
            sidecar.format
        )));
    }
    Ok(sidecar)
}

/// The backups of a directory with a readable sidecar, oldest first.
///
/// # Errors
/// The directory can't be listed; one that doesn't exist has none.
pub fn list(directory: &Path) -> Result<Vec<(PathBuf, Sidecar)>> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("list backups", directory, &error)),
    };
    let mut found: Vec<(PathBuf, Sidecar)> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| ENDINGS.iter().any(|ending| path.extension().is_some_and(|e| e == *ending)))
        .filter_map(|path| read_sidecar(&path).ok().map(|sidecar| (path, sidecar)))
        .collect();
    found.sort_by(|a, b| (&a.1.created, &a.0).cmp(&(&b.1.created, &b.0)));
    Ok(found)
}

/// SHA-256 of a backup: of a file's bytes; of a directory, over the name, the length and
/// the digest of each file in it.
pub(crate) fn hash(path: &Path) -> std::io::Result<Digest> {
    if !path.is_dir() {
        return hash_file(path);
    }
    let mut files: Vec<PathBuf> =
        fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    files.sort();
    let mut hasher = Hasher::new("portcullis-backup-directory-v1");
    for file in files {
        hasher.field(file.file_name().unwrap_or_default().as_encoded_bytes());
        hasher.field(&fs::symlink_metadata(&file)?.len().to_be_bytes());
        hasher.field(hash_file(&file)?.as_bytes());
    }
    Ok(hasher.finish())
}

/// SHA-256 of a file. Never of a live database: closing the file would drop SQLite's
/// locks on it.
pub(crate) fn hash_file(path: &Path) -> std::io::Result<Digest> {
    Digest::of_reader(File::open(path)?)
}
