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
