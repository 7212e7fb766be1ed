//! What it takes to have an earlier state of a PostgreSQL database of 900 MB back, against
//! `createdb` and `pg_restore`: `pg-restore` of a backup, and `pg-clone` by the copy that the
//! server made before the run.

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use xshell::cmd;

use super::measure::{run, run_to};
use super::pg_server::Server;
use super::table::Line;
use super::{Bench, pg_rows};

/// Several, so that there is something for two at a time.
const TABLES: u32 = 4;
const ROWS_EACH: u32 = 1_500_000;

/// A backup put back by `restore`.
pub(super) fn restore(bench: &Bench<'_>, server: &Server<'_>) -> anyhow::Result<Vec<Line>> {
    let dump = migrated_and_backed_up(bench, server)?;
    let figure = format!("pg-restore, {:.2} GB", server.size("ours")?);
    let command = [bench.gate.as_os_str(), "restore".as_ref(), dump.as_os_str()];
    let pairs = bench.pairs(
        3,
        || {
            let (sample, _) = run(bench, &command)?;
            server.drop_what_is_kept_of("ours")?;
            Ok(sample)
        },
        || server.restore_by_hand(&dump),
    )?;
    Ok(vec![Line::time(&figure, &pairs, 1.0)])
}

/// A run that commits, is found to be broken, and is undone by the copy.
pub(super) fn clone(bench: &Bench<'_>, server: &Server<'_>) -> anyhow::Result<Vec<Line>> {
    let dump = migrated_and_backed_up(bench, server)?;
    let figure = format!("pg-clone, {:.2} GB", server.size("ours")?);
    // The server keeps no logical log: that nobody else has written is seen by the numbers
    // of its transactions, of which its own maintenance would take some.
    server.ask("postgres", "ALTER SYSTEM SET autovacuum = off")?;
    server.ask("postgres", "SELECT pg_reload_conf()")?;
    // The backup isn't what is measured here.
    let lines = "auto-restore = \"clone\"\nsmoke = [\"smoke\"]\n\
                 backup = { kind = \"command\", command = [\"true\"], verify = [\"true\"] }\n";
    server.configure("dev", &[server.target("dev", "ours", lines)])?;
    // Inside the run's transaction it has a number, afterwards it has none.
    let query = "query T\nSELECT pg_current_xact_id_if_assigned() IS NULL\n----\nf\n";
    write(bench, "smoke/inside.slt", query)?;
    migration(bench, "02_more", "INSERT INTO customer VALUES (0, 'nobody');\n")?;
    let gate = bench.gate.as_os_str();
    let pairs = bench.pairs(
        3,
        || {
            let (sample, _) = run_to(bench, &[gate, "migrate".as_ref()], 3)?;
            server.drop_what_is_kept_of("ours")?;
            Ok(sample)
        },
        || server.restore_by_hand(&dump),
    )?;
    Ok(vec![Line::time(&figure, &pairs, 0.25)])
}

/// A database that the gate has made and filled; its backup, in directory format.
fn migrated_and_backed_up(bench: &Bench<'_>, server: &Server<'_>) -> anyhow::Result<PathBuf> {
    let (shell, gate) = (bench.shell, &bench.gate);
    server.make_anew("ours")?;
    server.configure("dev", &[server.target("dev", "ours", "restore-max = \"1B\"\n")])?;
    let rows = if bench.small { ROWS_EACH / 10 } else { ROWS_EACH };
    migration(bench, "01_shop", &pg_rows::script(TABLES, rows))?;
    cmd!(shell, "{gate} migrate").quiet().ignore_stdout().run()?;
    server.ask("ours", "VACUUM ANALYZE")?;
    // The one of the empty database isn't meant.
    let backups = bench.directory.join("var/backups/dev");
    fs::remove_dir_all(&backups)?;
    cmd!(shell, "{gate} backup").quiet().ignore_stdout().run()?;
    let mut places = fs::read_dir(&backups)?.map(|entry| Ok(entry?.path()));
    let dump = places.find(|place: &anyhow::Result<PathBuf>| {
        place.as_ref().is_ok_and(|place| place.extension().is_some_and(|end| end == "pgdump"))
    });
    dump.context("no backup in directory format")?
}

fn migration(bench: &Bench<'_>, name: &str, up: &str) -> anyhow::Result<()> {
    write(bench, &format!("migrations/{name}/up.sql"), up)?;
    write(bench, &format!("migrations/{name}/down.sql"), "SELECT 1;\n")
}

fn write(bench: &Bench<'_>, file: &str, text: &str) -> anyhow::Result<()> {
    let file = bench.directory.join(file);
    fs::create_dir_all(file.parent().context("no directory")?)?;
    Ok(fs::write(file, text)?)
}
