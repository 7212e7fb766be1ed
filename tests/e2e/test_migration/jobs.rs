//! `--jobs`: however many walk, what is told is the same.

use serde_json::Value;

use super::case;
use crate::conformance::bench::{Bench, Engine};

/// Enough migrations to be shared: tables, and indexes on them.
const NUMBER: usize = 66;

fn bench(engine: Engine) -> Bench {
    let bench = Bench::new(engine);
    let mut excused = "[test-migration.without-messy]\n".to_owned();
    for index in 0..NUMBER {
        excused.push_str(&format!("\"{}\" = \"it takes its time\"\n", name(index)));
        let table = format!("t{}", index / 2);
        let (up, down) = match index % 2 {
            0 => (
                format!("CREATE TABLE {table} (id integer PRIMARY KEY, name text);\n"),
                format!("DROP TABLE {table};\n"),
            ),
            _ => (
                format!("CREATE INDEX {table}_name ON {table} (name);\n"),
                format!("DROP INDEX {table}_name;\n"),
            ),
        };
        bench.step(&name(index), &up, &down);
        let holds = format!("query I\nSELECT count(*) FROM {table}\n----\n0\n");
        let text = format!("subtest before\n\nsubtest after\n\n{holds}");
        bench.write(&format!("tests/migrations/{}/is_empty.slt", name(index)), text);
    }
    bench.configure_with(&excused);
    bench
}

fn name(index: usize) -> String {
    format!("{index:03}_step")
}

/// What is told, without how long it took.
fn told(bench: &Bench, jobs: &str, exit: i32) -> Value {
    let arguments = ["test-migration", "--all", "--format", "json", "--jobs", jobs];
    let mut json = bench.gated(&arguments).expect(exit).json();
    forget_times(&mut json);
    json
}

fn forget_times(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !name.to_ascii_lowercase().contains("took"));
            fields.retain(|name, _| !name.to_ascii_lowercase().contains("milliseconds"));
            fields.values_mut().for_each(forget_times);
        }
        Value::Array(all) => all.iter_mut().for_each(forget_times),
        _ => {}
    }
}

#[test]
fn the_report_is_the_same_however_many_walk() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let bench = bench(engine);
        let alone = told(&bench, "1", 0);
        assert_eq!(alone["engines"][0]["migrations"].as_array().map(Vec::len), Some(NUMBER));
        assert_eq!(alone, told(&bench, "3", 0));
        // One whose way back isn't one, one whose case doesn't hold, and one that can't be.
        bench.step(
            &name(20),
            "CREATE TABLE t10 (id integer PRIMARY KEY, name text);\n",
            "SELECT 1;\n",
        );
        let wrong = case("a", "query I\nSELECT 1\n----\n2\n").replace("item", "t16");
        bench.write(&format!("tests/migrations/{}/wrong.slt", name(33)), wrong);
        let failing = told(&bench, "1", 1);
        assert_eq!(failing, told(&bench, "3", 1));
        assert!(failing["engines"][0]["stopped"].is_null(), "{failing}");
        bench.step(&name(41), "CREATE INDEX a ON t99 (name);\n", "DROP INDEX a;\n");
        let stopped = told(&bench, "1", 1);
        assert_eq!(stopped, told(&bench, "3", 1));
        assert_eq!(stopped["engines"][0]["migrations"].as_array().map(Vec::len), Some(42));
        let text = stopped["engines"][0]["stopped"].to_string();
        assert!(text.contains(&name(41)), "{text}");
    }
}

#[test]
fn roles_are_the_servers_and_so_one_walks_alone() {
    let bench = bench(Engine::Postgres);
    let role = "portcullis_jobs";
    bench.step(&name(1), &format!("CREATE ROLE {role};\n"), &format!("DROP ROLE {role};\n"));
    let alone = told(&bench, "1", 0);
    assert_eq!(alone, told(&bench, "3", 0));
}
