//! Keeps credentials and terminal control out of whatever is printed.

use std::borrow::Cow;

/// The text with the user information of every URL in it replaced.
///
/// Works on text that is no valid URL too, because what a person mistyped is what gets
/// echoed: everything between `://` and the last `@` before white space is hidden.
///
/// ```
/// use portcullis_model::redact::urls;
/// assert_eq!(urls("postgres://me:p@ss@db/app"), "postgres://***@db/app");
/// assert_eq!(urls("no URL, me@example.org"), "no URL, me@example.org");
/// ```
pub fn urls(text: &str) -> Cow<'_, str> {
    if !text.contains("://") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(scheme) = rest.find("://") {
        let (head, tail) = rest.split_at(scheme + 3);
        out.push_str(head);
        let end = tail.find(char::is_whitespace).unwrap_or(tail.len());
        let secret = tail[..end].rfind('@');
        rest = match secret {
            Some(at) => {
                out.push_str("***");
                &tail[at..]
            }
            None => tail,
        };
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The text as one harmless line: control characters (newlines, terminal escapes) and
/// characters that turn the writing direction are written as escapes.
///
/// ```
/// use portcullis_model::redact::printable;
/// assert_eq!(printable("a\n\u{1b}[31mb"), "a\\n\\u{1b}[31mb");
/// ```
pub fn printable(text: &str) -> Cow<'_, str> {
    let hostile = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(hostile) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if hostile(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    Cow::Owned(out)
}

/// A path for people: lossy where it isn't UTF-8, without credentials should it be a URL
/// by mistake, and [`printable`].
pub fn path(path: &std::path::Path) -> String {
    printable(&urls(&path.to_string_lossy())).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_piece_of_a_password_survives() {
        for url in [
            "postgres://u:hunter2@h/db",
            "postgres://u:hunter2@h:5432/db?x=y see postgres://v:hunter2@i/",
            "x postgres://u:hun@ter2hunter2@h/db",
            "sqlite://hunter2@",
        ] {
            assert!(!urls(url).contains("ter2"), "{}", urls(url));
        }
    }

    #[test]
    fn direction_marks_and_escapes_are_shown_not_obeyed() {
        assert_eq!(printable("\u{202e}gpj"), "\\u{202e}gpj");
        assert_eq!(printable("plain – ünïcode 🦀"), "plain – ünïcode 🦀");
    }
}
