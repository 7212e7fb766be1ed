//! `portcullis: allow(rule): reason`, read from a comment.

use std::ops::Range;
use std::path::PathBuf;

use portcullis_model::config::like;
use portcullis_model::redact::printable;

use crate::rule::Allow;
use crate::{RULES, Rule};

/// A comment that speaks to the linter.
#[derive(Debug)]
pub(crate) struct Directive {
    /// The file it stands in.
    pub(crate) file: PathBuf,
    /// The migration's path and directory name, if it stands in one.
    pub(crate) migration: Option<(PathBuf, String)>,
    /// The bytes from `portcullis` to the end of the reason.
    pub(crate) span: Range<usize>,
    /// What it allows, each with its place.
    pub(crate) rules: Vec<(&'static Rule, Range<usize>)>,
    /// Why.
    pub(crate) reason: String,
    /// Where it holds.
    pub(crate) covers: Range<usize>,
    /// Whether it also holds for what is about a whole file or migration.
    pub(crate) covers_whole: bool,
    /// What is wrong with it.
    pub(crate) faults: Vec<Fault>,
}

/// Something in a directive that can't be followed.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) span: Range<usize>,
    pub(crate) message: String,
    pub(crate) help: String,
}

/// A file's comments, and where its statements stand.
pub(crate) struct Source<'a> {
    pub(crate) file: PathBuf,
    pub(crate) migration: Option<(PathBuf, String)>,
    pub(crate) length: usize,
    /// Where each begins, and its text with its delimiters.
    pub(crate) comments: Vec<(usize, &'a str)>,
    pub(crate) statements: Vec<Range<usize>>,
}

/// The directives of a file, in order.
pub(crate) fn directives(source: &Source<'_>) -> Vec<Directive> {
    let mut found = Vec::new();
    for (comment, text) in &source.comments {
        let mut start = *comment;
        for line in text.split_inclusive('\n') {
            if let Some(at) = opening(line) {
                let text = line[at..].trim_end().trim_end_matches("*/").trim_end();
                found.push(directive(source, start + at, text));
            }
            start += line.len();
        }
    }
    found
}

/// Where in a line of a comment the tool's name stands, if the line speaks to it: first in
/// the line, with a colon behind it or what is meant for one. In the middle it is talked
/// about.
fn opening(line: &str) -> Option<usize> {
    let ornament = |c: char| c.is_whitespace() || "-/*#!".contains(c);
    let words = line.trim_start_matches(ornament);
    let name = words.get(..NAME.len())?;
    let rest = words[NAME.len()..].trim_start_matches([' ', '-']);
    let speaks = name.eq_ignore_ascii_case(NAME)
        && [":", "allow(", "ignore("].iter().any(|next| rest.starts_with(next));
    speaks.then_some(line.len() - words.len())
}

const NAME: &str = "portcullis";

fn directive(source: &Source<'_>, start: usize, text: &str) -> Directive {
    let span = start..start + text.len();
    let passed = source.statements.partition_point(|statement| statement.end <= span.end);
    let next = source.statements.get(passed);
    let covers = match (next, source.statements.is_empty()) {
        (Some(next), _) => span.start..next.end,
        (None, false) => span.start..source.length,
        (None, true) => 0..source.length,
    };
    let covers_whole = source.statements.first().is_none_or(|first| span.end <= first.start);
    let (rules, reason, faults) = match parts(text) {
        Some((names, reason)) => check(&span, text, names, reason),
        None => (Vec::new(), "", vec![misunderstood(span.clone())]),
    };
    Directive {
        file: source.file.clone(),
        migration: source.migration.clone(),
        span,
        rules,
        reason: reason.to_owned(),
        covers,
        covers_whole,
        faults,
    }
}

/// The names between the parentheses, and what follows them.
fn parts(text: &str) -> Option<(&str, &str)> {
    let words = text.strip_prefix(NAME)?.trim_start().strip_prefix(':')?;
    let list = words.trim_start().strip_prefix("allow")?.trim_start().strip_prefix('(')?;
    let (names, rest) = list.split_once(')')?;
    let reason = rest.trim_start().strip_prefix(':').unwrap_or_default().trim();
    (!names.trim().is_empty()).then_some((names, reason))
}

fn misunderstood(span: Range<usize>) -> Fault {
    Fault {
        span,
        message: "this comment isn't understood: it allows nothing".to_owned(),
        help: "write `portcullis: allow(RULE): REASON`, or don't begin with the tool's name"
            .to_owned(),
    }
}

fn check<'a>(
    span: &Range<usize>,
    text: &str,
    names: &str,
    reason: &'a str,
) -> (Vec<(&'static Rule, Range<usize>)>, &'a str, Vec<Fault>) {
    let (mut rules, mut faults) = (Vec::new(), Vec::new());
    let mut at = span.start + text.find('(').map_or(0, |open| open + 1);
    for piece in names.split(',') {
        let name = piece.trim();
        let start = at + (piece.len() - piece.trim_start().len());
        let place = start..start + name.len();
        at += piece.len() + 1;
        match crate::rule(name) {
            _ if name.is_empty() => {}
            Some(rule) if rule.allow == Allow::WithReason => rules.push((rule, place)),
            Some(rule) => faults.push(Fault {
                span: place,
                message: format!("`{}` can't be allowed: {}", rule.id, NEVER),
                help: "correct what it finds, and delete the comment".to_owned(),
            }),
            None => faults.push(unknown(name, place)),
        }
    }
    if !reason.contains(char::is_alphanumeric) {
        rules.clear();
        faults.push(Fault {
            span: span.clone(),
            message: "the reason is missing: without one nothing is allowed".to_owned(),
            help: "say why behind the parenthesis: `portcullis: allow(RULE): REASON`".to_owned(),
        });
    }
    (rules, reason, faults)
}

const NEVER: &str = "what it finds breaks a run or the gate, or can't be meant";

fn unknown(name: &str, span: Range<usize>) -> Fault {
    let known: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
    let short: String = name.chars().take(40).collect();
    Fault {
        span,
        message: format!("there is no rule `{}`: nothing is allowed", printable(&short)),
        help: match like(&short.to_ascii_lowercase().replace('_', "-"), &known) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "cargo xtask explain rules lists them all".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(comment: &str) -> Vec<Directive> {
        directives(&Source {
            file: PathBuf::new(),
            migration: None,
            length: comment.len(),
            comments: vec![(0, comment)],
            statements: Vec::new(),
        })
    }

    #[test]
    fn rules_and_reason_are_read_however_they_are_spaced() {
        for (comment, rules, reason) in [
            ("-- portcullis: allow(unusual-name): it's: so", vec!["unusual-name"], "it's: so"),
            (
                "--portcullis :allow( unusual-name,stray-note ) :  why  ",
                vec!["unusual-name", "stray-note"],
                "why",
            ),
            ("/* portcullis: allow(unusual-name,): why */", vec!["unusual-name"], "why"),
            (
                "/*\n * The users.\n * portcullis: allow(unusual-name): why\n */",
                vec!["unusual-name"],
                "why",
            ),
            ("# portcullis: allow(unusual-name): größer", vec!["unusual-name"], "größer"),
            ("// portcullis: allow(other-way): why\r\n", vec!["other-way"], "why"),
        ] {
            let found = read(comment);
            assert_eq!(found.len(), 1, "{comment}");
            let ids: Vec<&str> = found[0].rules.iter().map(|(rule, _)| rule.id).collect();
            assert_eq!((ids, found[0].reason.as_str()), (rules, reason), "{comment}");
            for (rule, span) in &found[0].rules {
                assert_eq!(&comment[span.clone()], rule.id);
            }
            assert!(found[0].faults.is_empty(), "{comment}");
        }
    }

    #[test]
    fn what_only_mentions_the_tool_is_no_directive() {
        for comment in [
            "-- See portcullis: allow(unusual-name): why",
            "-- portcullis allows that",
            "-- portcullis",
            "-- The portcullis falls",
        ] {
            assert!(read(comment).is_empty(), "{comment}");
        }
    }

    #[test]
    fn what_can_not_be_followed_allows_nothing_and_says_so() {
        for (comment, message) in [
            ("-- portcullis: allow(unusual-name)", "the reason is missing"),
            ("-- portcullis: allow(unusual-name):", "the reason is missing"),
            ("-- portcullis: allow(unusual-name): -", "the reason is missing"),
            ("-- portcullis: allow(unusual-name) because", "the reason is missing"),
            ("-- portcullis: allow(): why", "this comment isn't understood"),
            ("-- portcullis: allow(unusual-name: why", "this comment isn't understood"),
            ("-- portcullis: ignore", "this comment isn't understood"),
            ("-- portcullis: ignore(unusual-name): why", "this comment isn't understood"),
            ("-- Portcullis: allow(unusual-name): why", "this comment isn't understood"),
            ("-- portcullis allow(unusual-name): why", "this comment isn't understood"),
            ("-- portcullis-allow(unusual-name): why", "this comment isn't understood"),
            ("-- portcullis: allow(\u{1b}x): why", "there is no rule `\\u{1b}x`"),
            ("-- portcullis: allow(own-tables): why", "`own-tables` can't be allowed"),
        ] {
            let found = read(comment);
            assert!(found[0].rules.is_empty(), "{comment}");
            let messages: Vec<&str> =
                found[0].faults.iter().map(|fault| fault.message.as_str()).collect();
            assert!(
                matches!(messages[..], [one] if one.starts_with(message)),
                "{comment}: {messages:?}"
            );
        }
        let found = read("-- portcullis: allow(Empty_Down): why");
        assert_eq!(found[0].faults[0].help, "did you mean `empty-down`?");
    }
}
