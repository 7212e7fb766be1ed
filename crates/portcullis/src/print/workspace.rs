//! What was done to the workspace's files.

use portcullis_model::redact;
use portcullis_workspace::new::Created;
use serde_json::json;

use super::{GOOD, QUIET, document, text};
use crate::command::Format;

pub(crate) fn created(created: &Created, format: Format) {
    if format == Format::Json {
        let files: Vec<String> = created.files.iter().map(|file| redact::path(file)).collect();
        let to_write: Vec<String> =
            created.to_write.iter().map(|file| redact::path(file)).collect();
        return document(
            &json!({ "migration": created.directory, "files": files, "toWrite": to_write }),
        );
    }
    let mut out = String::new();
    for file in &created.files {
        let what = if created.to_write.contains(file) { "to be written" } else { "" };
        out += &format!(
            "{GOOD}{:>9}{GOOD:#}  {}  {QUIET}{what}{QUIET:#}\n",
            "new",
            redact::path(file)
        );
    }
    out += &format!(
        "{QUIET}{:>9}{QUIET:#}  edit, cargo xtask migrate (again after an edit: redo), then cargo xtask accept\n",
        "next"
    );
    text(&out);
}
