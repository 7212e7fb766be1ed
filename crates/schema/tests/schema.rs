//! The migrations, `schema.rs` and messy rows, held against each other.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy lets tests do both, but not the functions beside them"
)]

mod data;
mod support;

use std::collections::{BTreeMap, BTreeSet};

use support::mess::MESS;
use support::{Bench, Way, rows, tables};

const SCHEMA: &str = include_str!("../src/schema.rs");

/// A table as `schema.rs` or the database has it: its key, and its columns in order.
#[derive(Debug, Default, PartialEq, Eq)]
struct Table {
    key: BTreeSet<String>,
    columns: Vec<(String, String)>,
}

type Tables = BTreeMap<String, Table>;

/// Reads the `table!` blocks. The generated text is regular enough for lines to do.
fn in_text(text: &str) -> Tables {
    let mut tables = Tables::new();
    let mut table = String::new();
    for line in text.lines().map(str::trim) {
        if let Some((name, key)) = line.strip_suffix(") {").and_then(|it| it.split_once(" (")) {
            table = name.to_owned();
            let key = key.split(", ").map(str::to_owned).collect();
            tables.entry(table.clone()).or_default().key = key;
        } else if let Some((column, r#type)) =
            line.strip_suffix(',').and_then(|it| it.split_once(" -> "))
        {
            let column = (column.to_owned(), r#type.to_owned());
            tables.get_mut(&table).unwrap().columns.push(column);
        }
    }
    tables
}

/// Reads what SQLite says, in Diesel's words.
fn in_database(db: &rusqlite::Connection) -> Tables {
    let mut all = Tables::new();
    for name in tables(db) {
        let mut table = Table::default();
        let columns = "SELECT name, type, \"notnull\", pk FROM pragma_table_xinfo";
        for row in rows(db, &format!("{columns}('{name}')")) {
            let [column, declared, not_null, key] =
                row.split(" | ").collect::<Vec<_>>().try_into().unwrap();
            let r#type = diesel_type(declared);
            let r#type =
                if not_null == "1" { r#type.to_owned() } else { format!("Nullable<{type}>") };
            table.columns.push((column.to_owned(), r#type));
            if key != "0" {
                table.key.insert(column.to_owned());
            }
        }
        all.insert(name, table);
    }
    all
}

fn diesel_type(declared: &str) -> &'static str {
    match declared {
        "TEXT" => "Text",
        "INTEGER" => "Integer",
        "BOOLEAN" => "Bool",
        "DATE" => "Date",
        "TIMESTAMP" => "Timestamp",
        other => panic!("say here what Diesel makes of {other}"),
    }
}

fn migrated() -> Bench {
    let mut bench = Bench::new();
    for name in bench.names() {
        bench.run(&name, Way::Up);
    }
    bench
}

#[test]
fn schema_rs_says_what_the_database_has() {
    let bench = migrated();
    let db = bench.open();
    assert_eq!(in_text(SCHEMA), in_database(&db));
}

/// The comparison is worth something only if it sees each kind of drift.
#[test]
fn drift_is_seen() {
    let bench = migrated();
    let db = bench.open();
    for (was, is) in [
        ("rating -> Nullable<Integer>", "rating -> Integer"),
        ("file_name -> Text", "file_name -> Integer"),
        ("        position -> Integer,\n", ""),
        ("        email ->", "        shoe_size -> Integer,\n        email ->"),
        ("(composition_id, photograph_id) {", "(composition_id) {"),
        ("studios (id) {", "ateliers (id) {"),
    ] {
        let text = SCHEMA.replacen(was, is, 1);
        assert_ne!(text, SCHEMA, "{was} isn't there to be replaced");
        assert_ne!(in_text(&text), in_database(&db), "{is} went unseen");
    }
}

#[test]
fn joinable_says_which_foreign_keys_there_are() {
    let bench = migrated();
    let db = bench.open();
    let in_database: BTreeSet<String> = tables(&db)
        .iter()
        .flat_map(|child| {
            let parents =
                format!("SELECT \"table\", \"from\" FROM pragma_foreign_key_list('{child}')");
            let parents = rows(&db, &parents).into_iter();
            parents.map(move |it| format!("{child} -> {})", it.replace(" | ", " (")))
        })
        .collect();
    let in_text: BTreeSet<String> = SCHEMA
        .lines()
        .filter_map(|line| line.strip_prefix("diesel::joinable!(")?.strip_suffix(");"))
        .map(str::to_owned)
        .collect();
    assert_eq!(in_text, in_database);
}

/// Only these may lose rows on the way down: what they take away is what they put in.
const TAKES_ROWS_BACK: &[&str] = &["seed_studios"];

#[test]
fn each_migration_goes_up_down_and_up_again() {
    let mut bench = Bench::new();
    for name in bench.names() {
        let before = bench.schema();
        bench.run(&name, Way::Up);
        let (schema, contents) = (bench.schema(), bench.contents());

        bench.run(&name, Way::Down);
        assert_eq!(bench.schema(), before, "{name}: down leaves another schema");
        for (table, rows) in bench.contents() {
            if !TAKES_ROWS_BACK.contains(&name.as_str()) {
                assert_eq!(rows.len(), contents[&table].len(), "{name}: rows of {table}");
            }
        }

        bench.run(&name, Way::Up);
        assert_eq!(bench.schema(), schema, "{name}: the second up differs");
        assert_eq!(bench.contents(), contents, "{name}: the second up's rows differ");
        insert_mess_after(&mut bench, &name);
    }
}

#[test]
fn all_migrations_go_down_together_and_up_again() {
    let mut bench = Bench::new();
    let mut passed = vec![];
    for name in bench.names() {
        passed.push((name.clone(), bench.schema()));
        bench.run(&name, Way::Up);
        insert_mess_after(&mut bench, &name);
    }
    let last = bench.schema();
    for (name, before) in passed.iter().rev() {
        bench.run(name, Way::Down);
        assert_eq!(&bench.schema(), before, "after reverting {name}");
    }
    for (name, _) in &passed {
        bench.run(name, Way::Up);
    }
    assert_eq!(bench.schema(), last);
}

fn insert_mess_after(bench: &mut Bench, name: &str) {
    for (_, sql) in MESS.iter().filter(|(after, _)| *after == name) {
        bench.sql(sql);
    }
}

/// A mistyped name would leave the round trips without rows, and nobody would notice.
#[test]
fn mess_names_migrations_that_exist() {
    let names = Bench::new().names();
    for (after, _) in MESS {
        assert!(names.iter().any(|name| name == after), "{after}");
    }
}
