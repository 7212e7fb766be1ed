//! Whether the database is what the last run left: something else may have changed it.

use portcullis_database::seam::{ReceiptLink, StoredReceipt, Survey};
use portcullis_model::catalog::{Difference, diff};
use portcullis_model::config::Target;
use portcullis_model::digest::Digest;
use portcullis_model::exit::Exit;
use portcullis_model::plan::Goal;
use portcullis_model::redact;
use portcullis_model::words::count;
use portcullis_receipt::{Arrival, Receipt};

use crate::error::Stop;
use crate::migrate::Request;
use crate::stage::{self, Enrol, Locked};

const OPERATION: &str = "find the schema as the last run left it";

/// What something else than the gate has done to a database.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Drift {
    /// What it did to the schema.
    pub schema: SchemaDrift,
    /// The versions that it applied.
    pub applied: Vec<String>,
}

/// What something else has done to a schema.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SchemaDrift {
    /// Nothing.
    #[default]
    None,
    /// Objects differ.
    Objects(Vec<Difference>),
    /// An older version of this tool kept only the fingerprint, and it differs.
    Fingerprint {
        /// After the last run.
        before: Digest,
        /// Now.
        now: Digest,
    },
}

impl Drift {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.schema == SchemaDrift::None && self.applied.is_empty()
    }

    /// The objects, or what is known of them.
    pub fn objects(&self) -> Vec<String> {
        match &self.schema {
            SchemaDrift::None => Vec::new(),
            SchemaDrift::Objects(differences) => {
                differences.iter().map(Difference::object).collect()
            }
            SchemaDrift::Fingerprint { before, now } => {
                vec![format!("schema {} → {}", before.short(), now.short())]
            }
        }
    }

    /// Every change, one sentence each.
    pub fn words(&self) -> Vec<String> {
        let mut words = match &self.schema {
            SchemaDrift::None => Vec::new(),
            SchemaDrift::Objects(differences) => {
                differences.iter().flat_map(|difference| difference.words.clone()).collect()
            }
            SchemaDrift::Fingerprint { before, now } => vec![format!(
                "the schema's fingerprint was {} and is {} (an older version of this tool kept only that)",
                before.short(),
                now.short()
            )],
        };
        let applied = self.applied.iter();
        words.extend(
            applied.map(|version| format!("migration {version} was applied by something else")),
        );
        // One line each: a name may hold anything.
        words.iter().map(|word| redact::printable(word).into_owned()).collect()
    }

    /// The way to say it, and the way on.
    pub fn stop(&self, target: &Target, command: &str) -> Stop {
        let words = self.words();
        let mut cause = words.first().cloned().unwrap_or_default();
        if words.len() > 1 {
            cause.push_str(&format!(", and {}", count(words.len() - 1, "other change")));
        }
        let next = format!(
            "undo it by hand and put it into a migration, or take the schema as it is: \
             cargo xtask {command} --enrol --reason \"…\""
        );
        let place = target.shown();
        let mut stop = Stop::new(Exit::Refused, OPERATION, place, cause, next);
        let pictures: Vec<String> = match &self.schema {
            SchemaDrift::Objects(differences) => differences.iter().map(picture).collect(),
            SchemaDrift::None | SchemaDrift::Fingerprint { .. } => Vec::new(),
        };
        if words.len() > 1 {
            stop.notes.push(words.join("\n"));
        }
        stop.notes.extend(pictures);
        stop
    }
}

fn picture(difference: &Difference) -> String {
    // One line each: a name may hold anything.
    let lines: Vec<_> = difference.lines.iter().map(|line| redact::printable(line)).collect();
    format!("{}\n{}", redact::printable(&difference.object()), lines.join("\n"))
}

/// Compares a database with what its last run left.
pub(crate) fn find(target: &Target, survey: &Survey, receipts: &[StoredReceipt]) -> Drift {
    Drift { schema: schema(target, survey), applied: applied(survey, receipts) }
}

fn schema(target: &Target, survey: &Survey) -> SchemaDrift {
    let Some(head) = &survey.head else { return SchemaDrift::None };
    let now = survey.catalog.fingerprint();
    match &head.objects {
        _ if head.schema == now => SchemaDrift::None,
        None => SchemaDrift::Fingerprint { before: head.schema, now },
        Some(objects) => {
            SchemaDrift::Objects(diff(objects, &survey.catalog, target.engine().dialect()))
        }
    }
}

/// What the gate didn't apply, and no receipt has named yet.
fn applied(survey: &Survey, receipts: &[StoredReceipt]) -> Vec<String> {
    let last = receipts.last().and_then(|last| serde_json::from_str::<Receipt>(&last.body).ok());
    let Some(last) = last else { return Vec::new() };
    let known = last.predicate.facts.set.accepted_by_nobody;
    let foreign = survey.applied.iter().filter(|applied| applied.noted.is_none());
    let versions = foreign.map(|applied| applied.version.clone());
    versions.filter(|version| !known.contains(version)).collect()
}

/// Refuses to go on where something else has changed the schema, unless it shall be taken
/// as it is.
pub(crate) fn refuse(
    request: &Request<'_>,
    survey: &Survey,
    receipts: &[StoredReceipt],
) -> Result<Drift, Stop> {
    let drift = find(request.target, survey, receipts);
    if drift.is_empty() || request.enrol == Enrol::Yes {
        return Ok(drift);
    }
    let command = match request.goal {
        Goal::Redo { .. } => "redo",
        Goal::Latest | Goal::Version(_) => "migrate",
    };
    Err(drift.stop(request.target, command))
}

/// The same for a run, which then says in its receipt what it has taken.
pub(crate) fn refuse_or_take(mut locked: Locked, request: &Request<'_>) -> Result<Locked, Stop> {
    let receipts = locked.writer.receipts()?;
    let drift = refuse(request, &locked.survey, &receipts)?;
    // Without a head nothing says yet what the schema must be.
    let unknown = locked.survey.head.is_none() && !locked.survey.catalog.objects().is_empty();
    let takes = request.enrol == Enrol::Yes && (unknown || !drift.is_empty());
    if takes && locked.arrival == Arrival::Known {
        locked.arrival = Arrival::Enrolled;
    }
    locked.drift = drift.objects();
    Ok(locked)
}

/// What a look at a database found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The newest receipt, whose run left what was compared with.
    pub receipt: ReceiptLink,
    /// How many objects the schema has now.
    pub objects: usize,
    /// The schema's fingerprint now.
    pub schema: Digest,
    /// What differs.
    pub drift: Drift,
}

/// Compares a target with what its last run left, and writes nothing.
///
/// # Errors
/// There is no such database, it can't be read, it is another one, or nothing says what it
/// must be.
pub fn look(target: &Target) -> Result<Found, Stop> {
    let refused =
        |cause: &str, next: &str| Stop::new(Exit::Refused, OPERATION, target.shown(), cause, next);
    let Some(mut reader) = portcullis_database::open_reader(target)? else {
        return Err(refused("there is no such file", "cargo xtask migrate makes it"));
    };
    let survey = reader.survey()?;
    // Before the first run that ended well there is nothing that could have been changed.
    let is_known = survey.head.is_some() || survey.catalog.objects().is_empty();
    let Some(receipt) = survey.last_receipt.filter(|_| is_known) else {
        return Err(refused(
            "it has no receipt, so there is nothing to compare with",
            "take it on: cargo xtask migrate --enrol --reason \"…\"",
        ));
    };
    stage::check_identity(target, &survey, Enrol::No)?;
    let drift = find(target, &survey, &reader.receipts()?);
    if !drift.is_empty() && !survey.open_runs.is_empty() {
        let mut stop = refused(
            "a run has begun and isn't recorded yet: it is at work, or it died",
            "wait for it; if none is at work, cargo xtask recover finds out what became of it",
        );
        stop.notes.push(drift.words().join("\n"));
        return Err(stop);
    }
    Ok(Found {
        receipt,
        objects: survey.catalog.objects().len(),
        schema: survey.catalog.fingerprint(),
        drift,
    })
}
