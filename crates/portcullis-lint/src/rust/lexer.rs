//! Splits Rust into words, comments, literals and single characters. Never fails: what
//! isn't closed runs to the end.

use std::ops::Range;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A keyword, a name, or a number.
    Word,
    /// A text, a character or a lifetime.
    Literal,
    Comment,
    /// Any other single character.
    Punctuation,
}

#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) span: Range<usize>,
}

pub(crate) fn lex(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (kind, start, length) = token(&text[at..], first);
        tokens.push(Token { kind, span: at + start..at + length });
        at += length;
    }
    tokens
}

/// What the text begins with, where its meaning begins, and where it ends.
fn token(text: &str, first: char) -> (Kind, usize, usize) {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    if text.starts_with("//") {
        return (Kind::Comment, 0, text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return (Kind::Comment, 0, block_comment(text));
    }
    match first {
        '"' => (Kind::Literal, 0, quoted(text, 1, '"')),
        '\'' => (Kind::Literal, 0, quote(text)),
        _ if is_word(first) => {
            let length = text.find(|c| !is_word(c)).unwrap_or(text.len());
            let (word, rest) = text.split_at(length);
            let hashes = rest.len() - rest.trim_start_matches('#').len();
            let raw = matches!(word, "r" | "br" | "cr");
            if raw && rest[hashes..].starts_with('"') {
                (Kind::Literal, 0, raw_text(text, length + hashes + 1, hashes))
            } else if matches!(word, "b" | "c") && rest.starts_with('"') {
                (Kind::Literal, 0, quoted(text, length + 1, '"'))
            } else if word == "b" && rest.starts_with('\'') {
                (Kind::Literal, 0, quoted(text, length + 1, '\''))
            } else if word == "r" && hashes == 1 && rest[1..].starts_with(is_word) {
                let name = rest[1..].find(|c| !is_word(c)).unwrap_or(rest.len() - 1);
                (Kind::Word, 2, 2 + name)
            } else {
                (Kind::Word, 0, length)
            }
        }
        _ => (Kind::Punctuation, 0, first.len_utf8()),
    }
}

/// The end of a comment that nests.
fn block_comment(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut depth, mut at) = (0_usize, 0);
    while at < bytes.len() {
        match &bytes[at..] {
            [b'/', b'*', ..] => {
                depth += 1;
                at += 2;
            }
            [b'*', b'/', ..] => {
                depth -= 1;
                at += 2;
            }
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// The end of a literal in which a backslash keeps the next character from ending it.
fn quoted(text: &str, from: usize, end: char) -> usize {
    let mut characters = text[from..].char_indices();
    while let Some((at, c)) = characters.next() {
        if c == '\\' {
            characters.next();
        } else if c == end {
            return from + at + 1;
        }
    }
    text.len()
}

fn raw_text(text: &str, from: usize, hashes: usize) -> usize {
    let end = format!("\"{}", "#".repeat(hashes));
    text[from..].find(&end).map_or(text.len(), |at| from + at + end.len())
}

/// The end of a character, or of a lifetime's quote.
fn quote(text: &str) -> usize {
    let mut characters = text[1..].chars();
    match (characters.next(), characters.next()) {
        (Some('\\'), _) => quoted(text, 1, '\''),
        (Some(c), Some('\'')) => 1 + c.len_utf8() + 1,
        _ => 1,
    }
}
