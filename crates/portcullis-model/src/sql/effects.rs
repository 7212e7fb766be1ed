//! What a migration's statements do to tables, as far as their text shows it.

use std::collections::BTreeSet;

use super::{Dialect, Statement, TokenKind, statements};

/// What a text does to tables. Names are folded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effects {
    /// Tables named in `DELETE`, `DROP TABLE`, `TRUNCATE` or `REPLACE`: their rows may
    /// become fewer.
    pub removes_rows_of: BTreeSet<String>,
    /// Of these, the ones named in `DELETE`, `TRUNCATE` or `REPLACE`.
    pub deletes_from: BTreeSet<String>,
    /// Tables named in `DROP TABLE`.
    pub drops: BTreeSet<String>,
    /// `ALTER TABLE a RENAME TO b`, in order.
    pub renames: Vec<(String, String)>,
    /// Whether the text changes rows or removes tables at all: without it, no row count
    /// can fall.
    pub touches_rows: bool,
    /// Whether it says `PRAGMA foreign_keys`.
    pub sets_foreign_keys: bool,
    /// Whether SQLite has a statement here that may fail or do nothing in a transaction
    /// (every `PRAGMA` counts), or one that begins or ends a transaction of its own.
    pub refuses_transaction: bool,
    /// Whether something else than `PRAGMA` and `VACUUM` is said: what only says these can
    /// be run again when it isn't known whether it ran.
    pub unrepeatable: bool,
}

impl Effects {
    /// Tables that are rebuilt: dropped, and another renamed to their name.
    pub fn rebuilds(&self) -> impl Iterator<Item = &str> {
        self.renames.iter().map(|(_, to)| to.as_str()).filter(|to| self.drops.contains(*to))
    }

    /// What a table is called after the renames.
    pub fn name_after<'a>(&'a self, table: &'a str) -> &'a str {
        self.renames
            .iter()
            .fold(table, |name, (from, to)| if from == name { to.as_str() } else { name })
    }
}

/// The effects of a text.
pub fn effects(sql: &str, dialect: Dialect) -> Effects {
    let mut effects = Effects::default();
    for statement in statements(sql, dialect) {
        // A trigger's body runs later, if at all.
        if statement.is_trigger() {
            effects.unrepeatable = true;
        } else {
            see(&statement, dialect, &mut effects);
        }
    }
    effects
}

fn see(statement: &Statement<'_>, dialect: Dialect, effects: &mut Effects) {
    if statement.has_keywords(0, &["pragma"]) {
        let (name, _) = statement.name_at(1).unwrap_or_default();
        effects.sets_foreign_keys |= name == "foreign_keys";
    }
    let alone = [
        "pragma",
        "vacuum",
        "attach",
        "detach",
        "begin",
        "commit",
        "end",
        "rollback",
        "savepoint",
        "release",
    ];
    effects.refuses_transaction |=
        alone.iter().any(|keyword| statement.has_keywords(0, &[keyword]));
    effects.unrepeatable |=
        !["pragma", "vacuum"].iter().any(|keyword| statement.has_keywords(0, &[keyword]));
    let quiet = ["create", "alter", "pragma", "select", "comment", "grant", "revoke"];
    let keyword = statement.word(0).to_ascii_lowercase();
    effects.touches_rows |= !quiet.contains(&keyword.as_str());
    rename(statement, dialect, effects);
    truncate(statement, dialect, effects);
    for index in 0..statement.len() {
        if statement.tokens()[index].kind != TokenKind::Word {
            continue;
        }
        if statement.has_keywords(index, &["drop", "table"]) {
            let at = if statement.has_keywords(index + 2, &["if", "exists"]) {
                index + 4
            } else {
                index + 2
            };
            drop_list(statement, at, effects);
        } else if let Some(at) = removal(statement, index)
            && let Some((table, _)) = statement.name_at(past_only(statement, at, dialect))
        {
            effects.deletes_from.insert(table.clone());
            effects.removes_rows_of.insert(table);
        }
    }
}

/// The index of the table's name, if a row-removing phrase begins at `index`.
fn removal(statement: &Statement<'_>, index: usize) -> Option<usize> {
    let phrases: [&[&str]; 4] = [
        &["delete", "from"],
        &["replace", "into"],
        &["insert", "or", "replace", "into"],
        &["update", "or", "replace"],
    ];
    phrases
        .iter()
        .find(|phrase| statement.has_keywords(index, phrase))
        .map(|phrase| index + phrase.len())
}

fn drop_list(statement: &Statement<'_>, mut at: usize, effects: &mut Effects) {
    while let Some((table, next)) = statement.name_at(at) {
        effects.removes_rows_of.insert(table.clone());
        effects.drops.insert(table);
        if statement.word(next) != "," {
            break;
        }
        at = next + 1;
    }
}

/// `TRUNCATE [TABLE] [ONLY] name [*], …`; SQLite has no such statement.
fn truncate(statement: &Statement<'_>, dialect: Dialect, effects: &mut Effects) {
    if dialect != Dialect::Postgres || !statement.has_keywords(0, &["truncate"]) {
        return;
    }
    let mut at = if statement.has_keywords(1, &["table"]) { 2 } else { 1 };
    while let Some((table, next)) = statement.name_at(past_only(statement, at, dialect)) {
        effects.deletes_from.insert(table.clone());
        effects.removes_rows_of.insert(table);
        let next =
            (next..).find(|index| !matches!(statement.word(*index), "*" | ")")).unwrap_or(next);
        if statement.word(next) != "," {
            break;
        }
        at = next + 1;
    }
}

/// The index after PostgreSQL's `ONLY`, and after the parenthesis that may follow it. In
/// SQLite a table may have that name.
fn past_only(statement: &Statement<'_>, at: usize, dialect: Dialect) -> usize {
    match dialect {
        Dialect::Postgres if statement.has_keywords(at, &["only"]) => {
            at + 1 + usize::from(statement.word(at + 1) == "(")
        }
        _ => at,
    }
}

fn rename(statement: &Statement<'_>, dialect: Dialect, effects: &mut Effects) {
    if !statement.has_keywords(0, &["alter", "table"]) {
        return;
    }
    let at = if statement.has_keywords(2, &["if", "exists"]) { 4 } else { 2 };
    let Some((from, next)) = statement.name_at(past_only(statement, at, dialect)) else { return };
    if statement.has_keywords(next, &["rename", "to"])
        && let Some((to, _)) = statement.name_at(next + 2)
    {
        effects.renames.push((from, to));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn removed(sql: &str, dialect: Dialect) -> Vec<String> {
        effects(sql, dialect).removes_rows_of.into_iter().collect()
    }

    #[test]
    fn only_what_a_statement_names_may_lose_rows() {
        let cases: &[(&str, &[&str])] = &[
            ("DELETE FROM \"A\" WHERE 1", &["a"]),
            ("WITH d AS (SELECT 1) DELETE FROM main.b", &["b"]),
            ("DROP TABLE IF EXISTS [c d]", &["c d"]),
            (
                "REPLACE INTO e VALUES (1); INSERT OR REPLACE INTO f SELECT 1; UPDATE OR REPLACE g SET x = 1",
                &["e", "f", "g"],
            ),
            ("CREATE TABLE h(x REFERENCES i ON DELETE CASCADE)", &[]),
            ("-- DELETE FROM j\nSELECT 'DELETE FROM k'", &[]),
            ("CREATE TRIGGER t AFTER INSERT ON l BEGIN DELETE FROM m; END", &[]),
        ];
        for (sql, expected) in cases {
            assert_eq!(removed(sql, Dialect::Sqlite), *expected, "{sql}");
        }
        assert_eq!(removed("DELETE FROM only WHERE 1", Dialect::Sqlite), ["only"]);
    }

    #[test]
    fn postgres_names_several_tables_at_once() {
        let cases: &[(&str, &[&str])] = &[
            ("DROP TABLE a, s.b, \"C\" CASCADE", &["a", "b", "c"]),
            ("DROP TABLE IF EXISTS a, b", &["a", "b"]),
            ("TRUNCATE a", &["a"]),
            ("truncate table s.a, b RESTART IDENTITY", &["a", "b"]),
            ("TRUNCATE TABLE ONLY a *, ONLY (b), ONLY s.c CASCADE", &["a", "b", "c"]),
            ("TRUNCATE", &[]),
            ("GRANT TRUNCATE ON a TO b", &[]),
            ("DELETE FROM ONLY (a) WHERE true", &["a"]),
        ];
        for (sql, expected) in cases {
            let found = effects(sql, Dialect::Postgres);
            assert_eq!(found.removes_rows_of.iter().collect::<Vec<_>>(), *expected, "{sql}");
            let drops: &[&str] = if sql.starts_with("DROP") { expected } else { &[] };
            assert_eq!(found.drops.iter().collect::<Vec<_>>(), *drops, "{sql}");
        }
        let renames =
            effects("ALTER TABLE IF EXISTS ONLY a RENAME TO b", Dialect::Postgres).renames;
        assert_eq!(renames, [("a".to_owned(), "b".to_owned())]);
        // A mode of SQLite's journal is no statement.
        assert!(removed("PRAGMA journal_mode = TRUNCATE", Dialect::Sqlite).is_empty());
    }

    #[test]
    fn what_needs_care_around_a_transaction_or_a_crash_is_seen() {
        // The text, whether it refuses a transaction, whether it can't be run twice.
        let cases = [
            ("", false, false),
            ("-- VACUUM;", false, false),
            ("VACUUM", true, false),
            ("vacuum main INTO 'x'", true, false),
            ("PRAGMA journal_mode = WAL; VACUUM", true, false),
            ("\u{feff}PRAGMA user_version", true, false),
            ("VACUUM; SELECT 1", true, true),
            ("CREATE INDEX vacuum ON a(pragma)", false, true),
            ("SELECT 'VACUUM', \"pragma\"", false, true),
            ("CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; END;", false, true),
            ("CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; END; COMMIT", true, true),
            ("BEGIN IMMEDIATE", true, true),
            ("COMMIT", true, true),
            ("END", true, true),
            ("ROLLBACK TO a", true, true),
            ("SAVEPOINT a", true, true),
            ("RELEASE a", true, true),
            ("ATTACH 'x' AS y", true, true),
            ("DETACH y", true, true),
        ];
        for (sql, refuses, unrepeatable) in cases {
            let found = effects(sql, Dialect::Sqlite);
            assert_eq!(
                (found.refuses_transaction, found.unrepeatable),
                (refuses, unrepeatable),
                "{sql}"
            );
        }
    }

    #[test]
    fn a_rebuild_is_a_drop_and_a_rename_to_the_same_name() {
        let rebuild = "CREATE TABLE new_x(a); INSERT INTO new_x SELECT a FROM x; DROP TABLE x; ALTER TABLE new_x RENAME TO x;";
        let found = effects(rebuild, Dialect::Sqlite);
        assert_eq!(found.rebuilds().collect::<Vec<_>>(), ["x"]);
        let rename = effects("ALTER TABLE a RENAME TO b", Dialect::Sqlite);
        assert_eq!(rename.rebuilds().count(), 0);
        assert_eq!(rename.name_after("a"), "b");
        assert!(!rename.touches_rows);
        assert!(effects("PRAGMA main.foreign_keys = OFF", Dialect::Sqlite).sets_foreign_keys);
    }
}
