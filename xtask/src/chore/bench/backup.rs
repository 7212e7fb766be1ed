//! `backup`: a verified backup of a database of 1.4 GB.

use std::fs;

use anyhow::ensure;
use xshell::cmd;

use super::measure::run;
use super::table::Line;
use super::{Bench, empty};

/// About 221 bytes a row, with its place in the index.
const ROWS: u32 = 6_300_000;

pub(super) fn figure(bench: &Bench<'_>) -> anyhow::Result<Vec<Line>> {
    let shell = bench.shell;
    let directory = &bench.directory;
    let _here = shell.push_dir(directory);
    fs::write(
        directory.join("portcullis.toml"),
        "[targets.dev]\nengine = \"sqlite\"\npath = \"dev.db\"\n",
    )?;
    let rows = if bench.small { ROWS / 10 } else { ROWS };
    let script = schema_and_rows(rows);
    cmd!(shell, "sqlite3 dev.db {script}").quiet().read()?;

    let pairs = bench.pairs(
        3,
        || {
            let gate = bench.gate.as_os_str();
            let (sample, _) = run(bench, &[gate, "backup".as_ref()])?;
            empty(&directory.join("var/backups"))?;
            Ok(sample)
        },
        || {
            let (copied, _) = run(bench, &["sqlite3", "dev.db", ".backup theirs.db"])?;
            let (hashed, _) = run(bench, &["sha256sum", "theirs.db"])?;
            let checks = "PRAGMA integrity_check; PRAGMA foreign_key_check";
            let (checked, answer) = run(bench, &["sqlite3", "theirs.db", checks])?;
            ensure!(answer == "ok", "sqlite3 finds the copy damaged: {answer}");
            fs::remove_file(directory.join("theirs.db"))?;
            Ok(copied.then(hashed).then(checked))
        },
    )?;
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let size = fs::metadata(directory.join("dev.db"))?.len() as f64 / 1e9;
    let figure = format!("backup, {size:.2} GB");
    Ok(vec![Line::time(&figure, &pairs, 0.7), Line::peak(&figure, &pairs, 64)])
}

fn schema_and_rows(rows: u32) -> String {
    let customers = rows / 50;
    format!(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN;
         CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
         CREATE TABLE purchase (
             id INTEGER PRIMARY KEY,
             customer INTEGER NOT NULL REFERENCES customer(id),
             made TEXT NOT NULL,
             note TEXT NOT NULL
         );
         INSERT INTO customer SELECT value, 'customer ' || value FROM generate_series(1, {customers});
         INSERT INTO purchase SELECT value, 1 + abs(random() % {customers}),
             datetime(1700000000 + value, 'unixepoch'), printf('%0*d', 130 + value % 61, value)
             FROM generate_series(1, {rows});
         CREATE INDEX purchase_customer ON purchase (customer);
         COMMIT;"
    )
}
