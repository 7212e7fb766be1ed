//! What of a Rust file is compiled for tests only.

use std::ops::Range;

use super::lexer::{Kind, Token};

/// The ranges of the items behind `#[cfg(test)]` and `#[test]`, in order.
pub(crate) fn ranges(text: &str, tokens: &[Token]) -> Vec<Range<usize>> {
    let code: Vec<(&str, Range<usize>)> = tokens
        .iter()
        .filter(|token| token.kind != Kind::Comment)
        .map(|token| (&text[token.span.clone()], token.span.clone()))
        .collect();
    let words: Vec<&str> = code.iter().map(|(word, _)| *word).collect();
    let (mut found, mut at) = (Vec::new(), 0);
    while at < words.len() {
        let (inner, open) = match words[at..] {
            ["#", "[", ..] => (false, at + 1),
            ["#", "!", "[", ..] => (true, at + 2),
            _ => {
                at += 1;
                continue;
            }
        };
        let close = matching(&words, open);
        if !is_for_tests(&words[open + 1..close.min(words.len())]) {
            at = open + 1;
            continue;
        }
        let start = code[at].1.start;
        at = if inner { words.len() } else { item(&words, close + 1) };
        found.push(start..code.get(at).map_or(text.len(), |(_, span)| span.start));
    }
    found
}

/// Whether an attribute leaves its item out of what is shipped.
fn is_for_tests(attribute: &[&str]) -> bool {
    match attribute {
        ["cfg", "(", "test", ")"] | ["test"] => true,
        ["cfg", "(", "all", "(", conditions @ .., ")", ")"] => is_one(conditions, "test"),
        // #[tokio::test], #[tokio::test(flavor = "…")]
        [.., ":", "test"] => true,
        [_, ":", ":", "test", "(", ..] => true,
        _ => false,
    }
}

/// Whether a word stands alone in a list, outside of parentheses.
fn is_one(list: &[&str], word: &str) -> bool {
    let mut depth = 0_usize;
    list.iter().enumerate().any(|(at, found)| {
        match *found {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && *found == word && list.get(at + 1).is_none_or(|next| *next == ",")
    })
}

/// The index of what closes the bracket at `open`; the number of words if nothing does.
fn matching(words: &[&str], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, word) in words.iter().enumerate().skip(open) {
        match *word {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    words.len()
}

/// The index behind the item that begins at `at`: behind its `;` or its braces, or at what
/// closes the block that it ends.
fn item(words: &[&str], mut at: usize) -> usize {
    while at < words.len() {
        match words[at] {
            ";" => return at + 1,
            "{" => return matching(words, at) + 1,
            ")" | "]" | "}" => return at,
            "(" | "[" => at = matching(words, at) + 1,
            _ => at += 1,
        }
    }
    words.len()
}
