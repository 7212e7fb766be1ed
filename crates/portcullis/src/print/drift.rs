//! Whether a database is what its last run left.

use portcullis_flow::drift::{Drift, Found, SchemaDrift};
use portcullis_model::config::Target;
use portcullis_model::exit::Exit;
use portcullis_model::words;
use serde_json::{Value, json};

use super::{GOOD, document, stop, text};
use crate::command::Format;

pub(crate) fn drift(target: &Target, found: &Found, format: Format) {
    match format {
        Format::Json => {
            let drifted = !found.drift.is_empty();
            let exit = if drifted { Exit::Refused } else { Exit::Done };
            document(&json!({
                "target": target.name, "drift": drifted, "code": exit.code(),
                "receipt": found.receipt.sequence, "schema": found.schema,
                "found": drift_json(&found.drift),
            }));
        }
        Format::Human if found.drift.is_empty() => text(&format!(
            "{GOOD}{:>9}{GOOD:#}  {} is as receipt {} left it: {}, schema {}",
            "done",
            target.name,
            found.receipt.sequence,
            words::count(found.objects, "object"),
            found.schema.short()
        )),
        Format::Human => stop(&found.drift.stop(target, "migrate"), format),
    }
}

/// What something else has done, for programs.
pub(super) fn drift_json(drift: &Drift) -> Value {
    let fingerprint = |before: &_, now: &_| json!({ "before": before, "now": now });
    let (objects, fingerprints) = match &drift.schema {
        SchemaDrift::None => (json!([]), Value::Null),
        SchemaDrift::Objects(differences) => (json!(differences), Value::Null),
        SchemaDrift::Fingerprint { before, now } => (json!([]), fingerprint(before, now)),
    };
    json!({ "objects": objects, "fingerprint": fingerprints, "applied": drift.applied })
}
