//! The text that undoes another, where the text alone tells it.

use super::{Dialect, Statement, statements};

/// What undoes every statement of a text, the last one first; none if one of them can't be
/// undone, or not without knowing what was there before (`IF NOT EXISTS`, `DROP`, rows).
///
/// ```
/// use portcullis_model::sql::{Dialect, inverse};
/// let up = "CREATE TABLE a (x);\nCREATE INDEX a_x ON a (x);";
/// assert_eq!(inverse(up, Dialect::Sqlite).unwrap(), "DROP INDEX a_x;\nDROP TABLE a;\n");
/// ```
pub fn inverse(sql: &str, dialect: Dialect) -> Option<String> {
    let undone: Vec<String> = statements(sql, dialect)
        .iter()
        .rev()
        .map(|statement| undo(statement, dialect))
        .collect::<Option<_>>()?;
    if undone.is_empty() { None } else { Some(undone.join(";\n") + ";\n") }
}

fn undo(statement: &Statement<'_>, dialect: Dialect) -> Option<String> {
    if statement.has_keywords(0, &["create"]) {
        undo_create(statement, dialect)
    } else if statement.has_keywords(0, &["alter", "table"]) {
        undo_alter(statement, dialect)
    } else {
        None
    }
}

fn undo_create(statement: &Statement<'_>, dialect: Dialect) -> Option<String> {
    let postgres = dialect == Dialect::Postgres;
    let at = if statement.has_keywords(1, &["unique"]) { 2 } else { 1 };
    let kinds: [(&[&str], &str, bool); 9] = [
        (&["table"], "TABLE", true),
        (&["view"], "VIEW", true),
        (&["index"], "INDEX", true),
        (&["trigger"], "TRIGGER", true),
        (&["virtual", "table"], "TABLE", !postgres),
        (&["materialized", "view"], "MATERIALIZED VIEW", postgres),
        (&["sequence"], "SEQUENCE", postgres),
        (&["type"], "TYPE", postgres),
        (&["domain"], "DOMAIN", postgres),
    ];
    let (keywords, kind, _) = kinds
        .into_iter()
        .find(|(keywords, _, known)| *known && statement.has_keywords(at, keywords))?;
    let mut at = at + keywords.len();
    let concurrently = postgres && statement.has_keywords(at, &["concurrently"]);
    if concurrently {
        at += 1;
    }
    if statement.has_keywords(at, &["if", "not", "exists"]) {
        return None;
    }
    // PostgreSQL finds a name for an index that has none.
    if kind == "INDEX" && statement.has_keywords(at, &["on"]) {
        return None;
    }
    let (name, next) = name(statement, at)?;
    let concurrently = if concurrently { " CONCURRENTLY" } else { "" };
    if kind == "TRIGGER" && postgres {
        let on = (next..statement.len()).find(|at| statement.has_keywords(*at, &["on"]))?;
        let (table, _) = self::name(statement, on + 1)?;
        return Some(format!("DROP TRIGGER {name} ON {table}"));
    }
    Some(format!("DROP {kind}{concurrently} {name}"))
}

fn undo_alter(statement: &Statement<'_>, dialect: Dialect) -> Option<String> {
    let (table, at) = name(statement, 2)?;
    let several = (at..statement.len()).any(|at| statement.word(at) == ",");
    // A comma may stand within a definition, or begin another action.
    if several && dialect == Dialect::Postgres {
        return None;
    }
    if statement.has_keywords(at, &["add", "constraint"]) {
        let (constraint, _) = name(statement, at + 2)?;
        return (dialect == Dialect::Postgres)
            .then(|| format!("ALTER TABLE {table} DROP CONSTRAINT {constraint}"));
    }
    if statement.has_keywords(at, &["add"]) {
        let has_word = statement.has_keywords(at + 1, &["column"]);
        let at = if has_word { at + 2 } else { at + 1 };
        let other = ["if", "primary", "foreign", "unique", "check", "exclude"];
        if other.iter().any(|keyword| statement.has_keywords(at, &[keyword])) {
            return None;
        }
        let (column, _) = name(statement, at)?;
        return Some(format!("ALTER TABLE {table} DROP COLUMN {column}"));
    }
    if statement.has_keywords(at, &["rename", "to"]) {
        let (new, _) = name(statement, at + 2)?;
        // The old name may have a schema, the new one has none.
        let (schema, old) = table
            .rsplit_once('.')
            .map_or(("", table), |(_, old)| (&table[..table.len() - old.len()], old));
        return Some(format!("ALTER TABLE {schema}{new} RENAME TO {old}"));
    }
    if statement.has_keywords(at, &["rename"]) {
        let at = if statement.has_keywords(at + 1, &["column"]) { at + 2 } else { at + 1 };
        let (old, at) = name(statement, at)?;
        let (new, _) = statement.has_keywords(at, &["to"]).then(|| name(statement, at + 1))??;
        return Some(format!("ALTER TABLE {table} RENAME COLUMN {new} TO {old}"));
    }
    None
}

/// The name at `index` as it is written, with its schema; and the index after it.
fn name<'a>(statement: &Statement<'a>, index: usize) -> Option<(&'a str, usize)> {
    let (_, next) = statement.name_at(index)?;
    let tokens = statement.tokens();
    let (first, last) = (tokens.get(index)?, tokens.get(next - 1)?);
    let offset = statement.span().start;
    let text = statement.text();
    text.get(first.span.start - offset..last.span.end - offset).map(|name| (name, next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_text_tells_is_undone_and_nothing_else() {
        let both: &[(&str, Option<&str>)] = &[
            ("ALTER TABLE a ADD COLUMN b INT DEFAULT 1", Some("ALTER TABLE a DROP COLUMN b;\n")),
            ("alter table \"A b\" add \"C\" int", Some("ALTER TABLE \"A b\" DROP COLUMN \"C\";\n")),
            ("ALTER TABLE a RENAME TO b", Some("ALTER TABLE b RENAME TO a;\n")),
            ("ALTER TABLE a RENAME b TO c", Some("ALTER TABLE a RENAME COLUMN c TO b;\n")),
            (
                "-- why\nCREATE TABLE a(x); CREATE UNIQUE INDEX i ON a(x); CREATE VIEW v AS SELECT 1",
                Some("DROP VIEW v;\nDROP INDEX i;\nDROP TABLE a;\n"),
            ),
            ("CREATE TABLE IF NOT EXISTS a(x)", None),
            ("ALTER TABLE a DROP COLUMN b", None),
            ("CREATE TABLE a(x); INSERT INTO a VALUES (1)", None),
            ("DROP TABLE a", None),
            ("CREATE", None),
            ("ALTER TABLE", None),
            ("ALTER TABLE a ADD", None),
            ("ALTER TABLE a RENAME b", None),
            ("-- nothing", None),
        ];
        for dialect in [Dialect::Sqlite, Dialect::Postgres] {
            for (sql, expected) in both {
                assert_eq!(inverse(sql, dialect).as_deref(), *expected, "{sql}");
            }
        }
        let postgres: &[(&str, Option<&str>)] = &[
            ("CREATE INDEX CONCURRENTLY i ON a(x)", Some("DROP INDEX CONCURRENTLY i;\n")),
            ("CREATE INDEX ON a(x)", None),
            ("CREATE TYPE mood AS ENUM ('a')", Some("DROP TYPE mood;\n")),
            ("ALTER TABLE s.a RENAME TO b", Some("ALTER TABLE s.b RENAME TO a;\n")),
            ("ALTER TABLE a ADD COLUMN b int, DROP COLUMN c", None),
            ("ALTER TABLE a ADD PRIMARY KEY (b)", None),
            (
                "ALTER TABLE a ADD CONSTRAINT c CHECK (x > 1)",
                Some("ALTER TABLE a DROP CONSTRAINT c;\n"),
            ),
            (
                "CREATE TRIGGER t AFTER INSERT ON a EXECUTE FUNCTION f()",
                Some("DROP TRIGGER t ON a;\n"),
            ),
        ];
        for (sql, expected) in postgres {
            assert_eq!(inverse(sql, Dialect::Postgres).as_deref(), *expected, "{sql}");
        }
        let sqlite =
            "CREATE VIRTUAL TABLE f USING fts5(x); ALTER TABLE a ADD c CHECK (c IN (1, 2))";
        assert_eq!(
            inverse(sqlite, Dialect::Sqlite).unwrap(),
            "ALTER TABLE a DROP COLUMN c;\nDROP TABLE f;\n"
        );
    }
}
