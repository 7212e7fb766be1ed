//! `test-migration --from`: what is pending, on a copy of a backup.

mod drafts;
mod refused;

use std::path::{Path, PathBuf};

use crate::conformance::bench::{Bench, Engine};
use crate::support::{Ran, sha256};

/// A value of the data: `gated` fails where it is printed.
const SECRET: &str = "hunter2";

/// A database with rows that nobody thought of, and a backup of it.
fn bench(engine: Engine) -> Bench {
    let bench = Bench::new(engine);
    bench.step(
        "01_before",
        "CREATE TABLE item (id integer PRIMARY KEY, title text, size text);
         CREATE TABLE part (id integer PRIMARY KEY, item_id integer NOT NULL REFERENCES item (id) ON DELETE CASCADE);
         CREATE TABLE lone (id integer PRIMARY KEY, title text, size text);
         CREATE TABLE bare (id integer PRIMARY KEY);\n",
        "DROP TABLE bare; DROP TABLE lone; DROP TABLE part; DROP TABLE item;\n",
    );
    bench.gated(&["migrate"]).expect(0);
    for table in ["item", "lone"] {
        bench.beside(&format!(
            "INSERT INTO {table} VALUES (1, '{SECRET}', '1'), (2, NULL, '2'), (3, '{SECRET}', '{SECRET}')"
        ));
    }
    bench.beside("INSERT INTO part VALUES (1, 1), (2, 2), (3, 3)");
    bench.gated(&["backup"]).expect(0);
    bench
}

/// The newest backup, and the digest of each of its files.
fn newest(bench: &Bench) -> (String, Vec<String>) {
    let backup = bench.backup_files().pop().unwrap();
    let path = Path::new(&backup);
    let mut files: Vec<PathBuf> = match path.is_dir() {
        true => path.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect(),
        false => vec![path.to_owned()],
    };
    files.push(PathBuf::from(format!("{backup}.json")));
    files.sort();
    let digests = files.iter().map(|file| sha256(file)).collect();
    (backup, digests)
}

/// Tries what is pending. Neither the backup nor the database is touched, and nothing that is
/// written holds a value.
#[track_caller]
fn try_it(bench: &Bench, code: i32) -> Ran {
    let before = (newest(bench), bench.seen());
    let results = bench.path().join("results.xml");
    let ran =
        bench.gated(&["test-migration", "--from", "dev", "--junit", "results.xml"]).expect(code);
    let results = std::fs::read_to_string(results).unwrap();
    assert!(!results.contains(SECRET), "{results}");
    assert_eq!(results.contains("<failure"), code == 1, "{results}");
    assert_eq!((newest(bench), bench.seen()), before, "something was touched");
    ran
}

/// The same as JSON.
#[track_caller]
fn in_json(bench: &Bench, code: i32) -> serde_json::Value {
    let (backup, _) = newest(bench);
    let json = bench.gated(&["test-migration", "--from", &backup, "--format", "json"]);
    let json = json.expect(code).json();
    assert_eq!(json["code"], code, "{json}");
    json
}

#[test]
fn a_copy_goes_up_down_and_up_and_nothing_else_is_touched() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let bench = bench(engine);
        let ran = try_it(&bench, 0);
        let said = "nothing is pending on this backup: 1 migration is applied";
        assert!(ran.stdout.contains(said), "{}", ran.stdout);
        bench.step(
            "02_extra",
            "ALTER TABLE item ADD COLUMN extra text;\n",
            "ALTER TABLE item DROP COLUMN extra;\n",
        );
        bench.step(
            "03_named",
            "ALTER TABLE lone RENAME TO alone; ALTER TABLE alone RENAME COLUMN title TO name;\n",
            "ALTER TABLE alone RENAME COLUMN name TO title; ALTER TABLE alone RENAME TO lone;\n",
        );
        // On SQLite this is a statement like others; on PostgreSQL it needs a copy of the copy.
        let at_once = if engine == Engine::Postgres { "CONCURRENTLY" } else { "" };
        bench.step_alone(
            "04_index",
            &format!("CREATE INDEX {at_once} part_item ON part (item_id);\n"),
            &format!("DROP INDEX {at_once} part_item;\n"),
        );
        let ran = try_it(&bench, 0);
        for said in [
            "SHA-256 as recorded",
            "of dev, taken 20",
            "1 migration applied, 3 pending",
            "no rows  bare\n",
            "this data survives 3 migrations",
        ] {
            assert!(ran.stdout.contains(said), "no {said}:\n{}", ran.stdout);
        }
        assert_eq!(ran.stdout.matches(" yes ").count(), 3, "{}", ran.stdout);
        assert!(!ran.stdout.contains("not judged"), "{}", ran.stdout);
        let json = in_json(&bench, 0);
        assert_eq!(
            (&json["rows"], &json["backup"]["target"]),
            (&9.into(), &"dev".into()),
            "{json}"
        );
        assert_eq!(json["tables"][0], serde_json::json!({ "table": "bare", "rows": 0 }));
        assert_eq!(json["migrations"][2]["cameBack"], "yes", "{json}");
        // Nothing of it is applied.
        assert_eq!(bench.versions(), ["01"]);
    }
}

#[test]
fn what_comes_after_a_failure_is_not_tried() {
    let bench = bench(Engine::Sqlite);
    bench.step(
        "02_good",
        "ALTER TABLE item ADD COLUMN extra text;\n",
        "ALTER TABLE item DROP COLUMN extra;\n",
    );
    bench.step(
        "03_bad",
        "CREATE UNIQUE INDEX lone_title ON lone (title);\n",
        "DROP INDEX lone_title;\n",
    );
    bench.step("04_later", "CREATE TABLE later (id integer);\n", "DROP TABLE later;\n");
    let ran = try_it(&bench, 1);
    for said in [
        "03_bad/up.sql\n           up fails: UNIQUE constraint failed: lone.title",
        "not tried  04_later\n",
        "failed  1 problem",
    ] {
        assert!(ran.stdout.contains(said), "no {said}:\n{}", ran.stdout);
    }
    let results = std::fs::read_to_string(bench.path().join("results.xml")).unwrap();
    assert!(results.contains("<skipped message=\"one before it"), "{results}");
}

#[test]
fn what_cannot_be_undone_is_excused_in_the_configuration() {
    let bench = bench(Engine::Sqlite);
    bench.step("02_last", "UPDATE item SET size = 'x';\n", "SELECT 1;\n");
    let ran = try_it(&bench, 1);
    assert!(ran.stdout.contains("[test-migration.irreversible] \"02_last\""), "{}", ran.stdout);
    bench.configure_with("[test-migration.irreversible]\n\"02_last\" = \"sizes are guesses\"\n");
    let ran = try_it(&bench, 0);
    assert!(ran.stdout.contains(" irreversible "), "{}", ran.stdout);
}

#[test]
fn what_a_trigger_may_have_done_is_not_judged() {
    let bench = bench(Engine::Sqlite);
    bench.step(
        "02_trigger",
        "CREATE TRIGGER notes AFTER UPDATE ON item BEGIN UPDATE lone SET size = 'x'; END;
         UPDATE item SET size = size;\n",
        "DROP TRIGGER notes;\n",
    );
    let ran = try_it(&bench, 0);
    for said in
        ["02_trigger: not judged: lone: a trigger", "not judged: lone.size: after up and down"]
    {
        assert!(ran.stdout.contains(said), "no {said}:\n{}", ran.stdout);
    }
}

#[test]
fn rows_of_partitions_are_counted_and_a_partition_may_go() {
    let bench = Bench::new(Engine::Postgres);
    bench.step(
        "01_before",
        "CREATE TABLE log (id integer, note text) PARTITION BY LIST (id);
         CREATE TABLE log_1 PARTITION OF log FOR VALUES IN (1);
         CREATE TABLE log_2 PARTITION OF log FOR VALUES IN (2);\n",
        "DROP TABLE log;\n",
    );
    bench.gated(&["migrate"]).expect(0);
    bench.beside("INSERT INTO log VALUES (1, 'a'), (2, 'b'), (2, 'c')");
    bench.gated(&["backup"]).expect(0);
    bench.step("02_last", "DROP TABLE log_1;\n", "SELECT 1;\n");
    bench.configure_with("[test-migration.irreversible]\n\"02_last\" = \"it is old\"\n");
    let json = in_json(&bench, 0);
    assert_eq!(json["tables"], serde_json::json!([{ "table": "log", "rows": 3 }]), "{json}");
    let open = json["migrations"][0]["notJudged"].to_string();
    assert!(open.contains("log: it had 3 rows and now has 2"), "{json}");
}
