//! What may be said of a step outside a transaction by its text.

use portcullis_model::plan::Step;
use portcullis_model::sql::{Dialect, Statement, fold, statements};

use crate::postgres::catalog;
use crate::postgres::link::conn::{Conn, Failure, literal, qualified};
use crate::seam::Afterwards;

/// Whether a step is one statement that the server does as a whole, or not at all. A `DO`
/// block or a procedure may commit in its middle; `DETACH … CONCURRENTLY` has two halves.
pub(crate) fn is_whole(step: &Step) -> bool {
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
pub(crate) fn takes_rows(step: &Step) -> Option<&'static str> {
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
pub(crate) fn names(step: &Step, index: &str) -> bool {
    let bare = index.rsplit('.').next().unwrap_or(index).trim_matches('"');
    let all = statements(&step.sql, Dialect::Postgres);
    let mut words = all.iter().flat_map(|one| (0..one.len()).map(|at| fold(one.word(at))));
    let is_reindex = all.iter().any(|one| one.has_keywords(0, &["reindex"]));
    words.any(|word| word == bare.to_lowercase())
        || is_reindex && (bare.contains("_ccnew") || bare.contains("_ccold"))
}

/// An index that a text makes or drops `CONCURRENTLY`, and nothing else.
#[derive(Debug, PartialEq, Eq)]
struct Concurrently {
    /// As the text has it.
    index: String,
    /// The table that it is made on; none where it is dropped.
    table: Option<String>,
}

fn concurrently(sql: &str) -> Option<Concurrently> {
    let all = statements(sql, Dialect::Postgres);
    let [one] = all.as_slice() else { return None };
    let skip =
        |at: usize, words: &[&str]| at + if one.has_keywords(at, words) { words.len() } else { 0 };
    if one.has_keywords(0, &["drop", "index", "concurrently"]) {
        let (index, _) = name(one, skip(3, &["if", "exists"]))?;
        return Some(Concurrently { index, table: None });
    }
    let at = skip(1, &["unique"]);
    if !one.has_keywords(0, &["create"]) || !one.has_keywords(at, &["index", "concurrently"]) {
        return None;
    }
    let (index, at) = name(one, skip(at + 2, &["if", "not", "exists"]))?;
    if !one.has_keywords(at, &["on"]) {
        return None;
    }
    let (table, _) = name(one, skip(at + 1, &["only"]))?;
    Some(Concurrently { index, table: Some(table) })
}

/// A name at a place, qualified or not, and the place after it.
fn name(statement: &Statement<'_>, at: usize) -> Option<(String, usize)> {
    let mut name = statement.word(at).to_owned();
    let mut next = at + 1;
    while statement.word(next) == "." {
        name = format!("{name}.{}", statement.word(next + 1));
        next += 2;
    }
    (!name.is_empty() && !name.eq_ignore_ascii_case("on")).then_some((name, next))
}

/// What a step has done that was cut off. An index that was only begun is dropped.
pub(crate) fn afterwards(conn: &mut Conn, sql: &str) -> Result<Afterwards, Failure> {
    let Some(Concurrently { index, table }) = concurrently(sql) else {
        return Ok(Afterwards::Unknown);
    };
    let Some(table) = table else {
        let gone = catalog::oid_of(conn, &literal(&index))?.is_none();
        return Ok(if gone { Afterwards::Done } else { Afterwards::NotDone });
    };
    let Some(table) = catalog::oid_of(conn, &literal(&table))? else {
        return Ok(Afterwards::NotDone);
    };
    let rows = conn.ask(&format!(
        "SELECT x.indisvalid, n.nspname, c.relname FROM pg_catalog.pg_index x
         JOIN pg_catalog.pg_class c ON c.oid = x.indexrelid
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE x.indrelid = {table} AND c.relname = {}",
        literal(&fold(&index))
    ))?;
    let Some([Some(valid), Some(schema), Some(index)]) = rows.first().map(Vec::as_slice) else {
        return Ok(Afterwards::NotDone);
    };
    if valid == "t" {
        return Ok(Afterwards::Done);
    }
    conn.run(&format!("DROP INDEX CONCURRENTLY IF EXISTS {}", qualified(schema, index)))?;
    Ok(Afterwards::NotDone)
}

#[cfg(test)]
mod tests {
    use portcullis_model::digest::Digest;
    use portcullis_model::plan::Direction;

    use super::*;

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
            tested: None,
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
    fn an_index_that_is_made_or_dropped_beside_others_is_known_by_name() {
        let found = |sql: &str| {
            let found = concurrently(sql)?;
            Some(format!("{} {}", found.index, found.table.unwrap_or_default()))
        };
        for (sql, expected) in [
            ("CREATE INDEX CONCURRENTLY i ON t (a);", Some("i t")),
            (
                "create unique index concurrently if not exists \"I x\" on only s.t(a)",
                Some("\"I x\" s.t"),
            ),
            ("DROP INDEX CONCURRENTLY IF EXISTS s.i", Some("s.i ")),
            ("CREATE INDEX CONCURRENTLY ON t (a)", None),
            ("CREATE INDEX i ON t (a)", None),
            ("CREATE INDEX CONCURRENTLY i ON t (a); SELECT 1", None),
            ("REINDEX INDEX CONCURRENTLY i", None),
        ] {
            assert_eq!(found(sql).as_deref(), expected, "{sql}");
        }
    }

    #[test]
    fn what_takes_rows_is_told() {
        assert_eq!(takes_rows(&step("delete from t")), Some("DELETE"));
        assert_eq!(takes_rows(&step("DROP INDEX CONCURRENTLY i")), None);
    }
}
