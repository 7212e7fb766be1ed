//! What proving migrations costs beside applying them once: times in milliseconds, a line
//! a round, for `cargo xtask bench test-migration`.
//!
//! `cost ENGINE MIGRATIONS ROUNDS`

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use portcullis_database::scratch::{Lab, LabOptions, open_lab};
use portcullis_model::config::{Engine, TestMigration};
use portcullis_model::migration::MigrationSet;
use portcullis_model::plan::{Goal, Plan, plan};
use portcullis_model::tree::Disk;
use portcullis_test::{Answers, Cases, Messy, Selection, Suite, Which};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [engine, number, rounds] = arguments.as_slice() else {
        return Err("cost ENGINE MIGRATIONS ROUNDS".into());
    };
    let engine = if engine == "postgres" { Engine::Postgres } else { Engine::Sqlite };
    let place = tempfile::tempdir()?;
    write(place.path(), number.parse()?)?;
    let disk = Disk::new(place.path());
    let set = MigrationSet::read(&disk, Path::new("migrations"))?;
    let names: BTreeSet<&str> = set.migrations.iter().map(|one| one.directory.as_str()).collect();
    let cases = Cases::read(&disk, &names)?;
    let plan = plan(&set, &[], &Goal::Latest, engine.dialect()).map_err(|_| "no plan")?;
    let lab = open_lab(engine, &LabOptions { statement_timeout: Duration::from_secs(60) })?;
    let (none, exceptions) = (BTreeSet::new(), TestMigration::default());
    for _ in 0..rounds.parse()? {
        let straight = straight(lab.as_ref(), &plan)?;
        let proved = |round_trips| -> Result<Duration, Box<dyn Error>> {
            let suite = Suite {
                plan: &plan,
                cases: &cases,
                selection: Selection { filter: None, migrations: Which::All },
                answers: Answers::Compare,
                exceptions: &exceptions,
                round_trips,
                messy_trips: Which::Of(&none),
                messy: Messy::default(),
            };
            let started = Instant::now();
            let report = portcullis_test::run(lab.as_ref(), &suite, &|_| {})?;
            let took = started.elapsed();
            match report.problems().next() {
                Some(problem) => Err(format!("{}: {}", problem.at, problem.what).into()),
                None => Ok(took),
            }
        };
        let with_cases = proved(Which::Of(&none))?;
        let with_trips = proved(Which::All)?;
        let [straight, with_cases, with_trips] =
            [straight, with_cases, with_trips].map(|took| took.as_secs_f64() * 1000.0);
        #[expect(clippy::print_stdout, reason = "it is what the program is for")]
        {
            println!("{straight:.1} {with_cases:.1} {with_trips:.1}");
        }
    }
    Ok(())
}

/// Each migration once, as a run applies it.
fn straight(lab: &dyn Lab, plan: &Plan) -> Result<Duration, Box<dyn Error>> {
    let started = Instant::now();
    let mut database = lab.make()?;
    for segment in &plan.segments {
        for step in &segment.steps {
            database.apply(step, segment.kind)?;
        }
    }
    Ok(started.elapsed())
}

/// Migrations as an application has them, ten after ten about a table each, with a case for
/// every one.
fn write(root: &Path, number: usize) -> std::io::Result<()> {
    for index in 0..number {
        let (up, down, after) = migration(index);
        let name = format!("{index:05}_step");
        let directory = root.join("migrations").join(&name);
        fs::create_dir_all(&directory)?;
        fs::write(directory.join("up.sql"), up)?;
        fs::write(directory.join("down.sql"), down)?;
        let cases = root.join(portcullis_test::DIRECTORY).join(&name);
        fs::create_dir_all(&cases)?;
        fs::write(cases.join("holds.slt"), case(index, &after))?;
    }
    Ok(())
}

fn migration(index: usize) -> (String, String, String) {
    let t = format!("t{}", index / 10);
    let count = |table: &str| format!("query I\nSELECT count(*) FROM {table}\n----\n");
    let (up, down) = match index % 10 {
        0 => (
            format!(
                "CREATE TABLE {t} (id integer PRIMARY KEY, name text NOT NULL, note text);\n\
                 CREATE TABLE {t}_part (id integer PRIMARY KEY, {t}_id integer NOT NULL REFERENCES {t} (id));\n"
            ),
            format!("DROP TABLE {t}_part;\nDROP TABLE {t};\n"),
        ),
        1 => (
            format!("ALTER TABLE {t} ADD COLUMN size integer;\n"),
            format!("ALTER TABLE {t} DROP COLUMN size;\n"),
        ),
        2 => (
            format!("UPDATE {t} SET size = length(name);\n"),
            format!("UPDATE {t} SET size = NULL;\n"),
        ),
        3 => (format!("CREATE INDEX {t}_size ON {t} (size);\n"), format!("DROP INDEX {t}_size;\n")),
        4 => (
            format!("CREATE VIEW {t}_view AS SELECT id, name FROM {t} WHERE size > 0;\n"),
            format!("DROP VIEW {t}_view;\n"),
        ),
        5 => (
            format!("ALTER TABLE {t} ADD COLUMN kind text NOT NULL DEFAULT 'a';\n"),
            format!("ALTER TABLE {t} DROP COLUMN kind;\n"),
        ),
        6 => (
            format!("CREATE UNIQUE INDEX {t}_name ON {t} (name);\n"),
            format!("DROP INDEX {t}_name;\n"),
        ),
        7 => (
            format!(
                "CREATE TABLE {t}_log (at text, what text);\nCREATE INDEX {t}_log_at ON {t}_log (at);\n"
            ),
            format!("DROP TABLE {t}_log;\n"),
        ),
        8 => (
            format!("DROP VIEW {t}_view;\n"),
            format!("CREATE VIEW {t}_view AS SELECT id, name FROM {t} WHERE size > 0;\n"),
        ),
        _ => (
            format!("ALTER TABLE {t} RENAME COLUMN note TO remark;\n"),
            format!("ALTER TABLE {t} RENAME COLUMN remark TO note;\n"),
        ),
    };
    let after = if index.is_multiple_of(10) { count(&t) + "0\n" } else { count(&t) + "2\n" };
    (up, down, after)
}

/// Four records.
fn case(index: usize, after: &str) -> String {
    let t = format!("t{}", index / 10);
    let before = match index % 10 {
        0 => "query I\nSELECT 1\n----\n1\n".to_owned(),
        _ => format!(
            "statement ok\nINSERT INTO {t} (id, name) VALUES (1, 'ana'), (2, 'ben')\n\n\
             query T\nSELECT name FROM {t} ORDER BY id\n----\nana\nben\n"
        ),
    };
    let more = if index.is_multiple_of(10) { "query I\nSELECT 2\n----\n2\n\n" } else { "" };
    format!(
        "subtest before\n\n{before}\n{more}subtest after\n\n{after}\nquery T\nSELECT max(name) FROM {t}\n----\n{}\n",
        if index.is_multiple_of(10) { "NULL" } else { "ben" }
    )
}
