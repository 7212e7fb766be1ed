//! Just enough SQL: tokens, statements, and what statements do to tables.
//!
//! Nothing here parses expressions or knows a schema. What only
//! an engine can tell is asked of the engine.

mod effects;
mod inverse;
mod lexer;
mod statement;

pub use effects::{Effects, effects};
pub use inverse::inverse;
pub use lexer::{Token, TokenKind, lex};
pub use statement::{Statement, split, statements};

/// Whose SQL it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

impl Dialect {
    /// The word for it in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Dialect::Sqlite => "sqlite",
            Dialect::Postgres => "postgres",
        }
    }
}

/// An identifier as the catalog compares it: unquoted, ASCII letters in lower case.
///
/// SQLite compares names without regard to ASCII case even when they are quoted.
pub fn fold(identifier: &str) -> String {
    let inner = |quote: char| {
        identifier
            .strip_prefix(quote)
            .and_then(|rest| rest.strip_suffix(quote))
            .map(|name| name.replace(&format!("{quote}{quote}"), &quote.to_string()))
    };
    let brackets =
        || identifier.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).map(str::to_owned);
    inner('"')
        .or_else(|| inner('`'))
        .or_else(|| inner('\''))
        .or_else(brackets)
        .unwrap_or_else(|| identifier.to_owned())
        .to_ascii_lowercase()
}
