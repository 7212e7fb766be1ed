//! The facts of a run as they come in, and the receipt that they become.

use std::path::PathBuf;
use std::time::SystemTime;

use portcullis_database::connection::Connection;
use portcullis_database::seam::{ReceiptLink, StoredReceipt, Survey};
use portcullis_database::{VerifiedBackup, Writer, make_private_directory, write_private};
use portcullis_model::config::Target;
use portcullis_model::digest::Digest;
use portcullis_model::exit::Exit;
use portcullis_model::migration::MigrationSet;
use portcullis_model::redact;
use portcullis_receipt::{
    Action, Arrival, BackupFacts, ConnectionFacts, Facts, LintFacts, Receipt, SetFacts, TargetFacts,
};
use uuid::Uuid;

use crate::error::Stop;
use crate::origin;
use crate::stage::Locked;

pub(crate) fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}

/// What is known when a run begins.
pub(crate) struct Beginning<'a> {
    pub(crate) run: Uuid,
    pub(crate) action: Action,
    pub(crate) reason: Option<String>,
    pub(crate) root: &'a std::path::Path,
    pub(crate) target: &'a Target,
    pub(crate) identity: Uuid,
    pub(crate) arrival: Arrival,
    pub(crate) survey: &'a Survey,
    pub(crate) set: Option<&'a MigrationSet>,
    pub(crate) lint: LintFacts,
}

impl<'a> Beginning<'a> {
    pub(crate) fn of(
        locked: &'a Locked,
        root: &'a std::path::Path,
        target: &'a Target,
        action: Action,
    ) -> Self {
        Self {
            run: Uuid::new_v4(),
            action,
            reason: None,
            root,
            target,
            identity: locked.identity,
            arrival: locked.arrival,
            survey: &locked.survey,
            set: None,
            lint: LintFacts::default(),
        }
    }

    pub(crate) fn facts(self) -> Facts {
        let Self { survey, target, .. } = self;
        let newest = survey.applied.last().map(|applied| applied.version.clone());
        let schema = survey.catalog.fingerprint();
        let last = survey.last_receipt;
        Facts {
            run: self.run,
            sequence: last.map_or(1, |link| link.sequence + 1),
            previous: last.map(|link| link.digest),
            action: self.action,
            started: now(),
            finished: String::new(),
            reason: self.reason.map(|reason| redact::urls(&reason).into_owned()),
            who: origin::who(),
            tool: origin::tool(),
            commit: origin::commit(self.root),
            target: TargetFacts {
                name: target.name.clone(),
                engine: target.engine().name().to_owned(),
                engine_version: survey.engine_version.clone(),
                place: target.shown(),
                identity: self.identity,
                protected: target.protected,
                arrival: self.arrival,
                connection: survey.connection.as_ref().map(connection_facts),
            },
            set: SetFacts {
                fingerprint: self.set.map_or_else(|| Digest::of(b""), MigrationSet::fingerprint),
                migrations: self.set.map_or(0, |set| set.migrations.len()),
                from: newest.clone(),
                to: newest,
                accepted_by_nobody: survey
                    .applied
                    .iter()
                    .filter(|applied| applied.noted.is_none())
                    .map(|applied| applied.version.clone())
                    .collect(),
            },
            migrations: Vec::new(),
            lint: self.lint,
            drift: Vec::new(),
            schema_before: schema,
            schema_after: schema,
            backup: None,
            restored_from: None,
            moved_aside: Vec::new(),
            timings: Vec::new(),
        }
    }
}

pub(crate) fn backup_facts(backup: &VerifiedBackup, under_write_lock: bool) -> BackupFacts {
    let sidecar = backup.sidecar();
    BackupFacts {
        file: redact::path(backup.path()),
        bytes: sidecar.bytes,
        sha256: sidecar.sha256,
        verified: sidecar.verified.clone(),
        under_write_lock,
    }
}

/// A receipt that was filed.
#[derive(Debug, Clone)]
pub struct Filed {
    /// The receipt.
    pub receipt: Receipt,
    /// Its place in the chain.
    pub link: ReceiptLink,
    /// Its file; none if only the database has it.
    pub file: Option<PathBuf>,
    /// What kept it from being filed in both places.
    pub incomplete: Option<String>,
}

/// Files a receipt: with the database first, because that is what the next run has, then
/// as a file. What fails is reported, not hidden: the caller decides what it means.
pub(crate) fn file(
    writer: &mut dyn Writer,
    target: &Target,
    receipt: Receipt,
) -> Result<Filed, Stop> {
    let body = receipt.to_bytes().map_err(|error| {
        Stop::new(
            Exit::Internal,
            "write the receipt",
            &target.name,
            error.to_string(),
            "report this",
        )
    })?;
    let facts = &receipt.predicate.facts;
    let link = ReceiptLink { sequence: facts.sequence, digest: Digest::of(body.as_bytes()) };
    let stored = StoredReceipt { link, run: facts.run, body };
    let in_database = writer.record(&stored);
    let as_file = write_file(target, &stored);
    let incomplete = match (&in_database, &as_file) {
        (Err(error), _) => Some(error.to_string()),
        (Ok(()), Err(error)) => Some(error.to_string()),
        (Ok(()), Ok(_)) => None,
    };
    Ok(Filed { receipt, link, file: as_file.ok(), incomplete })
}

pub(crate) fn file_path(target: &Target, stored: &StoredReceipt) -> PathBuf {
    let run = stored.run.simple().to_string();
    target.receipts.join(format!("{:06}-{}.json", stored.link.sequence, &run[..8]))
}

pub(crate) fn write_file(
    target: &Target,
    stored: &StoredReceipt,
) -> Result<PathBuf, portcullis_database::Error> {
    make_private_directory(&target.receipts)?;
    let path = file_path(target, stored);
    write_private(&path, stored.body.as_bytes())?;
    Ok(path)
}

/// The receipts of a database that are there as files, oldest first: copies, for when the
/// database can't be read. Only what chains up from the first one is taken; receipts of
/// another database that once had the same name are left out.
pub(crate) fn read_files(target: &Target, identity: Uuid) -> Vec<StoredReceipt> {
    let Ok(entries) = std::fs::read_dir(&target.receipts) else { return Vec::new() };
    let mut found: Vec<(Option<Digest>, StoredReceipt)> =
        entries.filter_map(|entry| read_file(&entry.ok()?.path(), identity)).collect();
    found.sort_by_key(|(_, stored)| stored.link.sequence);
    let mut chain: Vec<StoredReceipt> = Vec::new();
    for (previous, stored) in found {
        let newest = chain.last().map(|stored| stored.link.digest);
        // Where older files were archived elsewhere, the first that is left begins it.
        if chain.is_empty() || previous == newest {
            chain.push(stored);
        }
    }
    chain
}

fn read_file(path: &std::path::Path, identity: Uuid) -> Option<(Option<Digest>, StoredReceipt)> {
    if path.extension().is_none_or(|extension| extension != "json") {
        return None;
    }
    let body = std::fs::read_to_string(path).ok()?;
    let facts = serde_json::from_str::<Receipt>(&body).ok()?.predicate.facts;
    if facts.target.identity != identity {
        return None;
    }
    let link = ReceiptLink { sequence: facts.sequence, digest: Digest::of(body.as_bytes()) };
    Some((facts.previous, StoredReceipt { link, run: facts.run, body }))
}

/// A value as JSON, for the database's own tables.
pub(crate) fn to_json(value: &impl serde::Serialize, target: &Target) -> Result<String, Stop> {
    serde_json::to_string(value).map_err(|error| {
        Stop::new(
            Exit::Internal,
            "write the intent",
            &target.name,
            error.to_string(),
            "report this",
        )
    })
}

fn connection_facts(connection: &Connection) -> ConnectionFacts {
    let tls = connection.tls.clone();
    ConnectionFacts {
        tls_version: tls.as_ref().map(|tls| tls.version.clone()),
        tls_cipher: tls.map(|tls| tls.cipher),
        pin: connection.pin.clone(),
        subject: connection.subject.clone(),
        not_after: connection.not_after.clone(),
        channel_binding: connection.channel_binding,
        cluster: connection.cluster.to_string(),
        database_oid: connection.database_oid,
        user: connection.user.clone(),
    }
}
