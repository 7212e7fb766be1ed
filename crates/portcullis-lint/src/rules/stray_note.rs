use std::ops::Range;

use crate::rule::example::{DROP, GOOD, UP};
use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Error,
    allow: Allow::WithReason,
    summary: "A comment says TODO, FIXME or XXX.",
    why: "A migration is final once it has run anywhere: it can't be edited, so what is left to \
          do is never done here.",
    instead: "Do it now, or open an issue and delete the note; a later change is a later \
              migration.",
    bad: &[(UP, b"-- TODO: should the name be unique?\nCREATE TABLE users (name TEXT);\n"), DROP],
    good: GOOD,
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    for file in input.sql() {
        for (start, comment) in file.comments() {
            for (note, span) in notes(comment) {
                findings.at(
                    file.path(),
                    start + span.start..start + span.end,
                    format!("a {note} in a migration is never done: once it has run, it is final"),
                    "do it now, or open an issue and delete the note",
                );
            }
        }
    }
}

/// The notes in a comment, as whole words.
fn notes(comment: &str) -> impl Iterator<Item = (&'static str, Range<usize>)> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let starts =
        (0..comment.len()).filter(|at| matches!(comment.as_bytes()[*at], b'T' | b'F' | b'X'));
    starts.filter_map(move |start| {
        let (before, rest) = comment.split_at(start);
        let note = ["TODO", "FIXME", "XXX"].into_iter().find(|note| rest.starts_with(note))?;
        let stands_alone = !before.ends_with(is_word) && !rest[note.len()..].starts_with(is_word);
        stands_alone.then_some((note, start..start + note.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::fired;

    #[test]
    fn only_whole_words_in_comments_are_notes() {
        for comment in ["-- TODOS", "-- todo", "-- MY_TODO", "-- XXXX", "/* éTODO */"] {
            assert_eq!(notes(comment).count(), 0, "{comment}");
        }
        let up = b"INSERT INTO a VALUES ('TODO'); /* XXX,\n (FIXME) */ SELECT TODO;";
        let found = fired(&[(UP, up), DROP]);
        assert_eq!(found, [(RULE.id, Some((1, 35))), (RULE.id, Some((2, 3)))]);
    }
}
