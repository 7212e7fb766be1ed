//! What queries answered, written into a case where its expected rows are.

use super::case::{Answer, Case};

/// The text of a case with these answers expected; every other byte stays as it is.
///
/// # Errors
/// Why the answer at a line can't be written down.
pub fn rewrite(name: &str, text: &str, answers: &[Answer]) -> Result<String, (u32, &'static str)> {
    let mut answers: Vec<&Answer> = answers.iter().collect();
    // From the end, so that the lines before stay where they are.
    answers.sort_by_key(|answer| std::cmp::Reverse(answer.line));
    let mut text = text.to_owned();
    for answer in answers {
        let hostile = |c: char| c.is_control() && c != '\t';
        if answer.rows.iter().any(|row| row.contains(hostile)) {
            return Err((answer.line, UNREADABLE));
        }
        let read = Case::parse(name, &text).map_err(|_| (answer.line, UNREADABLE))?;
        let written = replace(&text, answer);
        match Case::parse(name, &written) {
            Ok(now) if same(&now, &read, answer) => text = written,
            _ => return Err((answer.line, UNREADABLE)),
        }
    }
    Ok(text)
}

const UNREADABLE: &str = "a row that it answers is no line of text";

/// Whether a case is another one but for the rows of this answer. Lines have moved.
fn same(now: &Case, before: &Case, answer: &Answer) -> bool {
    let text = |records: &[super::case::Line]| -> Vec<String> {
        records.iter().map(ToString::to_string).collect()
    };
    now.expected_at(answer.line) == Some(answer.rows.as_slice())
        && text(now.all_records()) == text(&before.expecting(answer))
}

fn replace(text: &str, answer: &Answer) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let bare = |index: usize| lines[index].trim_end_matches('\n').trim_end_matches('\r');
    let header = (answer.line as usize).saturating_sub(1).min(lines.len());
    // The first line of the SQL is one whatever it holds.
    let mut end = (header + 2).min(lines.len());
    while end < lines.len() && !bare(end).is_empty() && bare(end) != "----" {
        end += 1;
    }
    let has_rows = end < lines.len() && bare(end) == "----";
    let rows = if has_rows { end + 1 } else { end };
    let mut rest = rows;
    while has_rows && rest < lines.len() && !bare(rest).is_empty() {
        rest += 1;
    }
    let ending =
        if lines.get(header).is_some_and(|line| line.ends_with("\r\n")) { "\r\n" } else { "\n" };
    let mut out = lines[..rows].concat();
    if !out.ends_with('\n') {
        out.push_str(ending);
    }
    if !has_rows {
        out.push_str("----");
        out.push_str(ending);
    }
    for row in &answer.rows {
        out.push_str(row);
        out.push_str(ending);
    }
    // A file that ended without a line break goes on doing so.
    if rest == lines.len() && !text.ends_with('\n') {
        out.truncate(out.trim_end_matches('\n').trim_end_matches('\r').len());
    }
    out + &lines[rest..].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(query: &str, rows: &[&str]) -> Option<String> {
        let head = "subtest before\n\nsubtest after\n\n";
        let rows = rows.iter().map(|row| (*row).to_owned()).collect();
        let text = format!("{head}{query}");
        let text = rewrite("a.slt", &text, &[Answer { line: 5, rows }]).ok()?;
        Some(text.strip_prefix(head).unwrap().to_owned())
    }

    #[test]
    fn rows_stand_where_a_query_expects_them() {
        let cases: [(&str, &[&str], &str); 9] = [
            ("query I\nSELECT 1", &["1"], "query I\nSELECT 1\n----\n1"),
            ("query I\nSELECT 1\n", &["1"], "query I\nSELECT 1\n----\n1\n"),
            ("query I\nSELECT 1\n----", &["1"], "query I\nSELECT 1\n----\n1"),
            ("query I\nSELECT 1\n----\n", &["1"], "query I\nSELECT 1\n----\n1\n"),
            ("query I\nSELECT 1\n----\n2\n3", &["1"], "query I\nSELECT 1\n----\n1"),
            ("query I\nSELECT 1\n----\n2\n\n\n# a", &[], "query I\nSELECT 1\n----\n\n\n# a"),
            ("query I\n----\n----\n2\n", &["1", "2"], "query I\n----\n----\n1\n2\n"),
            ("query I\n\n----\n2\n", &["----"], "query I\n\n----\n----\n"),
            ("query I\r\nS\r\n----\r\n2\r\n", &["1"], "query I\r\nS\r\n----\r\n1\r\n"),
        ];
        for (query, rows, expected) in cases {
            assert_eq!(written(query, rows).as_deref(), Some(expected), "{query:?}");
        }
    }

    #[test]
    fn what_a_line_cannot_hold_is_refused() {
        for row in ["", "a\nb", "a\r", "\u{1b}[2J", "\0"] {
            assert_eq!(written("query I\nSELECT 1\n", &["a", row]), None, "{row:?}");
        }
    }
}
