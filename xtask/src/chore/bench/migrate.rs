//! `migrate-500`: many small migrations through the whole gate, on a new database.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use xshell::cmd;

use super::measure::run;
use super::table::Line;
use super::{Bench, empty};

const MIGRATIONS: usize = 500;

pub(super) fn figure(bench: &Bench<'_>) -> anyhow::Result<Vec<Line>> {
    let shell = bench.shell;
    let directory = &bench.directory;
    let _here = shell.push_dir(directory);
    fs::write(
        directory.join("portcullis.toml"),
        "[targets.dev]\nengine = \"sqlite\"\npath = \"var/dev.db\"\n",
    )?;
    // Diesel would find this repository's, and write its schema anew.
    fs::write(directory.join("diesel.toml"), "")?;
    write_migrations(&directory.join("migrations/sqlite"))?;
    let (ours, theirs) = (directory.join("var"), directory.join("theirs"));

    let pairs = bench.pairs(
        10,
        || {
            empty(&ours)?;
            fs::remove_dir(&ours)?;
            let gate = bench.gate.as_os_str();
            run(bench, &[gate, "migrate".as_ref()]).map(|(sample, _)| sample)
        },
        || {
            empty(&theirs)?;
            let command = [
                "diesel",
                "migration",
                "run",
                "--migration-dir=migrations/sqlite",
                "--database-url=theirs/dev.db",
            ];
            run(bench, &command).map(|(sample, _)| sample)
        },
    )?;
    check_equal(bench, "migrations/sqlite", &["var/dev.db", "theirs/dev.db"])?;
    Ok(vec![Line::time("migrate-500", &pairs, 0.6), Line::peak("migrate-500", &pairs, 64)])
}

/// Both must have done the work: `diesel` finds nothing left to do in either database.
pub(super) fn check_equal<S: AsRef<OsStr>>(
    bench: &Bench<'_>,
    migrations: &str,
    databases: &[S],
) -> anyhow::Result<()> {
    let shell = bench.shell;
    for database in databases {
        let left = cmd!(
            shell,
            "diesel migration list --migration-dir={migrations} --database-url={database}"
        )
        .quiet()
        .read()?;
        let applied = left.lines().filter(|line| line.contains("[X]")).count();
        anyhow::ensure!(applied == MIGRATIONS, "{applied} of {MIGRATIONS} are applied");
    }
    Ok(())
}

/// Writes SQL that both kinds of databases know.
pub(super) fn write_migrations(directory: &Path) -> anyhow::Result<()> {
    for number in 0..MIGRATIONS {
        let (name, up, down) = migration(number);
        let directory = directory.join(format!("2024-01-01-{number:06}_{name}"));
        fs::create_dir_all(&directory)?;
        fs::write(directory.join("up.sql"), up)?;
        fs::write(directory.join("down.sql"), down)?;
    }
    Ok(())
}

/// A table with what usually follows it: rows, a column, values in it, an index.
fn migration(number: usize) -> (&'static str, String, String) {
    let table = format!("thing_{}", number / 5);
    match number % 5 {
        0 => (
            "create_table",
            format!(
                "CREATE TABLE {table} (\n    id INTEGER PRIMARY KEY,\n    name TEXT NOT NULL,\n    \
                 kind TEXT NOT NULL DEFAULT 'plain',\n    related INTEGER REFERENCES {table}(id)\n);\n"
            ),
            format!("DROP TABLE {table};\n"),
        ),
        1 => (
            "add_rows",
            format!(
                "INSERT INTO {table} (id, name, related) VALUES\n    (1, 'first', NULL),\n    \
                 (2, 'second', 1),\n    (3, 'third', 1),\n    (4, 'fourth', 2);\n"
            ),
            format!("DELETE FROM {table} WHERE id <= 4;\n"),
        ),
        2 => (
            "add_column",
            format!("ALTER TABLE {table} ADD COLUMN note TEXT;\n"),
            format!("ALTER TABLE {table} DROP COLUMN note;\n"),
        ),
        3 => (
            "fill_column",
            format!("UPDATE {table} SET note = 'about ' || name WHERE note IS NULL;\n"),
            format!("UPDATE {table} SET note = NULL;\n"),
        ),
        _ => (
            "add_index",
            format!("CREATE INDEX {table}_related ON {table} (related, name);\n"),
            format!("DROP INDEX {table}_related;\n"),
        ),
    }
}
