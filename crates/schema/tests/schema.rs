//! The migrations, `schema.rs` and messy rows, held against each other.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy lets tests do both, but not the functions beside them"
)]

mod data;
mod models;
mod parity;
mod support;

use std::collections::{BTreeMap, BTreeSet};

use support::{Bench, Engine, Way, mess, on_both_engines};

on_both_engines!(
    schema_rs_says_what_the_database_has,
    drift_is_seen,
    joinable_says_which_foreign_keys_there_are,
    each_migration_goes_up_down_and_up_again,
    all_migrations_go_down_together_and_up_again,
    mess_names_migrations_that_exist,
);

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

/// Reads what the database says, in Diesel's words.
fn in_database(bench: &Bench) -> Tables {
    let mut tables = Tables::new();
    for [table, column, r#type, key] in bench.database().columns() {
        let table = tables.entry(table).or_default();
        if key == "key" {
            table.key.insert(column.clone());
        }
        table.columns.push((column, r#type));
    }
    tables
}

/// The first difference, if there is one. Only SQLite, whose tables are rebuilt, has the
/// columns in `schema.rs`'s order; PostgreSQL puts a new one last.
fn difference(text: &str, bench: &Bench) -> Option<String> {
    let (mut said, mut found) = (in_text(text), in_database(bench));
    if bench.engine == Engine::Postgres {
        let tables = said.values_mut().chain(found.values_mut());
        tables.for_each(|table| table.columns.sort());
    }
    (said != found).then(|| format!("{said:#?} is in the file, {found:#?} in the database"))
}

fn schema_rs_says_what_the_database_has(engine: Engine) {
    assert_eq!(difference(SCHEMA, &Bench::migrated(engine)), None);
}

/// The comparison is worth something only if it sees each kind of drift.
fn drift_is_seen(engine: Engine) {
    let bench = Bench::migrated(engine);
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
        assert!(difference(&text, &bench).is_some(), "{is} went unseen");
    }
}

fn joinable_says_which_foreign_keys_there_are(engine: Engine) {
    let bench = Bench::migrated(engine);
    let in_database: BTreeSet<String> = bench.database().foreign_keys().into_iter().collect();
    let in_text: BTreeSet<String> = SCHEMA
        .lines()
        .filter_map(|line| line.strip_prefix("diesel::joinable!(")?.strip_suffix(");"))
        .map(str::to_owned)
        .collect();
    assert_eq!(in_text, in_database);
}

/// Only these may lose rows on the way down: what they take away is what they put in.
const TAKES_ROWS_BACK: &[&str] = &["seed_studios"];

fn each_migration_goes_up_down_and_up_again(engine: Engine) {
    let mut bench = Bench::new(engine);
    for name in bench.names() {
        let before = bench.database().schema();
        bench.run(&name, Way::Up);
        let (schema, contents) = (bench.database().schema(), bench.contents());

        bench.run(&name, Way::Down);
        assert_eq!(bench.database().schema(), before, "{name}: down leaves another schema");
        for (table, rows) in bench.contents() {
            if !TAKES_ROWS_BACK.contains(&name.as_str()) {
                assert_eq!(rows.len(), contents[&table].len(), "{name}: rows of {table}");
            }
        }

        bench.run(&name, Way::Up);
        assert_eq!(bench.database().schema(), schema, "{name}: the second up differs");
        assert_eq!(bench.contents(), contents, "{name}: the second up's rows differ");
        mess::insert_after(&mut bench, &name);
    }
}

fn all_migrations_go_down_together_and_up_again(engine: Engine) {
    let mut bench = Bench::new(engine);
    let mut passed = vec![];
    for name in bench.names() {
        passed.push((name.clone(), bench.database().schema()));
        bench.run(&name, Way::Up);
        mess::insert_after(&mut bench, &name);
    }
    let last = bench.database().schema();
    for (name, before) in passed.iter().rev() {
        bench.run(name, Way::Down);
        assert_eq!(&bench.database().schema(), before, "after reverting {name}");
    }
    for (name, _) in &passed {
        bench.run(name, Way::Up);
    }
    assert_eq!(bench.database().schema(), last);
}

/// A mistyped name would leave the round trips without rows, and nobody would notice.
fn mess_names_migrations_that_exist(engine: Engine) {
    let names = Bench::new(engine).names();
    for after in mess::names() {
        assert!(names.iter().any(|name| name == after), "{after}");
    }
}
