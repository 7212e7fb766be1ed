//! SQLite's `PRAGMA [schema.]name [= value | (value)]`.

use portcullis_model::sql::{Statement, fold};

/// A pragma; its words in lower case and without quotes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pragma {
    pub(crate) name: String,
    /// None if the pragma only asks.
    pub(crate) value: Option<String>,
}

impl Pragma {
    /// The pragma that the statement is.
    pub(crate) fn of(statement: &Statement<'_>) -> Option<Self> {
        if !statement.has_keywords(0, &["pragma"]) {
            return None;
        }
        let (name, next) = statement.name_at(1)?;
        let value =
            matches!(statement.word(next), "=" | "(").then(|| fold(statement.word(next + 1)));
        Some(Self { name, value })
    }

    /// Whether it sets something; not whether it asks.
    pub(crate) fn sets(&self, name: &str) -> bool {
        self.name == name && self.value.is_some()
    }

    /// Whether it takes away what keeps a database whole.
    pub(crate) fn is_dangerous(&self) -> bool {
        let is = |values: &[&str]| self.value.as_deref().is_some_and(|is| values.contains(&is));
        match self.name.as_str() {
            "journal_mode" => is(&["off", "memory"]),
            "synchronous" => is(&["off", "no", "false", "0"]),
            "hard_heap_limit" => self.value.is_some(),
            "writable_schema" | "ignore_check_constraints" | "query_only" => {
                self.value.is_some() && !is(&["off", "no", "false", "0", "reset"])
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use portcullis_model::sql::{Dialect, statements};

    use super::*;

    fn pragma(sql: &str) -> Option<Pragma> {
        Pragma::of(&statements(sql, Dialect::Sqlite)[0])
    }

    #[test]
    fn pragmas_are_read_however_they_are_written() {
        for sql in [
            "PRAGMA journal_mode=OFF",
            "pragma main.journal_mode = 'off'",
            "PRAGMA \"journal_mode\"(off)",
            "PRAGMA /* c */ [journal_mode] = \"OFF\"",
        ] {
            let read = pragma(sql).unwrap();
            let value = Some("off".to_owned());
            assert_eq!(read, Pragma { name: "journal_mode".to_owned(), value }, "{sql}");
            assert!(read.is_dangerous() && read.sets("journal_mode"));
        }
        assert_eq!(pragma("SELECT 1"), None);
        assert!(!pragma("PRAGMA journal_mode").unwrap().sets("journal_mode"));
    }

    #[test]
    fn only_the_dangerous_value_is_dangerous() {
        for (sql, expected) in [
            ("PRAGMA synchronous = FULL", false),
            ("PRAGMA synchronous = 0", true),
            ("PRAGMA journal_mode = WAL", false),
            ("PRAGMA writable_schema", false),
            ("PRAGMA writable_schema = ON", true),
            ("PRAGMA writable_schema = RESET", false),
            ("PRAGMA ignore_check_constraints(yes)", true),
        ] {
            assert_eq!(pragma(sql).unwrap().is_dangerous(), expected, "{sql}");
        }
    }
}
