//! Both engines have the same migrations, and each does the same to the same rows.

use std::collections::BTreeMap;

use crate::support::{Bench, Engine, Way, mess};

/// Every row, without the types that each engine prints in its own way; columns by name.
fn rows(bench: &Bench) -> BTreeMap<String, Vec<String>> {
    let mut columns: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for [table, column, r#type, _] in bench.database().columns() {
        if r#type.contains("Text") || r#type.contains("Integer") {
            columns.entry(table).or_default().push(column);
        }
    }
    let of = |(table, mut columns): (String, Vec<String>)| {
        columns.sort();
        let mut rows = bench.rows(&format!("SELECT {} FROM {table}", columns.join(", ")));
        rows.sort();
        rows.insert(0, columns.join(" | "));
        (table, rows)
    };
    columns.into_iter().map(of).collect()
}

#[test]
fn each_migration_does_the_same_to_the_same_rows() {
    let mut sqlite = Bench::new(Engine::Sqlite);
    let mut postgres = Bench::new(Engine::Postgres);
    assert_eq!(sqlite.database().directories(), postgres.database().directories());
    let names = sqlite.names();
    let mut step = |name: &str, way: Way| {
        for bench in [&mut sqlite, &mut postgres] {
            bench.run(name, way);
            if way == Way::Up {
                mess::insert_for_both(bench, name);
            }
        }
        assert_eq!(rows(&sqlite), rows(&postgres), "{name}, {way:?}");
    };
    names.iter().for_each(|name| step(name, Way::Up));
    names.iter().rev().for_each(|name| step(name, Way::Down));
}
