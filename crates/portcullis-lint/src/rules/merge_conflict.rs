use std::ops::Range;

use crate::rule::example::{DROP, GOOD, UP};
use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Error,
    allow: Allow::Never,
    summary: "A file has git's conflict markers.",
    why: "The file is two versions at once. SQL with markers fails to run; a `metadata.toml` \
          with markers is silently ignored.",
    instead: "Decide which side counts, and delete the markers.",
    bad: &[
        (
            UP,
            b"<<<<<<< HEAD\nCREATE TABLE users (id INTEGER);\n=======\nCREATE TABLE users (id TEXT);\n>>>>>>> topic\n",
        ),
        DROP,
    ],
    good: GOOD,
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    for file in input.files() {
        let found = markers(file.text.unwrap_or_default());
        let Some(first) = found.first() else { continue };
        let count = match found.len() {
            1 => "a conflict marker is".to_owned(),
            count => format!("{count} conflict markers are"),
        };
        findings.at(
            file.path(),
            first.clone(),
            format!("{count} left from a merge: the file is two versions at once"),
            "decide which side counts, and delete the lines with the markers",
        );
    }
}

/// The lines that are markers. `=======` alone may be an ornament: it counts only
/// beside another marker.
fn markers(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let (mut start, mut certain) = (0, false);
    for line in text.split_inclusive('\n') {
        let content = line.trim_end_matches(['\n', '\r']);
        let is_side =
            ["<<<<<<< ", ">>>>>>> ", "||||||| "].iter().any(|side| line.starts_with(side));
        certain |= is_side;
        if is_side || content == "=======" {
            found.push(start..start + content.len());
        }
        start += line.len();
    }
    if certain { found } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ornament_is_no_marker() {
        assert!(markers("/*\n=======\n*/\n -- <<<<<<< a\n<<<<<<<\n").is_empty());
        assert_eq!(markers("a\r\n=======\r\n>>>>>>> x\r\n"), [3..10, 12..21]);
        assert_eq!(markers("||||||| base"), vec![Range { start: 0, end: 12 }]);
    }
}
