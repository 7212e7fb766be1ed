//! What a column's CHECK constraints let through, guessed from their words. A wrong guess costs
//! rows, which the database then refuses; nothing else depends on it.

use portcullis_database::scratch::shape::{Column, Kind, Shape};
use portcullis_model::sql::{Dialect, TokenKind, fold, lex};

/// What is known of a column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Hints {
    /// The only texts, as SQL.
    pub(super) texts: Vec<String>,
    /// The range of a number.
    pub(super) between: Option<(i64, i64)>,
    /// How long a text must be.
    pub(super) length: Option<usize>,
    /// Whether a text is compared with itself in small letters.
    pub(super) is_lower: bool,
}

/// The hints for every column of a table.
pub(super) fn hints(shape: &Shape, dialect: Dialect) -> Vec<Hints> {
    shape.columns.iter().map(|column| of(column, shape, dialect)).collect()
}

/// Whether a CHECK says something of a column.
pub(super) fn is_checked(column: &Column, shape: &Shape, dialect: Dialect) -> bool {
    let name = column.name.to_ascii_lowercase();
    shape
        .checks
        .iter()
        .any(|check| lex(check, dialect).into_iter().any(|token| fold(&check[token.span]) == name))
}

fn of(column: &Column, shape: &Shape, dialect: Dialect) -> Hints {
    let mut hints = Hints::default();
    for check in &shape.checks {
        let tokens = lex(check, dialect);
        let words: Vec<(TokenKind, &str)> =
            tokens.into_iter().map(|token| (token.kind, &check[token.span])).collect();
        let is_own = |(kind, word): &(TokenKind, &str)| {
            matches!(kind, TokenKind::Word | TokenKind::QuotedName)
                && fold(word) == column.name.to_ascii_lowercase()
        };
        if !words.iter().any(is_own) {
            continue;
        }
        let has = |wanted: &str| words.iter().any(|(_, word)| word.eq_ignore_ascii_case(wanted));
        let numbers: Vec<i64> = words
            .iter()
            .filter(|(kind, _)| *kind == TokenKind::Number)
            .filter_map(|(_, word)| word.parse().ok())
            .collect();
        let is_text = matches!(column.kind, Kind::Text(_));
        hints.is_lower |= is_text && has("lower");
        if is_text && (has("in") || has("any")) {
            let texts = words.iter().filter(|(kind, _)| *kind == TokenKind::Text);
            hints.texts.extend(texts.map(|(_, word)| (*word).to_owned()));
        } else if is_text && (has("length") || has("char_length")) {
            let exact = has("=") && !has("<") && !has(">");
            let length = numbers.first().and_then(|number| usize::try_from(*number).ok());
            hints.length = length.filter(|_| exact).or(hints.length);
        } else if !is_text && !numbers.is_empty() {
            hints.between = between(&numbers, has("<"), has(">")).or(hints.between);
        }
    }
    hints
}

fn between(numbers: &[i64], less: bool, greater: bool) -> Option<(i64, i64)> {
    match (numbers, less, greater) {
        ([low, high], ..) if low < high => Some((*low, *high)),
        ([only], false, true) => Some((only.saturating_add(1), only.saturating_add(1_000_000))),
        ([only], true, false) => Some((only.saturating_sub(1), only.saturating_sub(1))),
        _ => None,
    }
}
