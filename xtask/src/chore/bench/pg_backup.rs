//! `pg-backup`: a verified backup of a PostgreSQL database of 1 GiB, read whole and
//! restored for proof, against `pg_dump -Fc`.

use std::fs;

use super::measure::{Sample, run};
use super::pg_server::Server;
use super::table::Line;
use super::{Bench, empty, pg_rows};

const ROWS: u32 = 7_000_000;

pub(super) fn figures(bench: &Bench<'_>, server: &Server<'_>) -> anyhow::Result<Vec<Line>> {
    let directory = &bench.directory;
    server.make_anew("bench")?;
    let rows = if bench.small { ROWS / 10 } else { ROWS };
    server.ask("bench", &format!("SET synchronous_commit = off; {}", pg_rows::script(1, rows)))?;
    server.ask("bench", "ANALYZE")?;
    let target = |name, restore_max| {
        server.target(name, "bench", &format!("restore-max = \"{restore_max}\"\n"))
    };
    server.configure("read", &[target("read", "1B"), target("restored", "10GiB")])?;

    let ours = |target: &'static str| {
        move || {
            let gate = bench.gate.as_os_str();
            let (sample, _) =
                run(bench, &[gate, "backup".as_ref(), "--target".as_ref(), target.as_ref()])?;
            empty(&directory.join("var/backups"))?;
            Ok(sample)
        }
    };
    let (pg_dump, database) = (server.program("pg_dump"), server.url("bench"));
    let theirs = || -> anyhow::Result<Sample> {
        let file = directory.join("theirs.dump");
        let arguments =
            ["-Fc".as_ref(), "-f".as_ref(), file.as_os_str(), "-d".as_ref(), database.as_ref()];
        let command: Vec<_> = std::iter::once(pg_dump.as_os_str()).chain(arguments).collect();
        let (sample, _) = run(bench, &command)?;
        fs::remove_file(file)?;
        Ok(sample)
    };
    let read = bench.pairs(3, ours("read"), theirs)?;
    let restored = bench.pairs(3, ours("restored"), theirs)?;
    let figure = format!("pg-backup, {:.2} GB", server.size("bench")?);
    Ok(vec![
        Line::time(&format!("{figure}, read whole"), &read, 1.0),
        Line::time(&format!("{figure}, restored for proof"), &restored, 1.0),
    ])
}
