//! Lists in statements: what stands between the commas.

use portcullis_model::sql::{Statement, TokenKind, fold};

/// One item, as a range of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Item {
    /// Its first token.
    pub(super) start: usize,
    /// The token after its last.
    pub(super) end: usize,
}

/// The items from `at` on, up to one of these words, or to the end of what they stand in.
pub(super) fn items(statement: &Statement<'_>, at: usize, until: &[&str]) -> Vec<Item> {
    let mut found = Vec::new();
    let (mut depth, mut start) = (0_u32, at);
    for index in at..=statement.len() {
        let word = statement.word(index);
        let is_word = statement.tokens().get(index).is_some_and(|one| one.kind == TokenKind::Word);
        let ends = index == statement.len()
            || (depth == 0 && word == ")")
            || (depth == 0 && is_word && until.iter().any(|one| one.eq_ignore_ascii_case(word)));
        if ends || (depth == 0 && word == ",") {
            if index > start {
                found.push(Item { start, end: index });
            }
            start = index + 1;
        }
        if ends {
            break;
        }
        match word {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
    }
    found
}

/// The names before the first `=` of an item, folded.
pub(super) fn names(statement: &Statement<'_>, start: usize, end: usize) -> Vec<String> {
    let before = (start..end).take_while(|at| statement.word(*at) != "=");
    before
        .filter(|at| {
            matches!(statement.tokens()[*at].kind, TokenKind::Word | TokenKind::QuotedName)
        })
        .map(|at| fold(statement.word(at)))
        .collect()
}
