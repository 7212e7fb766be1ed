use std::time::{Duration, Instant};

use portcullis_database::scratch::{LabOptions, open_lab};
use portcullis_model::config::Engine;

use super::super::generate::{Character, Wanted, generate};
use super::*;

const SCHEMA: &str = "
    CREATE TABLE kind (id integer PRIMARY KEY, code text NOT NULL UNIQUE);
    CREATE TABLE item (
        id integer PRIMARY KEY, kind_id integer NOT NULL REFERENCES kind (id), title text,
        status text NOT NULL CHECK (status IN ('open', 'done')), rating integer CHECK (rating BETWEEN 1 AND 5),
        price numeric CHECK (price >= 0), at timestamp, note text);
    CREATE TABLE part (
        id integer PRIMARY KEY, item_id integer REFERENCES item (id), size integer, ratio double precision,
        UNIQUE (item_id, size));
    CREATE INDEX item_kind ON item (kind_id); CREATE INDEX part_item ON part (item_id);";

fn engines() -> Vec<Engine> {
    if cfg!(feature = "postgres") {
        vec![Engine::Sqlite, Engine::Postgres]
    } else {
        vec![Engine::Sqlite]
    }
}

/// Prints what a thousand messy rows a table cost, made and offered, and what inserting those
/// that are taken costs by one statement a table, in seconds, in turns.
#[test]
#[ignore = "it measures: cargo xtask bench test-migration runs it"]
fn a_thousand_rows_beside_one_statement_a_table() {
    println!();
    for engine in engines() {
        let options = LabOptions { statement_timeout: Duration::from_secs(30) };
        let lab = open_lab(engine, &options).unwrap();
        let mut scratch = lab.make().unwrap();
        scratch.ask(SCHEMA).unwrap();
        let shapes = scratch.shapes().unwrap();
        let dialect = scratch.dialect();
        for seed in 0..6 {
            scratch.begin().unwrap();
            let started = Instant::now();
            let wanted = Wanted { character: Character::Full, rows: 1000, seed, dialect };
            let rows = generate(&shapes, wanted);
            let offered: Chosen = (0..rows.len()).collect();
            let taken = fill(scratch.as_mut(), &shapes, &rows, &offered).unwrap();
            let messy = started.elapsed();
            scratch.roll_back().unwrap();
            assert!(taken.len() > 2_500, "{}", taken.len());
            let kept: Vec<&Row> = taken.iter().map(|at| &rows[*at]).collect();
            let kept: Vec<&Row> = kept.into_iter().filter(|row| row.values().is_some()).collect();
            let statements: Vec<String> = kept
                .chunk_by(|a, b| a.table == b.table)
                .map(|rows| insert(&shapes[rows[0].table], rows))
                .collect();
            scratch.begin().unwrap();
            let started = Instant::now();
            for sql in &statements {
                scratch.ask(sql).unwrap();
            }
            let plain = started.elapsed();
            scratch.roll_back().unwrap();
            // The first round warms the caches.
            if seed > 0 {
                let engine = engine.name();
                println!("{engine} messy {}", messy.as_secs_f64());
                println!("{engine} plain {}", plain.as_secs_f64());
            }
        }
    }
}
