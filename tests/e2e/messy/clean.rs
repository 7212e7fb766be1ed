//! Migrations that hold whatever the rows are.

use super::{BOTH, POSTGRES, SQLITE, bench};
use crate::conformance::bench::Engine;

/// Migrations that hold whatever the rows are: engines, before, up, down.
const CLEAN: &[(&[Engine], &str, &str, &str)] = &[
    (
        BOTH,
        "CREATE TABLE item (id integer PRIMARY KEY, title text);",
        "ALTER TABLE item RENAME TO thing; ALTER TABLE thing RENAME COLUMN title TO name;",
        "ALTER TABLE thing RENAME COLUMN name TO title; ALTER TABLE thing RENAME TO item;",
    ),
    (
        SQLITE,
        "CREATE TABLE item (id integer PRIMARY KEY, title text, size integer);
         CREATE TABLE part (id integer PRIMARY KEY, item_id integer REFERENCES item (id) ON DELETE CASCADE);",
        "CREATE TABLE item_new (id integer PRIMARY KEY, title text NOT NULL DEFAULT '', size integer);
         INSERT INTO item_new (id, size, title) SELECT i.id, i.size, coalesce(i.title, '') FROM item AS i;
         DROP TABLE item; ALTER TABLE item_new RENAME TO item;",
        "",
    ),
    (
        SQLITE,
        "CREATE TABLE item (id integer PRIMARY KEY, title text);",
        "ALTER TABLE item RENAME TO item_old; CREATE TABLE item (id integer PRIMARY KEY, title text, size integer);
         INSERT INTO item SELECT *, 0 FROM item_old; DROP TABLE item_old;",
        "ALTER TABLE item DROP COLUMN size;",
    ),
    (
        POSTGRES,
        "CREATE SCHEMA shop; CREATE DOMAIN shop.percent AS integer CHECK (VALUE BETWEEN 0 AND 100);
         CREATE TABLE shop.\"Item\" (id serial PRIMARY KEY, \"order\" shop.percent NOT NULL, size integer);
         CREATE TABLE part (id integer PRIMARY KEY, item_id integer NOT NULL REFERENCES shop.\"Item\" (id) ON DELETE CASCADE);",
        "ALTER TABLE shop.\"Item\" ALTER COLUMN size TYPE bigint, ADD COLUMN note text NOT NULL DEFAULT 'x';
         WITH sizes AS (UPDATE shop.\"Item\" SET note = 'y' WHERE size > 1 RETURNING id) INSERT INTO part (id, item_id) SELECT -id - 7, id FROM sizes WHERE id > 1000000;",
        "DELETE FROM part WHERE id BETWEEN -2000000 AND -1000000; ALTER TABLE shop.\"Item\" DROP COLUMN note, ALTER COLUMN size TYPE integer;",
    ),
    (
        POSTGRES,
        "CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE TABLE item (id integer PRIMARY KEY, mood mood);",
        "ALTER TYPE mood ADD VALUE 'calm';",
        "",
    ),
    (
        POSTGRES,
        "CREATE TABLE item (id integer PRIMARY KEY, a text, b text, changed timestamp);
         CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.changed := clock_timestamp(); RETURN NEW; END $$;
         CREATE TRIGGER note BEFORE UPDATE ON item FOR EACH ROW EXECUTE FUNCTION note();",
        "ALTER TABLE item ADD COLUMN c text; UPDATE item SET c = concat(a, ' ', b);",
        "ALTER TABLE item DROP COLUMN c;",
    ),
    (
        POSTGRES,
        "CREATE TABLE item (id integer PRIMARY KEY, a text, b text);",
        "DO $$ BEGIN UPDATE item SET a = coalesce(a, ''); DELETE FROM item WHERE b IS NULL; END $$;",
        "",
    ),
    (
        BOTH,
        "CREATE TABLE item (id integer PRIMARY KEY, a integer);
         CREATE TABLE part (id integer PRIMARY KEY, item_id integer REFERENCES item (id) ON DELETE SET NULL);",
        "DELETE FROM item WHERE a = 0;",
        "",
    ),
    (
        BOTH,
        "CREATE TABLE item (id integer PRIMARY KEY, a integer);
         CREATE TABLE part (id integer PRIMARY KEY, item_id integer REFERENCES item (id) ON DELETE CASCADE);",
        "DELETE FROM part; DROP TABLE part; CREATE TABLE tally (a numeric PRIMARY KEY, times integer NOT NULL);
         INSERT INTO tally (a, times) SELECT a, count(*) FROM item WHERE a BETWEEN -5 AND 5 GROUP BY a;",
        "",
    ),
];

#[test]
fn what_holds_is_not_found() {
    let mut found = Vec::new();
    for (engines, before, up, down) in CLEAN {
        for engine in *engines {
            let bench = bench(*engine, before, up, down);
            if down.is_empty() {
                let path = bench.path().join("portcullis.toml");
                let config = std::fs::read_to_string(&path).unwrap();
                let lines = "[test-migration.irreversible]\n\"03_last\" = \"it is a test\"\n";
                bench.configure(&format!("{config}\n{lines}"));
            }
            let command = ["test-migration", "03_last", "--messy", "--format", "json"];
            let json = bench.gated(&command).json();
            let migration = &json["engines"][0]["migrations"][0];
            let tables = migration["messy"]["tables"].as_array().unwrap();
            let bare = tables.iter().any(|table| table["accepted"].as_u64() < Some(60));
            if json["code"] != 0 || bare || tables.is_empty() {
                found.push(format!("{engine:?}: {up}: {migration:#}"));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// What holds whatever the rows are, with everything that rows may be held to.
#[test]
fn a_migration_that_holds_passes() {
    let sqlite = "
        CREATE TABLE kind (id integer PRIMARY KEY, code text NOT NULL UNIQUE CHECK (length(code) = 3));
        CREATE TABLE item (
            tenant integer NOT NULL, number integer NOT NULL, kind_id integer NOT NULL REFERENCES kind (id),
            above_tenant integer, above_number integer, status text NOT NULL CHECK (status IN ('open', 'done')),
            rating integer CHECK (rating BETWEEN 1 AND 5), price numeric, note text, changed integer NOT NULL DEFAULT 0,
            \"order\" text, PRIMARY KEY (tenant, number),
            FOREIGN KEY (above_tenant, above_number) REFERENCES item (tenant, number));
        CREATE TABLE part (id integer PRIMARY KEY AUTOINCREMENT, tenant integer NOT NULL, number integer NOT NULL,
            twice integer GENERATED ALWAYS AS (number * 2) STORED,
            FOREIGN KEY (tenant, number) REFERENCES item (tenant, number) ON DELETE CASCADE);
        CREATE TABLE egg (id integer PRIMARY KEY, hen_id integer REFERENCES hen (id));
        CREATE TABLE hen (id integer PRIMARY KEY, egg_id integer REFERENCES egg (id));
        CREATE TRIGGER item_changed AFTER UPDATE OF note ON item BEGIN
            UPDATE item SET changed = changed + 1 WHERE tenant = NEW.tenant AND number = NEW.number; END;";
    let postgres = "
        CREATE TYPE mood AS ENUM ('sad', 'glad');
        CREATE TABLE kind (id serial PRIMARY KEY, code char(3) NOT NULL UNIQUE CHECK (length(code) = 3));
        CREATE TABLE item (
            tenant integer NOT NULL, number bigint NOT NULL, kind_id integer NOT NULL REFERENCES kind (id),
            above_tenant integer, above_number bigint, status varchar(10) NOT NULL CHECK (status IN ('open', 'done')),
            rating smallint CHECK (rating BETWEEN 1 AND 5), price numeric(8, 2), note text, changed integer NOT NULL DEFAULT 0,
            \"order\" text, mood mood NOT NULL, tags text[], said jsonb, at timestamptz, on_day date, ratio double precision,
            bytes bytea, key uuid, took interval, place inet,
            PRIMARY KEY (tenant, number),
            FOREIGN KEY (above_tenant, above_number) REFERENCES item (tenant, number));
        CREATE TABLE part (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant integer NOT NULL, number bigint NOT NULL,
            twice bigint GENERATED ALWAYS AS (number * 2) STORED,
            FOREIGN KEY (tenant, number) REFERENCES item (tenant, number) ON DELETE CASCADE);
        CREATE TABLE hen (id integer PRIMARY KEY);
        CREATE TABLE egg (id integer PRIMARY KEY, hen_id integer REFERENCES hen (id));
        ALTER TABLE hen ADD COLUMN egg_id integer REFERENCES egg (id);
        CREATE TABLE log (at date NOT NULL, says text) PARTITION BY RANGE (at);
        CREATE TABLE log_old PARTITION OF log DEFAULT;
        CREATE FUNCTION changed() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN NEW.changed := OLD.changed + 1; RETURN NEW; END $$;
        CREATE TRIGGER item_changed BEFORE UPDATE OF note ON item FOR EACH ROW EXECUTE FUNCTION changed();";
    for (engine, before) in [(Engine::Sqlite, sqlite), (Engine::Postgres, postgres)] {
        let up = "ALTER TABLE item ADD COLUMN title text;
                  UPDATE item SET title = coalesce(nullif(trim(note), ''), 'none') WHERE rating > 2;
                  UPDATE item SET note = note WHERE rating = 2;
                  CREATE INDEX item_title ON item (title);
                  INSERT INTO kind (code) VALUES ('new');\n";
        let down = "DELETE FROM kind WHERE code = 'new';
                    DROP INDEX item_title;
                    ALTER TABLE item DROP COLUMN title;\n";
        let bench = bench(engine, before, up, down);
        let command = ["test-migration", "03_last", "--messy", "--format", "json"];
        let json = bench.gated(&command).expect(0).json();
        let tables = json["engines"][0]["migrations"][0]["messy"]["tables"].as_array().unwrap();
        for table in tables {
            assert!(table["accepted"].as_u64() > Some(60), "{engine:?}: {table}");
        }
        // The same seed makes the same rows, another one others.
        let told = |seed: &str| {
            let ran =
                bench.gated(&["test-migration", "03_last", "--messy", "--seed", seed]).expect(0);
            ran.stdout.lines().filter(|line| line.contains("03_last")).collect::<String>()
        };
        assert_eq!(told("7"), told("7"), "{engine:?}");
    }
}
