//! What is read of a changed schema says the same as all of it would.

use portcullis_model::catalog::diff;
use portcullis_model::digest::Hasher;
use portcullis_model::plan::Direction;

use super::super::tests::{CHANGES, SCHEMA};
use super::*;
use crate::postgres::catalog::catalog;
use crate::postgres::test_server::{APP, as_superuser, superuser};

/// What a name has to do with: more than the schema of the other tests has.
const MORE: &str = "
    CREATE TABLE holds (one orphan, many orphan[]);
    CREATE TABLE twice (id int PRIMARY KEY, other int REFERENCES twice, customer int REFERENCES shop.customer);
    CREATE VIEW of_named AS SELECT name FROM named;
    CREATE INDEX by_count ON counted (n);
    CREATE TRIGGER also AFTER UPDATE ON \"Order\" FOR EACH ROW EXECUTE FUNCTION noted();
    CREATE POLICY known ON \"Order\" USING (customer IN (SELECT id FROM shop.customer));
    CREATE TABLE hub (id int PRIMARY KEY);";

/// Names are changed, dropped and moved, and what names them is another then.
const NAMES: &[&str] = &[
    "ALTER TABLE shop.customer RENAME TO client",
    "ALTER TABLE shop.customer SET SCHEMA public",
    "ALTER TABLE shop.customer RENAME COLUMN name TO called",
    "ALTER TABLE shop.customer RENAME CONSTRAINT net_is_positive TO positive",
    "ALTER TABLE shop.customer DROP COLUMN price",
    "ALTER TABLE shop.customer DROP COLUMN name CASCADE",
    "DROP TABLE shop.customer CASCADE",
    "ALTER TABLE \"Order\" RENAME TO orders",
    "ALTER TABLE \"Order\" RENAME COLUMN id TO number",
    "ALTER TABLE \"Order\" DROP COLUMN id",
    "ALTER TABLE orphan RENAME TO adopted",
    "ALTER TABLE orphan SET SCHEMA shop",
    "ALTER INDEX is_once RENAME TO once",
    "ALTER INDEX shop.customer_pkey RENAME TO of_customers",
    "ALTER SEQUENCE number RENAME TO numbers",
    "ALTER SEQUENCE number SET SCHEMA shop",
    "ALTER SEQUENCE \"Order_id_seq\" RENAME TO order_ids",
    "ALTER SEQUENCE shop.customer_id_seq RENAME TO ids",
    "ALTER SEQUENCE shop.customer_id_seq INCREMENT 7",
    "DROP VIEW of_named",
    "DROP VIEW named CASCADE",
    "ALTER VIEW named RENAME TO names",
    "ALTER VIEW named RENAME COLUMN name TO called",
    "ALTER TABLE counted RENAME COLUMN n TO number",
    "DROP INDEX shop.by_name",
    "ALTER TABLE parent ADD COLUMN more int",
    "ALTER TABLE parent RENAME TO mother",
    "ALTER TABLE parent RENAME COLUMN id TO number",
    "DROP TABLE parent CASCADE",
    "ALTER TABLE event RENAME TO events",
    "ALTER TABLE event ADD COLUMN more int DEFAULT 1",
    "ALTER TABLE event DROP COLUMN id CASCADE",
    "DROP TABLE event_2020",
    "ALTER INDEX event_by_id RENAME TO events_by_id",
    "DROP INDEX event_by_id",
    "ALTER TABLE twice RENAME TO thrice",
    "ALTER TABLE twice DROP CONSTRAINT twice_customer_fkey",
    "CREATE TABLE more (id serial PRIMARY KEY, customer int REFERENCES shop.customer ON DELETE CASCADE)",
    "CREATE TABLE more (LIKE shop.customer INCLUDING ALL)",
    "CREATE TABLE more AS SELECT 1 AS id",
    "CREATE VIEW more AS SELECT * FROM named",
    "ALTER TABLE hub ADD COLUMN more int; ALTER TABLE hub RENAME TO centre",
    "DROP TABLE hub; CREATE TABLE hub (id bigint PRIMARY KEY)",
    "DROP TABLE hub; CREATE TABLE hub (id int PRIMARY KEY)",
    "DROP TABLE orphan CASCADE; CREATE TABLE orphan (id int)",
    "INSERT INTO hub VALUES (1)",
];

fn step(sql: &str) -> Step {
    Step {
        version: "1".to_owned(),
        directory: "1_change".to_owned(),
        direction: Direction::Up,
        run_in_transaction: true,
        fingerprint: Hasher::new("test").finish(),
        sql: sql.to_owned(),
        down_sql: None,
        accepted: false,
        tested: None,
    }
}

fn ask(conn: &mut Conn, also: &Locks) -> Touched {
    let rows = conn.ask_each(&question(also, &Locks::new())).0.remove(0).unwrap();
    read(rows).unwrap()
}

fn differs(before: &Catalog, now: &Catalog) -> Vec<String> {
    let all = diff(before, now, Dialect::Postgres);
    all.iter().map(|one| format!("{} {:?} {:?}", one.object(), one.change, one.lines)).collect()
}

#[test]
fn what_the_locks_tell_is_all_that_has_changed() {
    as_superuser(&format!("CREATE DATABASE catalog_touched OWNER {APP}"));
    let mut conn = superuser("catalog_touched");
    conn.run(SCHEMA).unwrap();
    conn.run(MORE).unwrap();
    prepare(&mut conn).unwrap();
    let whole = catalog(&mut conn).unwrap();
    let changes = CHANGES.iter().map(|(change, _)| *change).chain(NAMES.iter().copied());
    let mut wrong = Vec::new();
    let mut told = 0;
    for change in changes {
        if !tells_all(&step(change)) {
            continue;
        }
        told += 1;
        conn.run("BEGIN; SAVEPOINT before").unwrap();
        if let Err(failure) = conn.run(change) {
            // A table of MORE has its rows in a column.
            if change != "ALTER TABLE orphan SET UNLOGGED" {
                wrong.push(format!("{change}: {failure}"));
            }
            conn.run("ROLLBACK").unwrap();
            continue;
        }
        let expected = differs(&whole, &catalog(&mut conn).unwrap());
        let now = ask(&mut conn, &Locks::new());
        conn.run("ROLLBACK TO SAVEPOINT before").unwrap();
        let before = ask(&mut conn, &now.locks);
        let found = differs(&before.catalog, &now.catalog);
        if found != expected {
            wrong.push(format!("{change}:\n  found {found:#?}\n  not {expected:#?}"));
        }
        conn.run("ROLLBACK").unwrap();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(told > NAMES.len() + 40, "only {told} changes were told of");
}

#[test]
fn what_no_lock_tells_is_read_as_a_whole() {
    for change in [
        "CREATE FUNCTION two() RETURNS int LANGUAGE sql AS 'SELECT 2'",
        "CREATE TABLE t (id int); CREATE TYPE u AS ENUM ('a')",
        "ALTER TYPE mood ADD VALUE 'glad'",
        "DROP STATISTICS shop.of_customer",
        "CREATE SCHEMA more",
        "DO $$ BEGIN EXECUTE 'DROP FUNCTION one()'; END $$",
        "UPDATE pg_catalog.pg_index SET indisvalid = false",
        "ALTER ROLE app RENAME TO other",
        "SELECT one()",
        "TRUNCATE shop.customer",
        "ALTER SEQUENCE \"Order_id_seq\" OWNED BY NONE",
        "CREATE SEQUENCE more OWNED BY orphan.id",
    ] {
        assert!(!tells_all(&step(change)), "{change}");
    }
    for change in NAMES {
        assert!(tells_all(&step(change)), "{change}");
    }
}
