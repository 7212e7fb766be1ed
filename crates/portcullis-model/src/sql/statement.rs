//! Splits a text into statements, minding the bodies that hold semicolons themselves.

use std::ops::Range;

use super::{Dialect, Token, TokenKind, fold, lex};

/// How statements begin that begin, end or split a transaction.
const TRANSACTION_CONTROL: [&[&str]; 9] = [
    &["begin"],
    &["start", "transaction"],
    &["commit"],
    &["end"],
    &["rollback"],
    &["abort"],
    &["savepoint"],
    &["release"],
    &["prepare", "transaction"],
];

/// One statement, without comments around it and without its semicolon.
#[derive(Debug, Clone)]
pub struct Statement<'a> {
    source: &'a str,
    tokens: Vec<Token>,
}

impl<'a> Statement<'a> {
    /// The byte range of the statement in the text it was split from.
    pub fn span(&self) -> Range<usize> {
        let start = self.tokens.first().map_or(0, |token| token.span.start);
        let end = self.tokens.last().map_or(0, |token| token.span.end);
        start..end
    }

    /// The statement's text.
    pub fn text(&self) -> &'a str {
        &self.source[self.span()]
    }

    /// The number of tokens, comments left out.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Never: a statement has at least one token.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The tokens, comments left out.
    pub fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// The text of one token; empty beyond the end.
    pub fn word(&self, index: usize) -> &'a str {
        self.tokens.get(index).map_or("", |token| &self.source[token.span.clone()])
    }

    /// Whether the tokens from `index` on are these keywords, in any case.
    pub fn has_keywords(&self, index: usize, keywords: &[&str]) -> bool {
        let tokens = self.tokens.get(index..).unwrap_or_default();
        tokens.len() >= keywords.len()
            && tokens.iter().zip(keywords).all(|(token, keyword)| {
                // The length tells most words apart, and is the cheapest to compare.
                token.span.len() == keyword.len()
                    && token.kind == TokenKind::Word
                    && self.source.as_bytes()[token.span.clone()]
                        .eq_ignore_ascii_case(keyword.as_bytes())
            })
    }

    /// The keywords it begins with, in lower case, if it begins, ends or splits a transaction.
    pub fn transaction_control(&self) -> Option<&'static [&'static str]> {
        TRANSACTION_CONTROL.into_iter().find(|keywords| self.has_keywords(0, keywords))
    }

    /// The table named at `index`, folded, with any `schema.` left out; and the index
    /// of the token after it.
    pub fn name_at(&self, index: usize) -> Option<(String, usize)> {
        let is_name = |index: usize| {
            self.tokens.get(index).is_some_and(|token| {
                matches!(token.kind, TokenKind::Word | TokenKind::QuotedName | TokenKind::Text)
            })
        };
        if !is_name(index) {
            return None;
        }
        if self.word(index + 1) == "." && is_name(index + 2) {
            return Some((fold(self.word(index + 2)), index + 3));
        }
        Some((fold(self.word(index)), index + 1))
    }

    /// Whether the statement begins with `CREATE [TEMP|TEMPORARY] TRIGGER`.
    pub fn is_trigger(&self) -> bool {
        is_trigger(self.source, &self.tokens)
    }
}

fn word<'a>(source: &'a str, tokens: &[Token], index: usize) -> &'a str {
    match tokens.get(index) {
        Some(token) if token.kind == TokenKind::Word => &source[token.span.clone()],
        _ => "",
    }
}

fn is_trigger(source: &str, tokens: &[Token]) -> bool {
    let is = |index, keyword: &str| word(source, tokens, index).eq_ignore_ascii_case(keyword);
    is(0, "create")
        && (is(1, "trigger") || ((is(1, "temp") || is(1, "temporary")) && is(2, "trigger")))
}

/// The statements of a text, in order. Empty ones are left out.
pub fn statements(sql: &str, dialect: Dialect) -> Vec<Statement<'_>> {
    split(sql, &lex(sql, dialect), dialect)
}

/// The statements of a text that is split into tokens already: `tokens` are what [`lex`]
/// makes of it.
pub fn split<'a>(sql: &'a str, tokens: &[Token], dialect: Dialect) -> Vec<Statement<'a>> {
    let mut found = Vec::new();
    let mut body = Body::default();
    let mut current: Vec<Token> = Vec::new();
    for token in tokens {
        match token.kind {
            TokenKind::Comment => continue,
            TokenKind::Semicolon if !body.holds_semicolons(sql, &current, dialect) => {
                if !current.is_empty() {
                    // A copy takes no more room than it needs.
                    found.push(Statement { source: sql, tokens: current.clone() });
                    current.clear();
                }
                body = Body::default();
            }
            _ => {
                // Only there do bodies count.
                if dialect == Dialect::Postgres {
                    body.see(&sql[token.span.clone()], token.kind);
                }
                current.push(token.clone());
            }
        }
    }
    if !current.is_empty() {
        found.push(Statement { source: sql, tokens: current });
    }
    found
}

/// What has been opened and not closed in the statement so far.
#[derive(Default)]
struct Body {
    parentheses: usize,
    /// PostgreSQL's `BEGIN ATOMIC … END`, and the `CASE … END`s within.
    blocks: usize,
    previous_was_begin: bool,
}

impl Body {
    fn see(&mut self, text: &str, kind: TokenKind) {
        let is = |keyword| kind == TokenKind::Word && text.eq_ignore_ascii_case(keyword);
        match text {
            "(" => self.parentheses += 1,
            ")" => self.parentheses = self.parentheses.saturating_sub(1),
            _ if self.previous_was_begin && is("atomic") => self.blocks = 1,
            _ if self.blocks > 0 && is("case") => self.blocks += 1,
            _ if self.blocks > 0 && is("end") => self.blocks -= 1,
            _ => {}
        }
        self.previous_was_begin = is("begin");
    }

    fn holds_semicolons(&self, source: &str, tokens: &[Token], dialect: Dialect) -> bool {
        match dialect {
            // CREATE RULE … DO (a; b), and SQL-standard function bodies.
            Dialect::Postgres => self.parentheses > 0 || self.blocks > 0,
            // As sqlite3_complete has it: a trigger ends with `; END ;`.
            Dialect::Sqlite => {
                is_trigger(source, tokens)
                    && !{
                        let last = tokens.len().wrapping_sub(1);
                        word(source, tokens, last).eq_ignore_ascii_case("end")
                            && tokens
                                .get(last.wrapping_sub(1))
                                .is_some_and(|token| token.kind == TokenKind::Semicolon)
                    }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_keep_their_semicolons() {
        let cases: &[(Dialect, &str, &[&str])] = &[
            (Dialect::Sqlite, ";; a ; -- x;\n b", &["a", "b"]),
            (
                Dialect::Sqlite,
                "CREATE TEMP TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET x = CASE 1 WHEN 1 THEN 2 END; END; SELECT 1",
                &[
                    "CREATE TEMP TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET x = CASE 1 WHEN 1 THEN 2 END; END",
                    "SELECT 1",
                ],
            ),
            (Dialect::Sqlite, "BEGIN; COMMIT", &["BEGIN", "COMMIT"]),
            (Dialect::Postgres, "DO $$ BEGIN; END $$; x", &["DO $$ BEGIN; END $$", "x"]),
            (
                Dialect::Postgres,
                "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END; y",
                &[
                    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END",
                    "y",
                ],
            ),
            (
                Dialect::Postgres,
                "CREATE RULE r AS ON INSERT TO a DO (b; c); d",
                &["CREATE RULE r AS ON INSERT TO a DO (b; c)", "d"],
            ),
            (Dialect::Sqlite, "'unclosed; x", &["'unclosed; x"]),
            (Dialect::Sqlite, "-- nothing\n/* here; */ ;", &[]),
        ];
        for (dialect, sql, expected) in cases {
            let texts: Vec<_> = statements(sql, *dialect).iter().map(Statement::text).collect();
            assert_eq!(texts, *expected, "{sql}");
        }
    }

    #[test]
    fn a_mark_in_front_hides_no_keyword_from_sqlite() {
        let sql = "\u{feff}COMMIT;\u{feff}\u{feff} END";
        let found = statements(sql, Dialect::Sqlite);
        let texts: Vec<_> = found.iter().map(Statement::text).collect();
        assert_eq!(texts, ["COMMIT", "END"]);
        assert!(!statements(sql, Dialect::Postgres)[0].has_keywords(0, &["commit"]));
    }

    #[test]
    fn names_are_folded_and_lose_their_schema() {
        let sql = "DROP TABLE main.\"My \"\"T\"";
        let found = statements(sql, Dialect::Sqlite);
        assert_eq!(found[0].name_at(2), Some(("my \"t".to_owned(), 5)));
    }
}
