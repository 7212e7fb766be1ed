//! `pg-migrate-500`: many small migrations through the whole gate, on a new PostgreSQL
//! database, against `diesel migration run` and `pg_dump -Fc`.

use std::fs;

use super::Bench;
use super::measure::run;
use super::migrate::{check_equal, write_migrations};
use super::pg_server::Server;
use super::table::Line;

pub(super) fn figure(bench: &Bench<'_>, server: &Server<'_>) -> anyhow::Result<Vec<Line>> {
    let directory = &bench.directory;
    // Diesel would find this repository's, and write its schema anew.
    fs::write(directory.join("diesel.toml"), "")?;
    write_migrations(&directory.join("migrations"))?;
    server.configure("dev", &[server.target("dev", "ours", "")])?;
    let url = format!("--database-url={}", server.url("theirs"));
    let (pg_dump, dump) = (server.program("pg_dump"), directory.join("theirs.dump"));

    let pairs = bench.pairs(
        10,
        || {
            server.make_anew("ours")?;
            server.forget_records()?;
            run(bench, &[bench.gate.as_os_str(), "migrate".as_ref()]).map(|(sample, _)| sample)
        },
        || {
            server.make_anew("theirs")?;
            let command = ["diesel", "migration", "run", "--migration-dir=migrations", &url];
            let (migrated, _) = run(bench, &command)?;
            let database = server.url("theirs");
            let arguments = ["-Fc".as_ref(), "-d".as_ref(), database.as_ref(), "-f".as_ref()];
            let command = std::iter::once(pg_dump.as_os_str()).chain(arguments);
            let command: Vec<_> = command.chain([dump.as_os_str()]).collect();
            let (dumped, _) = run(bench, &command)?;
            Ok(migrated.then(dumped))
        },
    )?;
    check_equal(bench, "migrations", &[server.url("ours"), server.url("theirs")])?;
    Ok(vec![Line::time("pg-migrate-500", &pairs, 1.0), Line::peak("pg-migrate-500", &pairs, 64)])
}
