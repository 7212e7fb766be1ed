//! Splits SQL text into tokens. Never fails: what isn't closed runs to the end.

use std::ops::Range;

use super::Dialect;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// A keyword or an unquoted identifier.
    Word,
    /// `"name"`, and in SQLite `` `name` `` and `[name]`.
    QuotedName,
    /// `'text'`, and in PostgreSQL `E'text'` and `$tag$text$tag$`.
    Text,
    /// A number.
    Number,
    /// `-- …` or `/* … */`.
    Comment,
    /// `;`
    Semicolon,
    /// Any other single character.
    Punctuation,
}

/// A token and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Its byte range in the text.
    pub span: Range<usize>,
    /// Whether it ends as it should: a quote or comment that runs to the end of the
    /// text does not.
    pub closed: bool,
}

/// The tokens of a text, without the white space between them.
pub fn lex(sql: &str, dialect: Dialect) -> Vec<Token> {
    // With the blank after it, a token has more than six bytes on average.
    let mut tokens = Vec::with_capacity(sql.len() / 6);
    let mut cursor = Cursor { sql, bytes: sql.as_bytes(), at: 0, dialect };
    while let Some(token) = cursor.next_token() {
        tokens.push(token);
    }
    tokens
}

/// Looks at bytes: what delimits a token is ASCII in both dialects, and whatever is not
/// ASCII belongs to a word. So every token ends where a character does.
struct Cursor<'a> {
    sql: &'a str,
    bytes: &'a [u8],
    at: usize,
    dialect: Dialect,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    fn next_token(&mut self) -> Option<Token> {
        self.skip_blanks();
        let start = self.at;
        let first = *self.bytes.get(start)?;
        let second = self.bytes.get(start + 1).copied();
        let sqlite = self.dialect == Dialect::Sqlite;
        let (kind, closed) = match first {
            b'e' | b'E' if !sqlite && second == Some(b'\'') => {
                self.at += 1;
                (TokenKind::Text, self.quoted(b'\'', true))
            }
            _ if is_word_start(first) => {
                self.skip_while(is_word_part);
                (TokenKind::Word, true)
            }
            b'0'..=b'9' => {
                self.skip_while(|byte| {
                    byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'_'
                });
                (TokenKind::Number, true)
            }
            b';' => {
                self.at += 1;
                (TokenKind::Semicolon, true)
            }
            b'-' if second == Some(b'-') => {
                self.skip_while(|byte| byte != b'\n' && (sqlite || byte != b'\r'));
                (TokenKind::Comment, true)
            }
            b'/' if second == Some(b'*') => (TokenKind::Comment, self.block_comment()),
            b'\'' => (TokenKind::Text, self.quoted(b'\'', false)),
            b'"' => (TokenKind::QuotedName, self.quoted(b'"', false)),
            b'`' if sqlite => (TokenKind::QuotedName, self.quoted(b'`', false)),
            b'[' if sqlite => (TokenKind::QuotedName, self.until("]")),
            b'$' if !sqlite => self.dollar(),
            _ => {
                self.at += 1;
                (TokenKind::Punctuation, true)
            }
        };
        Some(Token { kind, span: start..self.at, closed })
    }

    /// Moves past what the engine takes for white space: never past other Unicode blanks.
    fn skip_blanks(&mut self) {
        let is_blank = |byte: u8| matches!(byte, b' ' | b'\t'..=b'\r');
        if self.dialect == Dialect::Postgres {
            return self.skip_while(is_blank);
        }
        loop {
            match self.bytes.get(self.at) {
                // SQLite takes a vertical tab for a blank only behind another blank.
                Some(b' ' | b'\t' | b'\n' | b'\x0c' | b'\r') => self.skip_while(is_blank),
                // U+FEFF. Inside a word it is a part of the word.
                Some(0xef) if self.rest().starts_with(b"\xef\xbb\xbf") => self.at += 3,
                _ => return,
            }
        }
    }

    fn skip_while(&mut self, keep: impl Fn(u8) -> bool) {
        let rest = self.rest();
        self.at += rest.iter().position(|byte| !keep(*byte)).unwrap_or(rest.len());
    }

    /// Moves past the next `end`, or to the end of the text; tells whether it was found.
    fn until(&mut self, end: &str) -> bool {
        let found = self.sql[self.at..].find(end);
        self.at = found.map_or(self.bytes.len(), |offset| self.at + offset + end.len());
        found.is_some()
    }

    /// Moves past a quoted run in which the quote is written twice (or, in PostgreSQL's
    /// `E''`, after a backslash) to stand for itself.
    fn quoted(&mut self, quote: u8, backslash: bool) -> bool {
        self.at += 1;
        loop {
            self.skip_while(|byte| byte != quote && !(backslash && byte == b'\\'));
            match *self.rest() {
                [] => return false,
                [first, second, ..] if first != quote || second == quote => self.at += 2,
                [first, ..] => {
                    self.at += 1;
                    return first == quote;
                }
            }
        }
    }

    /// PostgreSQL's block comments nest, SQLite's don't.
    fn block_comment(&mut self) -> bool {
        self.at += 2;
        if self.dialect == Dialect::Sqlite {
            return self.until("*/");
        }
        let mut depth = 1;
        while depth > 0 {
            self.skip_while(|byte| byte != b'*' && byte != b'/');
            match self.rest() {
                [] => return false,
                [b'*', b'/', ..] => {
                    self.at += 2;
                    depth -= 1;
                }
                [b'/', b'*', ..] => {
                    self.at += 2;
                    depth += 1;
                }
                _ => self.at += 1,
            }
        }
        true
    }

    /// `$tag$ … $tag$`, or a parameter such as `$1`.
    fn dollar(&mut self) -> (TokenKind, bool) {
        let (sql, start) = (self.sql, self.at);
        self.at += 1;
        if self.rest().first().is_some_and(|first| is_word_start(*first)) {
            self.skip_while(|byte| is_word_part(byte) && byte != b'$');
        }
        if self.rest().first() == Some(&b'$') {
            self.at += 1;
            return (TokenKind::Text, self.until(&sql[start..self.at]));
        }
        self.at = start + 1;
        (TokenKind::Punctuation, true)
    }
}

/// Whether a word may begin with the byte; each byte of a character beyond ASCII may.
fn is_word_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || !byte.is_ascii()
}

/// Whether a word may go on with the byte.
fn is_word_part(byte: u8) -> bool {
    is_word_start(byte) || byte.is_ascii_digit() || byte == b'$'
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kinds(sql: &str, dialect: Dialect) -> Vec<(TokenKind, &str)> {
        lex(sql, dialect).into_iter().map(|token| (token.kind, &sql[token.span])).collect()
    }

    #[test]
    fn quotes_comments_and_dollars_are_one_token_each() {
        use TokenKind::*;
        type Case<'a> = (Dialect, &'a str, &'a [(TokenKind, &'a str)]);
        let cases: &[Case<'_>] = &[
            (Dialect::Sqlite, "'it''s; --'", &[(Text, "'it''s; --'")]),
            (Dialect::Sqlite, "[a;b] `c;`", &[(QuotedName, "[a;b]"), (QuotedName, "`c;`")]),
            (Dialect::Sqlite, "/* a /* b */ c", &[(Comment, "/* a /* b */"), (Word, "c")]),
            (
                Dialect::Postgres,
                "/* a /* b */ c */ d",
                &[(Comment, "/* a /* b */ c */"), (Word, "d")],
            ),
            (Dialect::Postgres, "/* /*/ x */ */ d", &[(Comment, "/* /*/ x */ */"), (Word, "d")]),
            (
                Dialect::Postgres,
                "/***/ b /*/**/*/ c",
                &[(Comment, "/***/"), (Word, "b"), (Comment, "/*/**/*/"), (Word, "c")],
            ),
            (Dialect::Sqlite, "/*/ x */ d", &[(Comment, "/*/ x */"), (Word, "d")]),
            (
                Dialect::Postgres,
                r"E'\\' E'é\é''' f",
                &[(Text, r"E'\\'"), (Text, r"E'é\é'''"), (Word, "f")],
            ),
            (
                Dialect::Postgres,
                "$é1$ $ $é$ $é1$ a$b$",
                &[(Text, "$é1$ $ $é$ $é1$"), (Word, "a$b$")],
            ),
            (Dialect::Sqlite, "-- c\rx", &[(Comment, "-- c\rx")]),
            (Dialect::Postgres, "-- c\rx", &[(Comment, "-- c"), (Word, "x")]),
            (
                Dialect::Postgres,
                "$x$ ; $$ $x$ $1",
                &[(Text, "$x$ ; $$ $x$"), (Punctuation, "$"), (Number, "1")],
            ),
            (Dialect::Postgres, r"E'\';' e", &[(Text, r"E'\';'"), (Word, "e")]),
            (Dialect::Sqlite, "-- c;\nx", &[(Comment, "-- c;"), (Word, "x")]),
            (
                Dialect::Sqlite,
                "größe=1.5e3;",
                &[(Word, "größe"), (Punctuation, "="), (Number, "1.5e3"), (Semicolon, ";")],
            ),
        ];
        for (dialect, sql, expected) in cases {
            assert_eq!(kinds(sql, *dialect), *expected, "{sql}");
        }
    }

    #[test]
    fn blanks_are_what_the_engine_takes_for_blanks() {
        let both = [Dialect::Sqlite, Dialect::Postgres];
        let cases: &[(&[Dialect], &str, &[&str])] = &[
            (&both, "a \t\n\x0c\rb", &["a", "b"]),
            (&both, "a\u{a0}b \u{3000} \u{2028}c", &["a\u{a0}b", "\u{3000}", "\u{2028}c"]),
            (&both, "a\u{85}\u{200b}", &["a\u{85}\u{200b}"]),
            (&both, "\x1f\x7f", &["\x1f", "\x7f"]),
            (
                &[Dialect::Sqlite],
                "\u{feff}\u{feff}a \u{feff} b;\u{feff}c\u{feff}d",
                &["a", "b", ";", "c\u{feff}d"],
            ),
            (&[Dialect::Postgres], "\u{feff}a \u{feff} b", &["\u{feff}a", "\u{feff}", "b"]),
            (&[Dialect::Sqlite], "\x0b a \x0bb", &["\x0b", "a", "b"]),
            (&[Dialect::Postgres], "\x0b a\x0bb", &["a", "b"]),
        ];
        for (dialects, sql, expected) in cases {
            for dialect in *dialects {
                let found: Vec<_> =
                    kinds(sql, *dialect).into_iter().map(|(_, text)| text).collect();
                assert_eq!(found, *expected, "{sql:?} {dialect:?}");
            }
        }
    }

    #[test]
    fn what_is_not_closed_says_so() {
        for sql in ["'a", "\"a", "/* a", "'a''", "[a"] {
            assert!(!lex(sql, Dialect::Sqlite)[0].closed, "{sql}");
        }
        for sql in ["$a$ b", "$$ $a$", "/* /* */", "/*/", "E'\\'", "E'\\"] {
            assert!(!lex(sql, Dialect::Postgres)[0].closed, "{sql}");
        }
    }

    proptest! {
        /// Tokens are in order, don't overlap, cover everything but white space, and
        /// lie on character boundaries, whatever the text.
        #[test]
        fn tokens_tile_any_text(sql in "[-/*'\"`$;eE\\\\ \r\n\x0b\x7f\\[\\]a-c1é🦀\u{feff}\u{a0}]{0,60}") {
            for (dialect, blanks) in [(Dialect::Sqlite, " \r\n\x0b\u{feff}"), (Dialect::Postgres, " \r\n\x0b")] {
                let is_blank = |text: &str| text.chars().all(|c| blanks.contains(c));
                let mut end = 0;
                for token in lex(&sql, dialect) {
                    prop_assert!(is_blank(&sql[end..token.span.start]));
                    prop_assert!(token.span.start < token.span.end);
                    prop_assert!(sql.is_char_boundary(token.span.end));
                    end = token.span.end;
                }
                prop_assert!(is_blank(&sql[end..]));
            }
        }
    }
}
