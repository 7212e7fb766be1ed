//! How a record failed, in words for whoever wrote it.

use sqllogictest::{RecordKind, TestError, TestErrorKind as Kind};

use super::case::Mismatch;

/// How many lines of a difference are shown.
const SHOWN: usize = 60;

/// Where and how a record failed, with what was expected and what was there.
pub(super) fn describe(error: &TestError) -> Mismatch {
    let kind = error.kind();
    let rows_only = matches!(kind, Kind::QueryResultMismatch { .. });
    Mismatch { rows_only, ..said(error.location().to_string(), words(&kind)) }
}

/// Something else about a line.
pub(super) fn said(at: String, what: impl Into<String>) -> Mismatch {
    Mismatch { at, what: what.into(), rows_only: false }
}

fn words(kind: &Kind) -> String {
    match kind {
        Kind::QueryResultMismatch { sql, .. } => {
            let said = kind.to_string();
            let head = format!("query result mismatch:\n[SQL] {sql}\n[Diff] (-expected|+actual)\n");
            let difference = said.strip_prefix(&head).unwrap_or(&said);
            let head = "the rows differ (- expected, + actual)";
            format!("{head}\n{}\n{}", indented(sql), shortened(difference))
        }
        Kind::Fail { sql, err, kind } => {
            format!("the {} fails: {err}\n{}", name(kind), indented(sql))
        }
        Kind::Ok { sql, kind } => {
            format!("the {} succeeds, and is to fail\n{}", name(kind), indented(sql))
        }
        Kind::ErrorMismatch { sql, err, expected_err, .. } => format!(
            "the error is another one (- expected, + actual)\n{}\n-   {expected_err}\n+   {err}",
            indented(sql)
        ),
        other => other.to_string(),
    }
}

fn name(kind: &RecordKind) -> &'static str {
    match kind {
        RecordKind::Statement => "statement",
        RecordKind::Query => "query",
    }
}

fn indented(sql: &str) -> String {
    let lines: Vec<String> = sql.lines().map(|line| format!("  {line}")).collect();
    lines.join("\n")
}

fn shortened(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    match lines.len().checked_sub(SHOWN) {
        None | Some(0) => lines.join("\n"),
        Some(more) => format!("{}\n  and {more} lines more", lines[..SHOWN].join("\n")),
    }
}
