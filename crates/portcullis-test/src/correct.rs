//! Writes what queries gave into the files that expected something else.

use std::collections::BTreeMap;

use portcullis_database::slt::case::Given;

/// Engines that don't agree on what a query gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disagreement {
    /// The line of the query.
    pub line: u32,
}

/// What a file's queries give on every engine that asks them: the rows to write, by line.
///
/// # Errors
/// Where one engine gives other rows than another, no text is right for both.
pub fn agreed<'a>(
    engines: impl IntoIterator<Item = &'a [Given]>,
) -> Result<BTreeMap<u32, String>, Disagreement> {
    let mut said: BTreeMap<u32, Option<&str>> = BTreeMap::new();
    for given in engines.into_iter().flatten() {
        let rows = given.rows.as_deref();
        if *said.entry(given.line).or_insert(rows) != rows {
            return Err(Disagreement { line: given.line });
        }
    }
    Ok(said.into_iter().filter_map(|(line, rows)| Some((line, rows?.to_owned()))).collect())
}

/// The file's text with these rows below the queries that begin at these lines. Nothing else
/// of it changes.
pub fn corrected(text: &str, rows: &BTreeMap<u32, String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut lines = text.split_inclusive('\n').zip(1..).peekable();
    while let Some((line, number)) = lines.next() {
        out.push_str(line);
        let Some(rows) = rows.get(&number) else { continue };
        let end = if line.ends_with("\r\n") { "\r\n" } else { "\n" };
        // The text of the query, up to what it expects.
        let mut is_delimited = false;
        while let Some((line, _)) = lines.next_if(|(line, _)| !is_blank(line) && !is_delimited) {
            is_delimited = bare(line) == "----";
            out.push_str(bare(line));
            out.push_str(end);
        }
        if !is_delimited {
            out.push_str("----");
            out.push_str(end);
        }
        while lines.next_if(|(line, _)| !is_blank(line)).is_some() {}
        for row in rows.lines() {
            out.push_str(row);
            out.push_str(end);
        }
    }
    out
}

fn bare(line: &str) -> &str {
    line.trim_end_matches(['\r', '\n'])
}

fn is_blank(line: &str) -> bool {
    bare(line).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_rows_of_that_query_are_written() {
        let text = "# why\n\nquery I\nSELECT 1\n----\n2\n3\n\nquery T rowsort\nSELECT 'a'\n----\na";
        let cases = [
            (3, "1", text.replace("2\n3\n", "1\n")),
            (3, "", text.replace("2\n3\n", "")),
            (9, "b\nc", text.replace("\na", "\nb\nc\n")),
        ];
        for (line, rows, expected) in cases {
            let rows = BTreeMap::from([(line, rows.to_owned())]);
            assert_eq!(corrected(text, &rows), expected);
            let other = corrected(&text.replace('\n', "\r\n"), &rows);
            assert_eq!(other, expected.replace('\n', "\r\n"));
        }
        let without = "query I\nSELECT 1";
        let rows = BTreeMap::from([(1, "1".to_owned())]);
        assert_eq!(corrected(without, &rows), "query I\nSELECT 1\n----\n1\n");
        assert_eq!(corrected(text, &BTreeMap::new()), text);
    }

    #[test]
    fn engines_must_agree() {
        let given = |line, rows: Option<&str>| Given { line, rows: rows.map(str::to_owned) };
        let one = [given(1, None), given(5, Some("a"))];
        let agreeing = [given(5, Some("a")), given(9, Some("b"))];
        let both = agreed([&one[..], &agreeing[..]]).unwrap();
        assert_eq!(both, BTreeMap::from([(5, "a".to_owned()), (9, "b".to_owned())]));
        for other in [given(1, Some("a")), given(5, None), given(5, Some("b"))] {
            let line = other.line;
            assert_eq!(agreed([&one[..], &[other][..]]), Err(Disagreement { line }));
        }
    }
}
