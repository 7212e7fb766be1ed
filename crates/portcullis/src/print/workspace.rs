//! What was done to the workspace's files.

use portcullis_model::redact::{self, printable};
use portcullis_model::sum::{FILE, Line, Verdict};
use portcullis_model::words::count;
use portcullis_workspace::accept::{Accepted, Engine};
use portcullis_workspace::git::Underway;
use portcullis_workspace::new::Created;
use portcullis_workspace::rebase::Rebase;
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

pub(crate) fn accepted(engines: &[Engine<'_>], decided: &[Accepted], format: Format) {
    let all = || engines.iter().zip(decided);
    if format == Format::Json {
        let lines = all().flat_map(|(engine, accepted)| {
            accepted.lines.iter().map(|line| {
                let allowed: Vec<_> = line
                    .allowed
                    .iter()
                    .map(|allow| json!({ "rule": allow.rule, "reason": allow.reason }))
                    .collect();
                json!({
                    "engine": engine.migrations.dialect.name(), "migration": line.directory,
                    "fingerprint": line.digests.fingerprint, "errors": line.verdict.errors,
                    "warnings": line.verdict.warnings, "allowed": allowed,
                    "tested": line.tested,
                })
            })
        });
        let dropped: Vec<&String> = all().flat_map(|(_, accepted)| &accepted.dropped).collect();
        return document(&json!({ "accepted": lines.collect::<Vec<_>>(), "dropped": dropped }));
    }
    let mut out = String::new();
    for (engine, accepted) in all() {
        for line in &accepted.lines {
            let path = redact::path(&engine.migrations.path.join(&line.directory));
            out += &format!("{GOOD}{:>9}{GOOD:#}  {path}, {}\n", "accepted", verdict(line));
        }
        for directory in &accepted.dropped {
            let file = redact::path(&engine.migrations.path.join(FILE));
            let name = printable(directory);
            out += &format!("{GOOD}{:>9}{GOOD:#}  {name} from {file}: it is gone\n", "dropped");
        }
    }
    if out.is_empty() {
        out = format!(
            "{GOOD}{:>9}{GOOD:#}  nothing to accept: it is accepted already, as it stands\n",
            "done"
        );
    }
    text(&out);
}

fn verdict(line: &Line) -> String {
    let Verdict { errors, warnings } = line.verdict;
    let mut parts = Vec::new();
    if errors > 0 {
        parts.push(format!("with {} from before the gate", count(errors, "error")));
    }
    if warnings > 0 {
        parts.push(count(warnings, "warning"));
    }
    parts.extend(line.allowed.iter().map(|allow| format!("{} allowed", allow.rule)));
    if parts.is_empty() {
        parts.push("clean".to_owned());
    }
    parts.push(match line.tested {
        Some(tested) => format!("tested: {}", tested.words()),
        None => "not tested".to_owned(),
    });
    parts.join(", ")
}

pub(crate) fn rebased(rebase: &Rebase, underway: Option<Underway>, format: Format) {
    if format == Format::Json {
        let renames: Vec<_> =
            rebase.renames.iter().map(|(old, new)| json!({ "from": old, "to": new })).collect();
        let sums: Vec<String> =
            rebase.sums.keys().map(|path| redact::path(&path.join(FILE))).collect();
        return document(&json!({ "renamed": renames, "written": sums, "drafts": rebase.drafts }));
    }
    let mut out = String::new();
    let mut line = |label: &str, what: String| {
        out += &format!("{GOOD}{label:>9}{GOOD:#}  {what}\n");
    };
    for (old, new) in &rebase.renames {
        line("renamed", format!("{} → {}", printable(old), printable(new)));
    }
    for path in rebase.sums.keys() {
        line("written", redact::path(&path.join(FILE)));
    }
    for draft in &rebase.drafts {
        line("draft", format!("{}: it or one before it isn't what was accepted", printable(draft)));
    }
    if rebase.is_empty() {
        line("done", "your migrations come last already".to_owned());
    } else {
        let accept = if rebase.drafts.is_empty() { "" } else { "cargo xtask accept, " };
        let commit = match underway {
            Some(Underway::Rebase) => "git rebase --continue",
            Some(Underway::CherryPick) => "git cherry-pick --continue",
            Some(Underway::Revert) => "git revert --continue",
            Some(Underway::Merge) | None => "commit",
        };
        out += &format!(
            "{QUIET}{:>9}{QUIET:#}  {accept}git add -A, {commit}; cargo xtask status says what \
             your database needs\n",
            "next"
        );
    }
    text(&out);
}
