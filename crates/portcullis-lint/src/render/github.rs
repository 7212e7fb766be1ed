//! Findings as commands that GitHub's runners turn into annotations of the changed files.

use std::path::Path;

use portcullis_model::redact;

use crate::{Finding, Report, Severity};

/// One line a finding; empty if there are none. `prefix` leads from the top of the
/// repository to what the set was read from.
pub fn github(report: &Report, prefix: &Path) -> String {
    report.findings.iter().map(|finding| command(finding, prefix)).collect()
}

fn command(finding: &Finding, prefix: &Path) -> String {
    let command = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut out =
        format!("::{command} file={}", property(&redact::path(&prefix.join(&finding.file))));
    if let (Some(start), Some(end)) = (finding.position, finding.end) {
        out += &format!(",line={},endLine={}", start.line, end.line);
        // Over several lines the runner refuses columns.
        if start.line == end.line {
            out += &format!(",col={},endColumn={}", start.column, end.column);
        }
    }
    let text = format!("{}\n{}", finding.message, finding.help);
    out + &format!(",title={}::{}\n", property(finding.rule), data(&text))
}

/// What the runner reads as the end of a line, or as the beginning of an escape.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// In a property, also what ends it.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_command_early() {
        assert_eq!(property("50%,\r\na:b"), "50%25%2C%0D%0Aa%3Ab");
        assert_eq!(data("50%25: a,\r\nb"), "50%2525: a,%0D%0Ab");
    }
}
