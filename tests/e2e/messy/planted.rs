//! Migrations with a fault that only messy data shows.

use super::{BOTH, POSTGRES, SQLITE, bench};
use crate::conformance::bench::Engine;

/// A migration with a fault that shows only on messy data.
pub(super) struct Planted {
    pub(super) name: &'static str,
    pub(super) engines: &'static [Engine],
    /// What the version before is made of.
    pub(super) before: &'static str,
    pub(super) up: &'static str,
    pub(super) down: &'static str,
    /// What is said of it.
    pub(super) said: &'static [&'static str],
    /// How many rows are enough.
    pub(super) rows: usize,
}

pub(super) const PLANTED: &[Planted] = &[
    Planted {
        name: "a unique index over duplicates",
        engines: BOTH,
        before: "CREATE TABLE item (id integer PRIMARY KEY, title text);",
        up: "CREATE UNIQUE INDEX item_title ON item (title);",
        down: "DROP INDEX item_title;",
        said: &["03_last/up.sql", "unique"],
        rows: 2,
    },
    Planted {
        name: "a unique index over addresses that differ in case and blanks",
        engines: BOTH,
        before: "CREATE TABLE item (id integer PRIMARY KEY, title text UNIQUE);",
        up: "CREATE UNIQUE INDEX item_title ON item (lower(trim(title)));",
        down: "DROP INDEX item_title;",
        said: &["03_last/up.sql", "unique"],
        rows: 2,
    },
    Planted {
        name: "NOT NULL over NULL",
        engines: POSTGRES,
        before: "CREATE TABLE item (id integer PRIMARY KEY, title text, other text);",
        up: "ALTER TABLE item ALTER COLUMN title SET NOT NULL;",
        down: "ALTER TABLE item ALTER COLUMN title DROP NOT NULL;",
        said: &["03_last/up.sql", "contains null values (23502)"],
        rows: 1,
    },
    Planted {
        name: "NOT NULL over NULL in a rebuild",
        engines: SQLITE,
        before: "CREATE TABLE item (id integer PRIMARY KEY, title text);",
        up: "CREATE TABLE item_new (id integer PRIMARY KEY, title text NOT NULL);
             INSERT INTO item_new (id, title) SELECT id, title FROM item;
             DROP TABLE item; ALTER TABLE item_new RENAME TO item;",
        down: "",
        said: &["03_last/up.sql", "NOT NULL constraint failed"],
        rows: 1,
    },
    Planted {
        name: "a cast that narrows",
        engines: POSTGRES,
        before: "CREATE TABLE item (id integer PRIMARY KEY, price numeric);",
        up: "ALTER TABLE item ALTER COLUMN price TYPE integer USING CASE WHEN price BETWEEN -1000 AND 1000 THEN price ELSE 0 END;",
        down: "ALTER TABLE item ALTER COLUMN price TYPE numeric;",
        said: &["03_last/down.sql", "item.price is"],
        rows: 1,
    },
    Planted {
        name: "a cast that doesn't fit",
        engines: POSTGRES,
        before: "CREATE TABLE item (id integer PRIMARY KEY, size bigint NOT NULL);",
        up: "ALTER TABLE item ALTER COLUMN size TYPE integer;",
        down: "ALTER TABLE item ALTER COLUMN size TYPE bigint;",
        said: &["03_last/up.sql", "integer out of range"],
        rows: 1,
    },
    Planted {
        name: "text in a column of numbers",
        engines: SQLITE,
        before: "CREATE TABLE item (id integer PRIMARY KEY, size integer);",
        up: "CREATE TABLE item_new (id integer PRIMARY KEY, size integer);
             INSERT INTO item_new (id, size) SELECT id, CAST(size AS integer) FROM item;
             DROP TABLE item; ALTER TABLE item_new RENAME TO item;",
        down: "SELECT 1;",
        said: &["03_last/down.sql", "item.size is"],
        rows: 1,
    },
    Planted {
        name: "a split on a blank that isn't there",
        engines: POSTGRES,
        before: "CREATE TABLE item (id integer PRIMARY KEY, title text NOT NULL);",
        up: "ALTER TABLE item ADD COLUMN first text, ADD COLUMN last text;
             UPDATE item SET first = split_part(title, ' ', 1), last = split_part(title, ' ', 2);
             ALTER TABLE item DROP COLUMN title;",
        down: "ALTER TABLE item ADD COLUMN title text;
               UPDATE item SET title = first || ' ' || last;
               ALTER TABLE item ALTER COLUMN title SET NOT NULL;
               ALTER TABLE item DROP COLUMN first, DROP COLUMN last;",
        said: &["03_last/down.sql", "item.title is"],
        rows: 1,
    },
    Planted {
        name: "a split on a blank that isn't there, in place",
        engines: SQLITE,
        before: "CREATE TABLE item (id integer PRIMARY KEY, title text NOT NULL);",
        up: "ALTER TABLE item ADD COLUMN last text NOT NULL DEFAULT '';
             UPDATE item SET last = substr(title, instr(title, ' ') + 1), title = substr(title, 1, instr(title, ' ') - 1);",
        down: "UPDATE item SET title = title || ' ' || last; ALTER TABLE item DROP COLUMN last;",
        said: &["03_last/down.sql", "item.title is"],
        rows: 1,
    },
    Planted {
        name: "children that go with a parent",
        engines: BOTH,
        before: "CREATE TABLE item (id integer PRIMARY KEY, size integer);
                 CREATE TABLE part (id integer PRIMARY KEY, item_id integer NOT NULL REFERENCES item (id) ON DELETE CASCADE);",
        up: "DELETE FROM item WHERE size IS NULL;",
        down: "SELECT 1;",
        said: &["03_last/up.sql", "part had 1 rows and now has 0"],
        rows: 2,
    },
    Planted {
        name: "rows that a rebuild leaves behind",
        engines: SQLITE,
        before: "CREATE TABLE item (id integer PRIMARY KEY, size integer);",
        up: "CREATE TABLE item_new (id integer PRIMARY KEY, size integer NOT NULL);
             INSERT INTO item_new (id, size) SELECT id, size FROM item WHERE size <> 0;
             DROP TABLE item; ALTER TABLE item_new RENAME TO item;",
        down: "",
        said: &["03_last/up.sql", "item had 1 rows and now has 0"],
        rows: 1,
    },
    Planted {
        name: "children of a table that is dropped for a rebuild",
        engines: SQLITE,
        before: "CREATE TABLE item (id integer PRIMARY KEY, size integer);
                 CREATE TABLE part (id integer PRIMARY KEY, item_id integer NOT NULL REFERENCES item (id) ON DELETE CASCADE);",
        up: "CREATE TABLE kept AS SELECT * FROM item; DELETE FROM item;
             INSERT INTO item SELECT * FROM kept; DROP TABLE kept;",
        down: "SELECT 1;",
        said: &["03_last/up.sql", "part had 1 rows and now has 0"],
        rows: 2,
    },
    Planted {
        name: "a column that a rebuild forgets",
        engines: SQLITE,
        before: "CREATE TABLE item (id integer PRIMARY KEY, title text, size integer);",
        up: "CREATE TABLE item_new (id integer PRIMARY KEY, title text, size integer);
             INSERT INTO item_new (id, title) SELECT id, title FROM item;
             DROP TABLE item; ALTER TABLE item_new RENAME TO item;",
        down: "",
        said: &["03_last/up.sql", "item.size is NULL, and was", "which no statement of the migration assigns"],
        rows: 1,
    },
    Planted {
        name: "a division by what is zero, which is NULL in SQLite",
        engines: SQLITE,
        before: "CREATE TABLE item (id integer PRIMARY KEY, a integer NOT NULL, b integer NOT NULL);",
        up: "UPDATE item SET a = a * 1000 / b;",
        down: "UPDATE item SET a = a * b / 1000;",
        said: &["03_last/up.sql", "NOT NULL constraint failed: item.a"],
        rows: 1,
    },
    Planted {
        name: "a division by zero",
        engines: POSTGRES,
        before: "CREATE TABLE item (id integer PRIMARY KEY, price integer, pieces integer);",
        up: "ALTER TABLE item ADD COLUMN each integer; UPDATE item SET each = 7 / pieces;",
        down: "ALTER TABLE item DROP COLUMN each;",
        said: &["03_last/up.sql", "division by zero (22012)"],
        rows: 1,
    },
    Planted {
        name: "a table that others get an index on without being stopped",
        engines: POSTGRES,
        before: "CREATE TABLE item (id integer PRIMARY KEY, title text);",
        up: "CREATE UNIQUE INDEX CONCURRENTLY item_title ON item (title);",
        down: "DROP INDEX CONCURRENTLY item_title;",
        said: &["03_last/up.sql", "could not create unique index"],
        rows: 2,
    },
    Planted {
        name: "NULL in what is put together",
        engines: BOTH,
        before: "CREATE TABLE item (id integer PRIMARY KEY, a text, b text);
                 CREATE TABLE label (id integer PRIMARY KEY, says text NOT NULL);",
        up: "INSERT INTO label (id, says) SELECT id, a || ' ' || b FROM item WHERE id NOT IN (SELECT id FROM label);",
        down: "DELETE FROM label WHERE id IN (SELECT id FROM item);",
        said: &["03_last/up.sql", "label"],
        rows: 1,
    },
];

#[test]
fn what_messy_data_breaks_is_told_with_the_fewest_rows() {
    let mut missed = Vec::new();
    for planted in PLANTED {
        for engine in planted.engines {
            let bench = bench(*engine, planted.before, planted.up, planted.down);
            let arguments = ["test-migration", "03_last", "--messy", "--format", "json"];
            let json = bench.gated(&arguments).expect(1).json();
            let migration = &json["engines"][0]["migrations"][0];
            let is_it = |problem: &serde_json::Value| {
                let [at, what] = ["at", "what"].map(|key| problem[key].as_str().unwrap());
                let all = format!("{at} {what}").to_lowercase();
                planted.said.iter().all(|words| all.contains(&words.to_lowercase()))
                    && what.matches("  INSERT INTO ").count() == planted.rows
            };
            let problems = migration["messy"]["problems"].as_array().unwrap();
            if !problems.iter().any(is_it) {
                missed.push(format!("{}, {engine:?}: {problems:#?}", planted.name));
            }
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}
