//! Text in SQL. A NUL can't be in either; the server refuses the statement then.

/// A text as a literal, whatever `standard_conforming_strings` says.
pub(crate) fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') {
        // The blank keeps the E apart from a word before it.
        format!(" E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

/// A name, exactly as it is.
pub(crate) fn name(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// A message of the server's without what it quotes.
pub(crate) fn hide_quoted(message: &str) -> String {
    let mut hidden = String::with_capacity(message.len());
    let mut rest = message;
    while let Some((before, quoted)) = rest.split_once('"') {
        hidden.push_str(before);
        hidden.push_str("\"…\"");
        // Without an end all of it is a value; a value may hold quotes, so that the last one is
        // its end.
        rest = quoted.rsplit_once('"').map_or("", |(_, after)| after);
    }
    hidden + rest
}

/// A name in a schema.
pub(crate) fn qualified(schema: &str, object: &str) -> String {
    format!("{}.{}", name(schema), name(object))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_quote_but_the_quote() {
        for (text, as_literal, as_name) in [
            ("plain", "'plain'", "\"plain\""),
            ("it's", "'it''s'", "\"it's\""),
            ("a\\'b", " E'a\\\\''b'", "\"a\\'b\""),
            ("say \"x\"", "'say \"x\"'", "\"say \"\"x\"\"\""),
            ("", "''", "\"\""),
        ] {
            assert_eq!((literal(text).as_str(), name(text).as_str()), (as_literal, as_name));
        }
        assert_eq!(qualified("a\"b", "c"), "\"a\"\"b\".\"c\"");
    }
}
