//! A rule as text.

use std::fmt::Write as _;

use portcullis_model::redact::printable;

use crate::{Allow, Example, Rule};

/// Everything there is to say about a rule, as Markdown.
pub fn explain(rule: &Rule) -> String {
    let mut text =
        format!("# {} ({})\n\n{}\n", rule.id, rule.severity.name(), wrapped(rule.summary));
    for (heading, body) in [("Why", rule.why), ("Instead", rule.instead)] {
        text += &format!("\n## {heading}\n\n{}\n", wrapped(body));
    }
    text += &format!("\n## Allow\n\n{}", allow(rule));
    for (heading, files) in [("Bad", rule.bad), ("Good", rule.good)] {
        if !files.is_empty() {
            text += &format!("\n## {heading}\n");
            files.iter().for_each(|file| show(file, &mut text));
        }
    }
    text
}

/// Whether and how a finding is allowed, with a line to paste.
fn allow(rule: &Rule) -> String {
    let (place, comment) = match (rule.allow, rule.id) {
        (Allow::Never, _) => return "It can't be allowed.\n".to_owned(),
        (_, "other-way") => ("above the line", "//"),
        _ => ("above the statement, or before the first one if it is about a whole file", "--"),
    };
    let text = format!("If it is meant, say why in a comment {place}:");
    format!("{}\n\n    {comment} portcullis: allow({}): REASON\n", wrapped(&text), rule.id)
}

/// The text in lines of up to 80 characters.
fn wrapped(text: &str) -> String {
    let mut out = String::new();
    let mut width = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if width > 0 {
            let breaks = width + 1 + length > 80;
            out.push(if breaks { '\n' } else { ' ' });
            width = if breaks { 0 } else { width + 1 };
        }
        out.push_str(word);
        width += length;
    }
    out
}

fn show((path, content): &Example, text: &mut String) {
    let _ = writeln!(text, "\n{}\n", printable(path));
    if content.is_empty() {
        text.push_str("    (zero bytes)\n");
    }
    for line in content.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = visible(line);
        let _ = writeln!(text, "{}{line}", if line.is_empty() { "" } else { "    " });
    }
}

/// A line in which what can't be seen is written as an escape.
fn visible(line: &[u8]) -> String {
    match std::str::from_utf8(line) {
        Ok(line) => printable(line).replace('\u{feff}', "\\u{feff}"),
        Err(_) => line.escape_ascii().to_string(),
    }
}
