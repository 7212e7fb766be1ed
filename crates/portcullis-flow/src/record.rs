//! The facts of a run as they come in, and the receipt that they become.

use std::path::PathBuf;
use std::time::SystemTime;

use portcullis_database::seam::{Closes, ReceiptLink, StoredReceipt, Survey};
use portcullis_database::{VerifiedBackup, Writer, make_private_directory, write_private};
use portcullis_model::config::Target;
use portcullis_model::digest::Digest;
use portcullis_model::migration::MigrationSet;
use portcullis_model::redact;
use portcullis_receipt::{
    Action, Arrival, BackupFacts, Facts, LintFacts, Receipt, SetFacts, TargetFacts,
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
            lint: LintFacts { errors: 0, warnings: 0 },
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
                engine: target.engine.name().to_owned(),
                engine_version: survey.engine_version.clone(),
                place: redact::path(&target.path),
                identity: self.identity,
                protected: target.protected,
                arrival: self.arrival,
            },
            set: SetFacts {
                fingerprint: self.set.map_or_else(|| Digest::of(b""), MigrationSet::fingerprint),
                migrations: self.set.map_or(0, |set| set.migrations.len()),
                from: newest.clone(),
                to: newest,
                accepted_by_nobody: survey
                    .applied
                    .iter()
                    .filter(|applied| applied.fingerprint.is_none())
                    .map(|applied| applied.version.clone())
                    .collect(),
            },
            migrations: Vec::new(),
            lint: self.lint,
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
    closes: Closes,
) -> Result<Filed, Stop> {
    let body = receipt.to_bytes().map_err(|error| {
        Stop::new(
            portcullis_model::exit::Exit::Internal,
            "write the receipt",
            &target.name,
            error.to_string(),
            "report this",
        )
    })?;
    let facts = &receipt.predicate.facts;
    let link = ReceiptLink { sequence: facts.sequence, digest: Digest::of(body.as_bytes()) };
    let stored = StoredReceipt { link, run: facts.run, body };
    let in_database = writer.record(&stored, closes);
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

/// The receipts that are there as files, oldest first: copies, for a database that can't
/// be read. What doesn't fit the chain from the first on is left out.
pub(crate) fn read_files(target: &Target) -> Vec<StoredReceipt> {
    let Ok(entries) = std::fs::read_dir(&target.receipts) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    let mut stored: Vec<StoredReceipt> = Vec::new();
    for path in
        paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "json"))
    {
        let Ok(body) = std::fs::read_to_string(path) else { continue };
        let Ok(receipt) = serde_json::from_str::<Receipt>(&body) else { continue };
        let facts = receipt.predicate.facts;
        let previous = stored.last().map(|stored| stored.link.digest);
        if facts.sequence == stored.len() as u64 + 1 && facts.previous == previous {
            let link =
                ReceiptLink { sequence: facts.sequence, digest: Digest::of(body.as_bytes()) };
            stored.push(StoredReceipt { link, run: facts.run, body });
        }
    }
    stored
}
