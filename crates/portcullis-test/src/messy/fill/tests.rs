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

/// A thousand messy rows a table, made and offered, take no more than three times what inserting
/// those that are taken by one statement a table takes.
#[test]
fn a_thousand_rows_are_soon_there() {
    // Without optimisation only the database is as fast as it will be.
    let times = if cfg!(debug_assertions) { 20 } else { 3 };
    for engine in engines() {
        let options = LabOptions { statement_timeout: Duration::from_secs(30) };
        let lab = open_lab(engine, &options).unwrap();
        let mut scratch = lab.make().unwrap();
        scratch.ask(SCHEMA).unwrap();
        let shapes = scratch.shapes().unwrap();
        let dialect = scratch.dialect();
        let (mut messy, mut plain) = (Duration::MAX, Duration::MAX);
        for seed in 1..6 {
            scratch.begin().unwrap();
            let started = Instant::now();
            let wanted = Wanted { character: Character::Full, rows: 1000, seed, dialect };
            let rows = generate(&shapes, wanted);
            let offered: Chosen = (0..rows.len()).collect();
            let taken = fill(scratch.as_mut(), &shapes, &rows, &offered).unwrap();
            messy = messy.min(started.elapsed());
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
            plain = plain.min(started.elapsed());
            scratch.roll_back().unwrap();
        }
        assert!(messy <= plain * times, "{engine:?}: {messy:?} for {plain:?}");
    }
}
