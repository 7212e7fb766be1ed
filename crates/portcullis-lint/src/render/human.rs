//! Findings for people: each with a picture of the place.

use std::collections::BTreeSet;

use annotate_snippets::renderer::{AnsiColor, Style};
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use portcullis_model::redact;
use portcullis_model::words::count;

use crate::{Finding, Report, Severity};

/// The findings as rustc would draw them, and a line that counts them. Empty if there
/// are none.
pub fn human(report: &Report, colour: bool) -> String {
    if report.findings.is_empty() {
        return String::new();
    }
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let mut out = String::new();
    for finding in &report.findings {
        out += &renderer.render(&[group(finding)]);
        out += "\n";
        if let Some(diff) = &finding.diff {
            out += "\n";
            diff.lines().for_each(|line| out += &drawn(line, colour));
        }
        out += "\n";
    }
    out + &summary(report) + "\n"
}

fn group(finding: &Finding) -> Group<'_> {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(&finding.message).id(finding.rule);
    let path = redact::path(&finding.file);
    let group = match (&finding.excerpt, finding.position) {
        (Some(excerpt), Some(position)) => title.element(
            Snippet::source(&excerpt.line)
                .line_start(position.line)
                .path(path)
                .annotation(AnnotationKind::Primary.span(excerpt.meant.clone())),
        ),
        (None, Some(position)) => {
            title.element(Origin::path(path).line(position.line).char_column(position.column))
        }
        (_, None) => title.element(Origin::path(path)),
    };
    group.element(Level::HELP.message(&finding.help))
}

/// A line of a diff, below the picture.
fn drawn(line: &str, colour: bool) -> String {
    let style = match line.as_bytes().first() {
        Some(b'+') if colour => AnsiColor::Green.on_default(),
        Some(b'-') if colour => AnsiColor::Red.on_default(),
        _ => Style::new(),
    };
    let line = line.replace('\t', "    ");
    format!("    {style}{}{style:#}\n", redact::printable(&line))
}

/// "2 errors, 1 warning in 3 files; 1 allowed"
fn summary(report: &Report) -> String {
    let verdict = report.verdict();
    let counted = [(verdict.errors, "error"), (verdict.warnings, "warning")]
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, noun)| count(number, noun))
        .collect::<Vec<_>>()
        .join(", ");
    let files: BTreeSet<_> = report.findings.iter().map(|finding| &finding.file).collect();
    let allowed = match report.allowed.len() {
        0 => String::new(),
        number => format!("; {number} allowed"),
    };
    format!("{counted} in {}{allowed}", count(files.len(), "file"))
}
