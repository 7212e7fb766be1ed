//! A definition laid out for reading and comparing: of a table one column or constraint a
//! line.

use super::{Object, ObjectKind, normalise};
use crate::sql::{Dialect, Token, TokenKind, fold, lex};

/// One line of a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// As it is read.
    pub(super) text: String,
    /// As it is compared.
    pub(super) key: String,
    /// What it says.
    pub(super) part: Part,
}

/// What a line of a definition says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// A column; its name, folded.
    Column(String),
    /// A table's constraint.
    Constraint,
    /// Anything else.
    Other,
}

/// The lines of an object. Comments are left out, as they are from the fingerprint.
pub(super) fn lines(object: &Object, dialect: Dialect) -> Vec<Line> {
    let sql = &object.sql;
    let tokens: Vec<Token> =
        lex(sql, dialect).into_iter().filter(|token| token.kind != TokenKind::Comment).collect();
    let line = |tokens: &[Token], indent: &str, part: Part| {
        let text = joined(sql, tokens);
        Line { key: normalise(&text, dialect), text: format!("{indent}{text}"), part }
    };
    let list = if object.kind == ObjectKind::Table { list(sql, &tokens) } else { None };
    let Some((open, close)) = list else {
        return by_lines(sql, &tokens, dialect);
    };
    let mut lines = vec![line(&tokens[..=open], "", Part::Other)];
    for item in items(sql, &tokens[open + 1..close]) {
        lines.push(line(item, "    ", part(sql, item)));
    }
    lines.push(line(&tokens[close..], "", Part::Other));
    lines
}

/// A view's or a trigger's own lines, without comments and without blanks at the ends.
fn by_lines(sql: &str, tokens: &[Token], dialect: Dialect) -> Vec<Line> {
    let mut lines: Vec<&[Token]> = Vec::new();
    let mut start = 0;
    for at in 1..=tokens.len() {
        let ends = tokens
            .get(at)
            .is_none_or(|next| sql[tokens[at - 1].span.end..next.span.start].contains('\n'));
        if ends {
            lines.push(&tokens[start..at]);
            start = at;
        }
    }
    let line = |tokens: &&[Token]| {
        let text = joined(sql, tokens);
        Line { key: normalise(&text, dialect), text, part: Part::Other }
    };
    lines.iter().filter(|tokens| !tokens.is_empty()).map(line).collect()
}

/// Where a table's list of columns opens and closes.
fn list(sql: &str, tokens: &[Token]) -> Option<(usize, usize)> {
    let open = tokens.iter().position(|token| &sql[token.span.clone()] == "(")?;
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match &sql[token.span.clone()] {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((open, at));
        }
    }
    None
}

/// What the commas of a list keep apart.
fn items<'a>(sql: &str, tokens: &'a [Token]) -> Vec<&'a [Token]> {
    let mut depth = 0_usize;
    tokens
        .split(|token| {
            match &sql[token.span.clone()] {
                "(" => depth += 1,
                ")" => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && &sql[token.span.clone()] == ","
        })
        .filter(|item| !item.is_empty())
        .collect()
}

fn part(sql: &str, item: &[Token]) -> Part {
    let Some(first) = item.first() else { return Part::Other };
    let word = &sql[first.span.clone()];
    let is_constraint = first.kind == TokenKind::Word
        && ["constraint", "primary", "unique", "check", "foreign"]
            .iter()
            .any(|keyword| word.eq_ignore_ascii_case(keyword));
    if is_constraint { Part::Constraint } else { Part::Column(fold(word)) }
}

/// The tokens as one line: what stands apart has one blank between.
fn joined(sql: &str, tokens: &[Token]) -> String {
    let mut out = String::new();
    let mut end = None;
    for token in tokens {
        if end.is_some_and(|end| end < token.span.start) {
            out.push(' ');
        }
        out.push_str(&sql[token.span.clone()]);
        end = Some(token.span.end);
    }
    out
}
