//! What may be said of a step outside a transaction by its text.

use portcullis_model::plan::Step;
use portcullis_model::sql::{Dialect, Statement, fold, statements};

/// Whether a step is one statement that the server does as a whole, or not at all. A `DO`
/// block or a procedure may commit in its middle; `DETACH … CONCURRENTLY` has two halves.
pub(super) fn is_whole(step: &Step) -> bool {
    let all = statements(&step.sql, Dialect::Postgres);
    let [one] = all.as_slice() else { return false };
    const WHOLE: [&[&str]; 10] = [
        &["create", "index"],
        &["create", "unique", "index"],
        &["drop", "index"],
        &["reindex"],
        &["vacuum"],
        &["analyze"],
        &["alter", "type"],
        &["insert"],
        &["update"],
        &["select"],
    ];
    WHOLE.iter().any(|words| one.has_keywords(0, words))
}

/// A statement that takes rows, or tables with their rows.
pub(super) fn takes_rows(step: &Step) -> Option<&'static str> {
    let takes = |statement: &Statement<'_>| {
        let begins = |words: &[&str]| statement.has_keywords(0, words);
        if begins(&["delete"]) {
            Some("DELETE")
        } else if begins(&["truncate"]) {
            Some("TRUNCATE")
        } else if begins(&["drop", "table"]) || begins(&["drop", "schema"]) {
            Some("DROP")
        } else {
            None
        }
    };
    statements(&step.sql, Dialect::Postgres).iter().find_map(takes)
}

/// Whether an invalid index is what this step left: it has its name, or REINDEX gave it one.
pub(super) fn names(step: &Step, index: &str) -> bool {
    let bare = index.rsplit('.').next().unwrap_or(index).trim_matches('"');
    let all = statements(&step.sql, Dialect::Postgres);
    let mut words = all.iter().flat_map(|one| (0..one.len()).map(|at| fold(one.word(at))));
    let is_reindex = all.iter().any(|one| one.has_keywords(0, &["reindex"]));
    words.any(|word| word == bare.to_lowercase())
        || is_reindex && (bare.contains("_ccnew") || bare.contains("_ccold"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_model::digest::Digest;
    use portcullis_model::plan::Direction;

    fn step(sql: &str) -> Step {
        Step {
            version: "1".into(),
            directory: "1_x".into(),
            direction: Direction::Up,
            run_in_transaction: false,
            fingerprint: Digest::of(b""),
            sql: sql.into(),
            down_sql: None,
            accepted: false,
        }
    }

    #[test]
    fn only_what_the_server_does_as_a_whole_is_known_to_have_done_nothing() {
        for (sql, whole) in [
            ("CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)", true),
            ("REINDEX INDEX CONCURRENTLY i;", true),
            ("VACUUM t", true),
            ("UPDATE t SET a = 1", true),
            ("DO $$ BEGIN COMMIT; END $$", false),
            ("CALL p()", false),
            ("ALTER TABLE t DETACH PARTITION p CONCURRENTLY", false),
            ("BEGIN; UPDATE t SET a = 1; COMMIT", false),
            ("VACUUM t; VACUUM u", false),
        ] {
            assert_eq!(is_whole(&step(sql)), whole, "{sql}");
        }
    }

    #[test]
    fn an_index_of_somebody_else_isnt_named() {
        let of = |sql: &str, index: &str| names(&step(sql), index);
        assert!(of("CREATE INDEX CONCURRENTLY mine ON t (a)", "\"public\".\"mine\""));
        assert!(!of("CREATE INDEX CONCURRENTLY mine ON t (a)", "\"public\".\"theirs\""));
        assert!(of("REINDEX TABLE CONCURRENTLY t", "\"public\".\"i_ccnew\""));
        assert!(!of("VACUUM t", "\"public\".\"i_ccnew\""));
    }

    #[test]
    fn what_takes_rows_is_told() {
        assert_eq!(takes_rows(&step("delete from t")), Some("DELETE"));
        assert_eq!(takes_rows(&step("DROP INDEX CONCURRENTLY i")), None);
    }
}
