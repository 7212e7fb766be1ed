//! What `recover` found.

use portcullis_flow::recover::Recovered;
use portcullis_model::config::{Config, Target};
use portcullis_model::exit::Exit;
use portcullis_model::redact;
use serde_json::json;

use super::{GOOD, QUIET, document, text};
use crate::command::{Format, aimed};

pub(crate) fn recovered(config: &Config, target: &Target, found: &Recovered, format: Format) {
    let Recovered { runs, file, version, next_step } = found;
    let next = next_step.as_deref().map(|next| aimed(config, target, next));
    if format == Format::Json {
        return document(&json!({
            "code": Exit::Done.code(), "target": target.name, "runs": runs,
            "receiptWritten": file.as_deref().map(redact::path),
            "version": version, "next": next,
        }));
    }
    if let Some(file) = file {
        let file = redact::path(file);
        text(&format!("{:>9}  {file}: only the database had it", "receipt"));
    }
    let what = if runs.is_empty() && file.is_none() { "nothing to recover" } else { "recovered" };
    let version = version.as_deref().map(redact::printable);
    let at =
        version.map_or("no migration is applied".into(), |version| format!("at version {version}"));
    text(&format!("{GOOD}{:>9}{GOOD:#}  {what}: {}, {at}", "done", target.name));
    if let Some(next) = next {
        text(&format!("{QUIET}{:>9}  {}{QUIET:#}", "next", redact::printable(&next)));
    }
}
