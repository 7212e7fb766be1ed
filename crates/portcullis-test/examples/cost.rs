//! What proving migrations costs beside applying them once, for
//! `cargo xtask bench test-migration`: `cost ENGINE ROUNDS JOBS N…`.
//!
//! It prints a line for each measured run: how many migrations, what was done, seconds.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::{Duration, Instant};

use portcullis_database::scratch::{Lab, LabOptions, open_lab};
use portcullis_model::config::{Engine, TestMigration};
use portcullis_model::migration::MigrationSet;
use portcullis_model::plan::{Goal, Plan, Step, plan};
use portcullis_model::tree::Disk;
use portcullis_test::{Answers, Cases, Messy, Selection, Suite, Which};

type Failed = Box<dyn Error>;

/// Everything of one number in turns, so that whatever else the machine does meets all.
fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [engine, rounds, jobs, numbers @ ..] = arguments.as_slice() else {
        return Err("cost ENGINE ROUNDS JOBS N…".into());
    };
    let engine = if engine == "postgres" { Engine::Postgres } else { Engine::Sqlite };
    let (rounds, jobs) = (rounds.parse::<u32>()?, jobs.parse::<NonZeroUsize>()?);
    let lab = open_lab(engine, &LabOptions { statement_timeout: Duration::from_secs(60) })?;
    let inputs = numbers
        .iter()
        .map(|number| Ok((number, input(engine, number.parse()?)?)))
        .collect::<Result<Vec<_>, Failed>>()?;
    for round in 0..=rounds {
        for (number, (plan, cases)) in &inputs {
            for (what, run) in SIDES {
                let took = run(lab.as_ref(), plan, cases, jobs)?.as_secs_f64();
                // The first round warms the caches.
                #[expect(clippy::print_stdout, reason = "it is what the program is for")]
                if round > 0 {
                    println!("{number} {what} {took}");
                }
            }
        }
    }
    Ok(())
}

type Side = fn(&dyn Lab, &Plan, &Cases, NonZeroUsize) -> Result<Duration, Failed>;

static NONE: BTreeSet<String> = BTreeSet::new();

const SIDES: [(&str, Side); 4] = [
    ("diesel", |lab, plan, _, _| {
        let steps: Vec<&Step> = plan.steps().collect();
        let started = Instant::now();
        lab.apply_as_diesel(&steps)?;
        Ok(started.elapsed())
    }),
    ("cases", |lab, plan, cases, jobs| prove(lab, plan, cases, Which::Of(&NONE), jobs)),
    ("straight", |lab, plan, _, _| straight(lab, plan)),
    ("round-trips", |lab, plan, cases, jobs| prove(lab, plan, cases, Which::All, jobs)),
];

fn prove(
    lab: &dyn Lab,
    plan: &Plan,
    cases: &Cases,
    round_trips: Which<'_>,
    jobs: NonZeroUsize,
) -> Result<Duration, Failed> {
    let exceptions = TestMigration::default();
    let suite = Suite {
        plan,
        cases,
        selection: Selection { filter: None, migrations: Which::All },
        answers: Answers::Compare,
        exceptions: &exceptions,
        round_trips,
        messy_trips: Which::Of(&NONE),
        messy: Messy::default(),
        jobs,
    };
    let started = Instant::now();
    let report = portcullis_test::run(lab, &suite, &|_| {})?;
    let took = started.elapsed();
    match report.problems().next() {
        Some(problem) => Err(format!("{}: {}", problem.at, problem.what).into()),
        None => Ok(took),
    }
}

/// This many migrations, and their cases.
fn input(engine: Engine, number: usize) -> Result<(Plan, Cases), Failed> {
    let place = tempfile::tempdir()?;
    write(place.path(), number)?;
    let disk = Disk::new(place.path());
    let set = MigrationSet::read(&disk, Path::new("migrations"))?;
    let names: BTreeSet<&str> = set.migrations.iter().map(|one| one.directory.as_str()).collect();
    let cases = Cases::read(&disk, &names)?;
    let plan = plan(&set, &[], &Goal::Latest, engine.dialect()).map_err(|_| "no plan")?;
    Ok((plan, cases))
}

/// Each migration once, as a run applies it.
fn straight(lab: &dyn Lab, plan: &Plan) -> Result<Duration, Failed> {
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
