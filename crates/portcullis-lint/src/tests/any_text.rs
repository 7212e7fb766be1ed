//! What holds whatever the files hold.

use proptest::prelude::*;

use super::*;
use crate::rule::example::DOWN;

fn never_panics(up: &[u8], down: &[u8], metadata: &[u8]) {
    let rust = String::from_utf8_lossy(up).into_owned();
    let files = [
        (UP, up),
        (DOWN, down),
        (METADATA, metadata),
        ("migrations/migrations.sum", down),
        ("src/main.rs", rust.as_bytes()),
    ];
    for dialect in DIALECTS {
        let report = report_in(&files, dialect);
        for finding in report.findings.iter().filter(|finding| finding.span.is_some()) {
            assert!(finding.position.is_some() && finding.end.is_some(), "{finding:?}");
        }
        let drawn = render::human(&report, false);
        assert_eq!(drawn.is_empty(), report.findings.is_empty());
        let commands = render::github(&report, Path::new("a"));
        assert_eq!(commands.lines().count(), report.findings.len());
    }
}

proptest! {
    #[test]
    fn any_bytes_are_linted(bytes in any::<Vec<u8>>(), metadata in any::<Vec<u8>>()) {
        never_panics(&bytes, b"", &metadata);
    }

    /// Made of what the rules look for, so that they fire.
    #[test]
    fn any_words_are_linted(words in prop::collection::vec(prop::sample::select(vec![
        "BEGIN", "COMMIT", "PRAGMA", "journal_mode", "off", "=", "(", ")", ".", ";", "\n", "\r", " ",
        "'", "\"", "[", "]", "/*", "*/", "--", "TODO", "é", "🦀", "\u{feff}", "VACUUM", "ATTACH",
        "load_extension", "__portcullis_", "<<<<<<< ", "=======", "run_in_transaction", "true", "$$",
        "CREATE TRIGGER", "END", "\t", "\u{200b}", "\u{1b}", "portcullis", ":", "allow", "stray-note",
        "own-tables", ",", "-- portcullis: allow(stray-note, empty-up): why", "# migrations.sum, format 1\n",
        "embed_migrations!", "run_pending_migrations", "#[cfg(test)]", "{", "}", "//", "r#", "#",
    ]), 0..40)) {
        let text = words.concat();
        never_panics(text.as_bytes(), text.as_bytes(), text.as_bytes());
    }

    /// What an edited file was and is may be anything.
    #[test]
    fn any_edit_is_shown(old in any::<Vec<u8>>(), now in any::<Vec<u8>>()) {
        let [sum, up, down, ..] = rule::example::FROZEN else { panic!() };
        let old = (up.0, old.as_slice());
        let found = report(&[*sum, old, *down, (sum.0.trim_start_matches("main:"), sum.1), (UP, &now), DROP]);
        render::human(&found, false);
    }

    /// An allow takes away findings of its rule that stand between it and the end of the
    /// next statement, and nothing else.
    #[test]
    fn an_allow_hides_only_what_it_names_and_where_it_stands(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "-- TODO\n", "/* FIXME */ ", "SELECT 1;\n", "SELECT 'x' -- XXX\n;", "COMMIT;\n",
            "PRAGMA foreign_keys = 1;\n", "ATTACH 'a' AS b;\n", "\n", "DETACH b; ", "SELECT load_extension('x');\n",
        ]), 0..12),
        at in 0..13_usize,
        id in prop::sample::select(vec![
            "stray-note", "outside-database", "pragma-foreign-keys-in-transaction", "unusual-name",
        ]),
    ) {
        let comment = |word: &str| format!("-- {word}: allow({id}): why\n");
        let with = |word: &str| {
            let mut pieces: Vec<String> = pieces.iter().map(|piece| (*piece).to_owned()).collect();
            pieces.insert(at.min(pieces.len()), comment(word));
            pieces.concat()
        };
        // The same text, but for a word of the same length that allows nothing.
        let (silent, speaking) = (with("PORTCULLIX"), with("portcullis"));
        let start = silent.find("PORTCULLIX").unwrap();
        // Each to the end of its semicolon.
        let statements = portcullis_model::sql::statements(&silent, Dialect::Sqlite);
        let spans: Vec<_> = statements
            .iter()
            .map(|statement| {
                let span = statement.span();
                let end = silent[span.end..].find(';').map_or(silent.len(), |at| span.end + at + 1);
                span.start..end
            })
            .collect();
        let next = spans.iter().find(|span| span.end > start + comment("").len());
        let whole_file = if spans.is_empty() { 0..silent.len() } else { start..silent.len() };
        let covered = next.map_or(whole_file, |span| start..span.end);
        let key = |finding: &Finding| (finding.rule, finding.span.clone(), finding.file.clone());
        let before: BTreeSet<_> = findings(&[(UP, silent.as_bytes()), DROP])
            .iter()
            .map(|finding| format!("{:?}", key(finding)))
            .collect();
        let found = findings(&[(UP, speaking.as_bytes()), DROP]);
        let after: BTreeSet<_> = found
            .iter()
            .filter(|finding| finding.rule != "allow-unused")
            .map(|finding| format!("{:?}", key(finding)))
            .collect();
        prop_assert!(after.is_subset(&before));
        let hidden = findings(&[(UP, silent.as_bytes()), DROP])
            .into_iter()
            .filter(|finding| !after.contains(&format!("{:?}", key(finding))));
        let mut any = false;
        for finding in hidden {
            any = true;
            let span = finding.span.clone().unwrap();
            prop_assert!(finding.rule == id && covered.start <= span.start && span.end <= covered.end);
        }
        let unused = found.iter().any(|finding| finding.rule == "allow-unused");
        prop_assert_eq!(unused, !any);
    }
}
