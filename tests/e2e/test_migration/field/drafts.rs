//! Drafts that real data doesn't survive, each told by what it does and without a value.

use super::{bench, in_json, try_it};
use crate::conformance::bench::Engine;

const BOTH: &[Engine] = &[Engine::Sqlite, Engine::Postgres];
const SQLITE: &[Engine] = &[Engine::Sqlite];
const POSTGRES: &[Engine] = &[Engine::Postgres];

struct Draft {
    engines: &'static [Engine],
    up: &'static str,
    down: &'static str,
    said: &'static [&'static str],
}

const DRAFTS: &[Draft] = &[
    // Children that go with a parent.
    Draft {
        engines: BOTH,
        up: "DELETE FROM item WHERE title IS NULL;",
        down: "SELECT 1;",
        said: &[
            "02_last/up.sql\n           part had 3 rows and now has 2",
            "they went with the rows of item",
            "item has 2 rows after up and down, of 3",
            "not judged: item: it had 3 rows and now has 2",
        ],
    },
    // A rebuild that empties the table on the way.
    Draft {
        engines: SQLITE,
        up: "CREATE TABLE kept AS SELECT * FROM item; DELETE FROM item;
             INSERT INTO item SELECT * FROM kept; DROP TABLE kept;",
        down: "SELECT 1;",
        said: &["part had 3 rows and now has 0"],
    },
    // A rebuild that leaves a row behind.
    Draft {
        engines: BOTH,
        up: "CREATE TABLE lone_new (id integer PRIMARY KEY, title text, size text);
             INSERT INTO lone_new SELECT * FROM lone WHERE title IS NOT NULL;
             DROP TABLE lone; ALTER TABLE lone_new RENAME TO lone;",
        down: "SELECT 1;",
        said: &["lone had 3 rows and now has 2, but no statement of the migration deletes from it"],
    },
    // One that others refer to.
    Draft {
        engines: SQLITE,
        up: "CREATE TABLE item_new (id integer PRIMARY KEY, title text, size text);
             INSERT INTO item_new SELECT * FROM item WHERE title IS NOT NULL;
             DROP TABLE item; ALTER TABLE item_new RENAME TO item;",
        down: "SELECT 1;",
        said: &["up fails: 1 rows reference rows that don't exist any more"],
    },
    // A column that a rebuild forgets.
    Draft {
        engines: BOTH,
        up: "CREATE TABLE lone_new (id integer PRIMARY KEY, title text, size text);
             INSERT INTO lone_new (id, title) SELECT id, title FROM lone;
             DROP TABLE lone; ALTER TABLE lone_new RENAME TO lone;",
        down: "SELECT 1;",
        said: &["02_last/up.sql\n           values of lone.size aren't what they were"],
    },
    // NOT NULL over NULL.
    Draft {
        engines: POSTGRES,
        up: "ALTER TABLE item ALTER COLUMN title SET NOT NULL;",
        down: "ALTER TABLE item ALTER COLUMN title DROP NOT NULL;",
        said: &["up fails: column \"title\" of relation \"item\" contains null values (23502)"],
    },
    Draft {
        engines: SQLITE,
        up: "CREATE TABLE lone_new (id integer PRIMARY KEY, title text NOT NULL, size text);
             INSERT INTO lone_new SELECT * FROM lone;
             DROP TABLE lone; ALTER TABLE lone_new RENAME TO lone;",
        down: "SELECT 1;",
        said: &["up fails: NOT NULL constraint failed: lone_new.title"],
    },
    // A down that loses values, and one that loses a column.
    Draft {
        engines: BOTH,
        up: "UPDATE item SET size = 'x';",
        down: "SELECT 1;",
        said: &[
            "02_last/down.sql\n           after up and down values of item aren't what they were: size",
        ],
    },
    Draft {
        engines: BOTH,
        up: "ALTER TABLE item DROP COLUMN size;",
        down: "ALTER TABLE item ADD COLUMN size text;",
        said: &["after up and down values of item aren't what they were: size"],
    },
    Draft {
        engines: BOTH,
        up: "ALTER TABLE item ADD COLUMN extra text;",
        down: "SELECT 1;",
        said: &["the schema isn't the one before", "column extra was added to item"],
    },
    // What an engine says with a value.
    Draft {
        engines: POSTGRES,
        up: "CREATE UNIQUE INDEX item_title ON item (title);",
        down: "DROP INDEX item_title;",
        said: &["could not create unique index \"item_title\" (23505)"],
    },
    Draft {
        engines: POSTGRES,
        up: "ALTER TABLE item ALTER COLUMN size TYPE integer USING size::integer;",
        down: "ALTER TABLE item ALTER COLUMN size TYPE text;",
        said: &["invalid input syntax for type integer: … (22P02)"],
    },
    Draft {
        engines: POSTGRES,
        up: "DO $$ BEGIN RAISE EXCEPTION 'a bad title: %', (SELECT max(title) FROM item); END $$;",
        down: "SELECT 1;",
        said: &["up fails: a bad title: … (P0001)"],
    },
    Draft {
        engines: POSTGRES,
        up: "DO $$ BEGIN EXECUTE format('ALTER TABLE lone ADD COLUMN %I text', (SELECT max(title) FROM item)); END $$;",
        down: "SELECT 1;",
        said: &["column … was added to lone"],
    },
    // What only a superuser may, if anybody.
    Draft {
        engines: POSTGRES,
        up: "CREATE ROLE reader SUPERUSER;",
        down: "DROP ROLE reader;",
        said: &["(42501); on the copy nobody is a superuser"],
    },
    Draft {
        engines: SQLITE,
        up: "CREATE TABLE read AS SELECT json_extract('{}', title) FROM item;",
        down: "DROP TABLE read;",
        said: &["up fails: bad JSON path: …"],
    },
];

#[test]
fn each_is_told_by_what_it_does_and_without_a_value() {
    for engine in BOTH {
        let bench = bench(*engine);
        for draft in DRAFTS.iter().filter(|draft| draft.engines.contains(engine)) {
            bench.step("02_last", draft.up, draft.down);
            let ran = try_it(&bench, 1);
            for said in draft.said {
                let up = draft.up;
                assert!(ran.stdout.contains(said), "{engine:?}, {up}\nno {said}:\n{}", ran.stdout);
            }
            if draft.said.iter().any(|said| said.contains('…')) {
                in_json(&bench, 1);
            }
        }
    }
}
