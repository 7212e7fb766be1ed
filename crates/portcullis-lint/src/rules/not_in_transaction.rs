use portcullis_model::sql::{Dialect, Statement};

use crate::pragma::Pragma;
use crate::rule::example::{DOWN, METADATA, UP};
use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Error,
    allow: Allow::Never,
    summary: "A statement that the engine refuses in a transaction is in a migration that runs in one.",
    why: "In SQLite `VACUUM`, `PRAGMA synchronous` and `PRAGMA journal_mode` from or to WAL fail \
          in a transaction, and the migration with them; in PostgreSQL whatever is done \
          `CONCURRENTLY`, `VACUUM`, `ALTER SYSTEM`, and making or dropping a database or tablespace.",
    instead: "Put the statement, alone, into a migration with `run_in_transaction = false` in \
              its `metadata.toml`.",
    bad: &[(UP, b"PRAGMA journal_mode = WAL;\n"), (DOWN, b"PRAGMA journal_mode = DELETE;\n")],
    good: &[
        (UP, b"PRAGMA journal_mode = WAL;\n"),
        (DOWN, b"PRAGMA journal_mode = DELETE;\n"),
        (METADATA, b"run_in_transaction = false\n"),
    ],
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    let in_transaction =
        input.statements().filter(|(file, _)| file.migration.metadata.run_in_transaction());
    for (file, statement) in in_transaction {
        if let Some(what) = refused(statement, input.dialect) {
            findings.at(
                file.path(),
                statement.span(),
                format!("`{what}` is refused in a transaction, and this migration runs in one"),
                "move it into a migration of its own, with `run_in_transaction = false` in metadata.toml",
            );
        }
    }
}

/// What the statement is, if the engine refuses it.
fn refused(statement: &Statement<'_>, dialect: Dialect) -> Option<String> {
    if statement.has_keywords(0, &["vacuum"]) {
        return Some("VACUUM".to_owned());
    }
    if dialect == Dialect::Postgres {
        return refused_by_postgres(statement);
    }
    // The dangerous ones have a rule of their own, and should be nowhere.
    let pragma = Pragma::of(statement).filter(|pragma| !pragma.is_dangerous())?;
    (pragma.sets("journal_mode") || pragma.sets("synchronous"))
        .then(|| format!("PRAGMA {}", pragma.name))
}

fn refused_by_postgres(statement: &Statement<'_>) -> Option<String> {
    let whole: [&[&str]; 5] = [
        &["alter", "system"],
        &["create", "database"],
        &["drop", "database"],
        &["create", "tablespace"],
        &["drop", "tablespace"],
    ];
    if let Some(keywords) = whole.iter().find(|keywords| statement.has_keywords(0, keywords)) {
        return Some(keywords.join(" ").to_uppercase());
    }
    // A materialised view may be refreshed so in a transaction.
    let concurrent = ["create", "drop", "reindex", "alter"];
    let begins = concurrent.iter().any(|keyword| statement.has_keywords(0, &[keyword]));
    let says = (1..statement.len().min(8)).any(|at| statement.has_keywords(at, &["concurrently"]));
    (begins && says).then(|| format!("{} … CONCURRENTLY", statement.word(0).to_uppercase()))
}

#[cfg(test)]
mod tests {
    use portcullis_model::sql::statements;

    use super::*;

    #[test]
    fn each_engine_refuses_its_own() {
        let refused = |sql, dialect| {
            statements(sql, dialect).iter().filter_map(|one| refused(one, dialect)).count()
        };
        for (sql, sqlite, postgres) in [
            ("VACUUM", 1, 1),
            ("PRAGMA journal_mode = WAL", 1, 0),
            ("PRAGMA foreign_keys = OFF", 0, 0),
            ("CREATE UNIQUE INDEX CONCURRENTLY i ON a(x)", 0, 1),
            ("DROP INDEX CONCURRENTLY i", 0, 1),
            ("REINDEX TABLE CONCURRENTLY a", 0, 1),
            ("ALTER TABLE a DETACH PARTITION b CONCURRENTLY", 0, 1),
            ("REFRESH MATERIALIZED VIEW CONCURRENTLY v", 0, 0),
            ("CREATE INDEX i ON a(x)", 0, 0),
            ("CREATE DATABASE d", 0, 1),
        ] {
            assert_eq!(refused(sql, Dialect::Sqlite), sqlite, "{sql}");
            assert_eq!(refused(sql, Dialect::Postgres), postgres, "{sql}");
        }
    }
}
