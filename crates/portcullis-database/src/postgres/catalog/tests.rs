//! What a migration can change is seen; what changes no schema isn't.

use portcullis_model::catalog::diff;
use portcullis_model::config::Server;

use super::*;
use crate::postgres::test_server::{APP, as_superuser, copy, server};

pub(super) const SCHEMA: &str = include_str!("schema.sql");

/// A database with the schema, for one test.
fn made(database: &str) -> Server {
    as_superuser(&format!("CREATE DATABASE {database} OWNER {APP}"));
    let server = in_database(database);
    conn(&server).run(SCHEMA).unwrap();
    server
}

fn in_database(database: &str) -> Server {
    Server { database: database.to_owned(), ..server(APP) }
}

fn conn(server: &Server) -> Conn {
    crate::postgres::test_server::application(server)
}

/// What differs, by name.
fn differs(before: &Catalog, now: &Catalog) -> Vec<String> {
    diff(before, now, Dialect::Postgres).iter().map(|one| one.object()).collect()
}

const CUSTOMER: &[&str] = &["table shop.customer"];
const ORDER: &[&str] = &["table \"Order\""];

/// The change, and the objects that are others by it.
pub(super) const CHANGES: &[(&str, &[&str])] = &[
    ("ALTER TABLE shop.customer ADD COLUMN more int", CUSTOMER),
    (
        "ALTER TABLE shop.customer RENAME COLUMN net TO nett",
        &["table shop.customer", "index shop.by_nick"],
    ),
    ("ALTER TABLE shop.customer ALTER name SET DEFAULT 'y'", CUSTOMER),
    ("ALTER TABLE shop.customer ALTER name DROP DEFAULT", CUSTOMER),
    ("ALTER TABLE shop.customer ALTER name DROP NOT NULL", CUSTOMER),
    ("ALTER TABLE shop.customer ALTER kind TYPE text", CUSTOMER),
    (
        "ALTER TABLE shop.customer ALTER nick TYPE varchar(9)",
        &["table shop.customer", "index shop.by_nick"],
    ),
    ("ALTER TABLE \"Order\" ALTER note TYPE text COLLATE \"C\"", ORDER),
    ("ALTER TABLE shop.customer ALTER id SET GENERATED ALWAYS", CUSTOMER),
    ("ALTER TABLE shop.customer ALTER id SET INCREMENT 10", CUSTOMER),
    ("ALTER TABLE shop.customer ALTER id DROP IDENTITY", CUSTOMER),
    ("ALTER TABLE shop.customer ALTER name SET STORAGE external", CUSTOMER),
    ("ALTER TABLE shop.customer ALTER name SET STATISTICS 500", CUSTOMER),
    ("ALTER TABLE shop.customer ALTER name SET (n_distinct = 5)", CUSTOMER),
    ("ALTER TABLE shop.customer ADD CHECK (net < 9)", CUSTOMER),
    ("ALTER TABLE shop.customer DROP CONSTRAINT net_is_positive", CUSTOMER),
    ("ALTER TABLE shop.customer VALIDATE CONSTRAINT net_is_positive", CUSTOMER),
    ("ALTER TABLE shop.customer SET (fillfactor = 70)", CUSTOMER),
    ("ALTER TABLE shop.customer SET (toast.autovacuum_enabled = off)", CUSTOMER),
    ("ALTER TABLE shop.customer ENABLE ROW LEVEL SECURITY", CUSTOMER),
    ("ALTER TABLE shop.customer FORCE ROW LEVEL SECURITY", CUSTOMER),
    ("ALTER TABLE shop.customer REPLICA IDENTITY FULL", CUSTOMER),
    ("DROP STATISTICS shop.of_customer", CUSTOMER),
    ("ALTER TABLE orphan SET UNLOGGED", &["table orphan"]),
    ("ALTER TABLE \"Order\" ALTER CONSTRAINT is_known DEFERRABLE", ORDER),
    ("ALTER TABLE \"Order\" ALTER CONSTRAINT is_known DEFERRABLE INITIALLY DEFERRED", ORDER),
    (
        "ALTER TABLE \"Order\" DROP CONSTRAINT is_known, ADD CONSTRAINT is_known FOREIGN KEY (customer) REFERENCES shop.customer ON DELETE CASCADE",
        ORDER,
    ),
    (
        "ALTER TABLE \"Order\" DROP CONSTRAINT is_known, ADD CONSTRAINT is_known FOREIGN KEY (customer) REFERENCES shop.customer NOT VALID",
        ORDER,
    ),
    (
        "ALTER TABLE \"Order\" DROP CONSTRAINT is_once, ADD CONSTRAINT is_once UNIQUE (note) DEFERRABLE",
        ORDER,
    ),
    (
        "ALTER TABLE \"Order\" DROP CONSTRAINT is_once, ADD CONSTRAINT is_once UNIQUE (note) INCLUDE (id)",
        ORDER,
    ),
    ("ALTER INDEX is_once SET (fillfactor = 50)", ORDER),
    (
        "ALTER TABLE \"Order\" DROP CONSTRAINT apart, ADD CONSTRAINT apart EXCLUDE USING gist (during WITH &&) WHERE (id > 0)",
        ORDER,
    ),
    (
        "DROP INDEX shop.by_nick; CREATE UNIQUE INDEX by_nick ON shop.customer (nick) INCLUDE (net)",
        &["index shop.by_nick"],
    ),
    (
        "DROP INDEX shop.by_nick; CREATE UNIQUE INDEX by_nick ON shop.customer (nick) WHERE nick <> ''",
        &["index shop.by_nick"],
    ),
    (
        "DROP INDEX shop.by_nick; CREATE INDEX by_nick ON shop.customer (nick) INCLUDE (net) WHERE nick <> ''",
        &["index shop.by_nick"],
    ),
    (
        "DROP INDEX shop.by_lower; CREATE INDEX by_lower ON shop.customer (upper(name))",
        &["index shop.by_lower"],
    ),
    (
        "DROP INDEX shop.by_name; CREATE INDEX by_name ON shop.customer (name DESC)",
        &["index shop.by_name"],
    ),
    ("ALTER INDEX shop.by_name RENAME TO named_by", &["index shop.by_name", "index shop.named_by"]),
    ("ALTER INDEX shop.by_name SET (fillfactor = 50)", &["index shop.by_name"]),
    (
        "CREATE OR REPLACE VIEW named AS SELECT id, nick::text AS name FROM shop.customer",
        &["view named"],
    ),
    ("ALTER VIEW named SET (security_barrier = true)", &["view named"]),
    ("ALTER VIEW named ALTER name SET DEFAULT 'z'", &["view named"]),
    (
        "DROP MATERIALIZED VIEW counted; CREATE MATERIALIZED VIEW counted AS SELECT count(nick) AS n FROM shop.customer",
        &["materialized view counted"],
    ),
    ("CREATE UNIQUE INDEX by_n ON counted (n)", &["index by_n"]),
    ("ALTER TABLE shop.customer DISABLE TRIGGER notes", &["trigger shop.customer.notes"]),
    ("ALTER TABLE shop.customer ENABLE ALWAYS TRIGGER notes", &["trigger shop.customer.notes"]),
    (
        "DROP TRIGGER notes ON shop.customer; CREATE TRIGGER notes AFTER INSERT ON shop.customer FOR EACH ROW EXECUTE FUNCTION noted()",
        &["trigger shop.customer.notes"],
    ),
    (
        "CREATE OR REPLACE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 2'",
        &["function one()"],
    ),
    ("ALTER FUNCTION one() IMMUTABLE", &["function one()"]),
    ("ALTER FUNCTION one() SECURITY DEFINER", &["function one()"]),
    ("ALTER FUNCTION one() SET search_path = shop", &["function one()"]),
    (
        "CREATE FUNCTION one(a int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        &["function one(a integer)"],
    ),
    ("CREATE PROCEDURE does() LANGUAGE sql AS 'SELECT 1'", &["function does()"]),
    (
        "DROP AGGREGATE total(int); CREATE AGGREGATE total(int) (sfunc = int4pl, stype = int, initcond = '1')",
        &["function total(integer)"],
    ),
    ("ALTER TYPE mood ADD VALUE 'glad'", &["type mood"]),
    ("ALTER TYPE mood ADD VALUE 'glad' BEFORE 'sad'", &["type mood"]),
    ("ALTER TYPE mood RENAME VALUE 'fine' TO 'well'", &["type mood"]),
    ("ALTER DOMAIN amount SET DEFAULT 1", &["type amount"]),
    ("ALTER DOMAIN amount SET NOT NULL", &["type amount"]),
    ("ALTER DOMAIN amount ADD CHECK (VALUE < 9)", &["type amount"]),
    ("ALTER TYPE address ADD ATTRIBUTE zip text", &["type address"]),
    ("ALTER TYPE address ALTER ATTRIBUTE town TYPE varchar(5)", &["type address"]),
    ("DROP TYPE span; CREATE TYPE span AS RANGE (subtype = float4)", &["type span"]),
    ("CREATE TYPE wide AS RANGE (subtype = numeric)", &["type wide"]),
    ("ALTER SEQUENCE number INCREMENT 5", &["sequence number"]),
    ("ALTER SEQUENCE number AS smallint", &["sequence number"]),
    ("ALTER SEQUENCE number OWNED BY orphan.id", &["sequence number"]),
    ("ALTER SEQUENCE \"Order_id_seq\" OWNED BY NONE", &["sequence \"Order_id_seq\""]),
    ("ALTER POLICY own ON shop.customer USING (true)", &["policy shop.customer.own"]),
    ("ALTER POLICY own ON shop.customer TO app", &["policy shop.customer.own"]),
    ("ALTER POLICY own ON shop.customer WITH CHECK (true)", &["policy shop.customer.own"]),
    (
        "CREATE OR REPLACE RULE quiet AS ON DELETE TO shop.customer WHERE old.id > 1 DO INSTEAD NOTHING",
        &["rule shop.customer.quiet"],
    ),
    ("ALTER TABLE shop.customer DISABLE RULE quiet", &["rule shop.customer.quiet"]),
    ("ALTER TABLE child NO INHERIT parent", &["table child"]),
    ("ALTER TABLE orphan INHERIT parent", &["table orphan"]),
    (
        "ALTER TABLE event DETACH PARTITION event_2020; ALTER TABLE event ATTACH PARTITION event_2020 FOR VALUES FROM ('2020-02-01 00:00+00') TO ('2021-01-01 00:00+00')",
        &["table event_2020"],
    ),
    (
        "ALTER TABLE event DETACH PARTITION event_2020; ALTER TABLE event ATTACH PARTITION event_2020 DEFAULT",
        &["table event_2020"],
    ),
    ("ALTER TABLE event DETACH PARTITION event_2020", &["table event_2020"]),
    (
        "CREATE TABLE event_rest PARTITION OF event DEFAULT",
        &["table event_rest", "index event_rest_id_idx"],
    ),
    ("CREATE SCHEMA more", &["schema more"]),
];

/// What only some versions have.
const NEWER: &[(u32, &str, &[&str])] = &[
    (13, "ALTER TABLE shop.customer ALTER gross DROP EXPRESSION", CUSTOMER),
    // Before, that took a superuser.
    (13, "CREATE EXTENSION pg_trgm", &["extension pg_trgm"]),
    (14, "ALTER TABLE shop.customer ALTER name SET COMPRESSION pglz", CUSTOMER),
    (15, "ALTER VIEW named SET (security_invoker = true)", &["view named"]),
    (
        15,
        "ALTER TABLE \"Order\" DROP CONSTRAINT is_once, ADD CONSTRAINT is_once UNIQUE NULLS NOT DISTINCT (note)",
        ORDER,
    ),
    (
        18,
        "ALTER TABLE shop.customer ADD COLUMN twice int GENERATED ALWAYS AS (net * 2) VIRTUAL",
        CUSTOMER,
    ),
    (18, "ALTER TABLE \"Order\" ALTER CONSTRAINT is_known NOT ENFORCED", ORDER),
    (18, "ALTER TABLE orphan ADD NOT NULL id NOT VALID", &["table orphan"]),
];

#[test]
fn each_change_of_the_schema_is_seen() {
    let mut conn = conn(&made("catalog_changes"));
    let number = conn.ask_one("SHOW server_version_num").unwrap()[0].clone().unwrap();
    let major = number.parse::<u32>().unwrap() / 10_000;
    let newer = NEWER.iter().filter(|(since, ..)| *since <= major);
    let newer = newer.map(|(_, change, seen)| (*change, *seen));
    let before = catalog(&mut conn).unwrap();
    let mut wrong = Vec::new();
    for (change, seen) in CHANGES.iter().copied().chain(newer) {
        conn.run("BEGIN").unwrap();
        if let Err(failure) = conn.run(change) {
            wrong.push(format!("{change}: {failure}"));
        } else {
            let found = differs(&before, &catalog(&mut conn).unwrap());
            let mut seen: Vec<&str> = seen.to_vec();
            let mut sorted: Vec<&str> = found.iter().map(String::as_str).collect();
            seen.sort_unstable();
            sorted.sort_unstable();
            if sorted != seen {
                wrong.push(format!("{change}: {sorted:?}, not {seen:?}"));
            }
        }
        conn.run("ROLLBACK").unwrap();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_changes_no_schema_is_not_seen() {
    let server = made("catalog_quiet");
    let mut first = conn(&server);
    let before = catalog(&mut first).unwrap();
    for quiet in [
        "INSERT INTO shop.customer (net) VALUES (1), (2)",
        "SELECT nextval('number')",
        "SELECT setval('\"Order_id_seq\"', 99)",
        "VACUUM",
        "VACUUM FULL",
        "ANALYZE",
        "REINDEX TABLE shop.customer",
        "REINDEX TABLE CONCURRENTLY shop.customer",
        "CLUSTER shop.customer USING customer_pkey",
        "REFRESH MATERIALIZED VIEW counted",
        "TRUNCATE shop.customer, \"Order\"",
        "CREATE TEMP TABLE customer (id int)",
        "SET search_path = shop, public",
        "ALTER ROLE app IN DATABASE catalog_quiet SET search_path = shop, public, pg_catalog",
        "ALTER ROLE app IN DATABASE catalog_quiet SET quote_all_identifiers = on",
        "ALTER ROLE app IN DATABASE catalog_quiet SET TimeZone = 'Asia/Tokyo'",
        "ALTER ROLE app IN DATABASE catalog_quiet SET DateStyle = 'German'",
        "ALTER ROLE app IN DATABASE catalog_quiet SET IntervalStyle = 'iso_8601'",
    ] {
        first.run(quiet).unwrap_or_else(|failure| panic!("{quiet}: {failure}"));
        for conn in [&mut first, &mut conn(&server)] {
            assert_eq!(differs(&before, &catalog(conn).unwrap()), [""; 0], "{quiet}");
        }
    }
}

#[test]
fn a_dump_brings_the_same_schema_back() {
    let server = made("catalog_dumped");
    as_superuser(&format!("CREATE DATABASE catalog_restored OWNER {APP}"));
    copy("catalog_dumped", "catalog_restored");
    let before = catalog(&mut conn(&server)).unwrap();
    let now = catalog(&mut conn(&in_database("catalog_restored"))).unwrap();
    let lines = diff(&before, &now, Dialect::Postgres);
    assert!(lines.is_empty(), "{lines:#?}");
}
