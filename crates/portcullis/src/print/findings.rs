//! What the linter found.

use std::path::Path;

use portcullis_lint::{Allowed, Finding, Report, render};
use serde_json::json;

use crate::command::LintFormat;

/// Nothing, where all is well and people read it. `prefix` leads from the top of the
/// repository to the workspace.
pub(crate) fn findings(reports: &[Report], prefix: &Path, format: LintFormat) {
    match format {
        LintFormat::Json => {
            let findings: Vec<&Finding> =
                reports.iter().flat_map(|report| &report.findings).collect();
            let allowed: Vec<&Allowed> =
                reports.iter().flat_map(|report| &report.allowed).collect();
            super::document(&json!({ "findings": findings, "allowed": allowed }));
        }
        LintFormat::Human => said(reports.iter().map(|report| render::human(report, true))),
        LintFormat::Github => said(reports.iter().map(|report| render::github(report, prefix))),
    }
}

fn said(texts: impl Iterator<Item = String>) {
    texts.filter(|text| !text.is_empty()).for_each(|text| super::text(&text));
}

/// Said beside the findings, not among them: nothing is wrong with a file.
pub(crate) fn history_is_unknown(format: LintFormat) {
    const WHY: &str = "git can't say here what is frozen: there is no default branch, or not the \
        commit where this one left it";
    const NEXT: &str = "fetch it (in GitHub Actions: fetch-depth: 0), or name default-branch in \
        portcullis.toml";
    match format {
        LintFormat::Human | LintFormat::Json => {
            super::stop::error(&format!("note: {WHY}; {NEXT}\n"))
        }
        LintFormat::Github => super::text(&format!("::warning title=history::{WHY}; {NEXT}")),
    }
}
