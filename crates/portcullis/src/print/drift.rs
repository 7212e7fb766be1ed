//! Whether a database is what its last run left.

use portcullis_flow::drift::{Drift, Found, SchemaDrift};
use portcullis_model::config::{Config, Target};
use portcullis_model::exit::Exit;
use portcullis_model::words;
use serde_json::{Value, json};

use super::{GOOD, document, stop, text};
use crate::command::{Format, aimed};

pub(crate) fn drift(config: &Config, target: &Target, found: &Found, format: Format) {
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
        Format::Human => {
            let mut drifted = found.drift.stop(target, "migrate");
            drifted.next_step = aimed(config, target, &drifted.next_step);
            stop(&drifted, format);
        }
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
