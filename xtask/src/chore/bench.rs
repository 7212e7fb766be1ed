//! `cargo xtask bench`: figures of whole processes, the gate's release build against the
//! tool that one would use instead.
//!
//! Both run in turns on the same input, so that whatever else the machine does meets both;
//! what counts is the ratio within each pair. It is no test: a missed goal is printed, and
//! only a tool that isn't there fails it.

mod backup;
mod cluster;
mod cold_build;
mod lint;
mod measure;
mod migrate;
mod pg_backup;
mod pg_migrate;
mod pg_restore;
mod pg_rows;
mod pg_server;
mod table;
mod test_migration;
mod warm_lint;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::ValueEnum;
use measure::Pairs;
use table::Line;
use xshell::{Shell, cmd};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    cargo xtask bench\n  \
    cargo xtask bench backup --small --rounds 5\n  \
    cargo xtask bench cold-build")]
pub(crate) struct Flags {
    /// Which figures; without one, all but the slow cold-build
    #[arg(value_name = "NAME")]
    names: Vec<Name>,
    /// Pairs to measure, after a first one that isn't counted; cold-build counts each
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// A tenth of the data for backups and restores
    #[arg(long)]
    small: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Name {
    /// 500 small migrations on a new database, against `diesel migration run`
    #[value(name = "migrate-500")]
    Migrate500,
    /// A verified backup, against `sqlite3 .backup`, `sha256sum` and its checks
    Backup,
    /// The first `cargo xtask`, against installing the Diesel CLI
    ColdBuild,
    /// `cargo xtask lint`, against `cargo run` of an empty program
    WarmLint,
    /// `lint` of 1,000 accepted migrations, against `squawk` on the same files
    #[value(name = "lint-1000")]
    Lint1000,
    /// A throwaway PostgreSQL to its first answer, against `initdb` and `pg_ctl start`
    Cluster,
    /// A verified backup of a PostgreSQL database, against `pg_dump -Fc`
    #[value(name = "pg-backup")]
    PgBackup,
    /// 500 small migrations on a new PostgreSQL database, against `diesel` and `pg_dump -Fc`
    #[value(name = "pg-migrate-500")]
    PgMigrate500,
    /// `restore` of a PostgreSQL backup, against `createdb` and `pg_restore -j 2`
    #[value(name = "pg-restore")]
    PgRestore,
    /// A run that is undone by the server's copy, against `createdb` and `pg_restore -j 2`
    #[value(name = "pg-clone")]
    PgClone,
    /// Cases, and round trips, of up to 1,000 migrations, against applying them once
    #[value(name = "test-migration")]
    TestMigration,
    /// The commit hook with one migration staged beside 1,000, against `git status`
    Hook,
}

impl Name {
    /// Whether the gate isn't run for it, or built as a part of it.
    fn is_without_gate(self) -> bool {
        matches!(self, Self::ColdBuild | Self::WarmLint | Self::Cluster | Self::TestMigration)
    }

    /// Whether the gate must be able to connect to PostgreSQL for it.
    fn is_postgres(self) -> bool {
        matches!(self, Self::PgBackup | Self::PgMigrate500 | Self::PgRestore | Self::PgClone)
    }
}

/// What a figure needs: where it works, and how often.
struct Bench<'a> {
    shell: &'a Shell,
    /// This repository.
    root: PathBuf,
    /// A directory of its own on a disk, emptied before and removed after.
    directory: PathBuf,
    /// The gate, built for release.
    gate: PathBuf,
    rounds: Option<u32>,
    small: bool,
}

pub(super) fn run(shell: &Shell, flags: &Flags) -> anyhow::Result<()> {
    let names: Vec<Name> = if flags.names.is_empty() {
        let quick = |name: &Name| *name != Name::ColdBuild;
        Name::value_variants().iter().copied().filter(quick).collect()
    } else {
        flags.names.clone()
    };
    find_tools(shell, &names)?;
    let root = super::root();
    let target = root.join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or("target".into()));
    if names.iter().any(|name| !name.is_without_gate()) {
        let _target = shell.push_env("CARGO_TARGET_DIR", &target);
        // What has to do with PostgreSQL takes minutes more to build.
        let postgres = names.iter().any(|name| name.is_postgres()).then_some("--features=postgres");
        cmd!(shell, "cargo build --release --locked --package xtask {postgres...}").run()?;
    }
    let mut lines = Vec::new();
    for name in names {
        let directory = target.join("bench").join(file_name(name));
        let bench = Bench {
            shell,
            root: root.clone(),
            gate: target.join("release/xtask"),
            rounds: flags.rounds,
            small: flags.small,
            directory,
        };
        lines.extend(bench.figure(name)?);
    }
    table::print(&lines);
    Ok(())
}

fn file_name(name: Name) -> String {
    name.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

impl Bench<'_> {
    fn figure(&self, name: Name) -> anyhow::Result<Vec<Line>> {
        empty(&self.directory)?;
        self.refuse_memory_file_system()?;
        let lines = match name {
            Name::Migrate500 => migrate::figure(self),
            Name::Backup => backup::figure(self),
            Name::ColdBuild => cold_build::figure(self),
            Name::WarmLint => warm_lint::figure(self),
            Name::Lint1000 => lint::all(self),
            Name::Cluster => cluster::figures(self),
            Name::PgBackup => pg_server::with(self, |server| pg_backup::figures(self, server)),
            Name::PgMigrate500 => pg_server::with(self, |server| pg_migrate::figure(self, server)),
            Name::PgRestore => pg_server::with(self, |server| pg_restore::restore(self, server)),
            Name::PgClone => pg_server::with(self, |server| pg_restore::clone(self, server)),
            Name::TestMigration => test_migration::figures(self),
            Name::Hook => lint::hook(self),
        };
        let removed = std::fs::remove_dir_all(&self.directory);
        let lines = lines.with_context(|| format!("measure {}", file_name(name)))?;
        removed.with_context(|| format!("remove {}", self.directory.display()))?;
        Ok(lines)
    }

    /// Runs both sides in turns; the first pair warms the caches and isn't counted.
    fn pairs(
        &self,
        rounds: u32,
        ours: impl FnMut() -> anyhow::Result<measure::Sample>,
        theirs: impl FnMut() -> anyhow::Result<measure::Sample>,
    ) -> anyhow::Result<Pairs> {
        Pairs::take(self.rounds.unwrap_or(rounds), true, ours, theirs)
    }

    /// In memory, what is synced costs nothing, and backups would fill it.
    fn refuse_memory_file_system(&self) -> anyhow::Result<()> {
        let (shell, directory) = (self.shell, &self.directory);
        let kind = cmd!(shell, "stat -f -c %T {directory}").quiet().read()?;
        anyhow::ensure!(
            !matches!(kind.as_str(), "tmpfs" | "ramfs"),
            "{} is in memory ({kind}); set CARGO_TARGET_DIR to a directory on a disk",
            directory.display()
        );
        Ok(())
    }
}

/// An empty directory, whatever was there.
fn empty(directory: &Path) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => std::fs::create_dir_all(directory),
    }
    .with_context(|| format!("empty {}", directory.display()))
}

fn find_tools(shell: &Shell, names: &[Name]) -> anyhow::Result<()> {
    const DIESEL: &str = "cargo install diesel_cli --no-default-features --features";
    let diesel = |feature: &str| format!("{DIESEL} {feature}");
    let plain = |how: &str| how.to_owned();
    // What `--version` must say, where it says what was compiled in.
    let needed: [(&[Name], &str, &str, String); 6] = [
        (Name::value_variants(), "time", "", plain("install the Debian package time")),
        (&[Name::Migrate500], "diesel", "sqlite", diesel("sqlite-bundled")),
        (&[Name::PgMigrate500], "diesel", "postgres", diesel("postgres")),
        (&[Name::Lint1000], "squawk", "", plain("pip install squawk-cli")),
        (&[Name::Backup], "sqlite3", "", plain("install the Debian package sqlite3")),
        (&[Name::Backup], "sha256sum", "", plain("install the Debian package coreutils")),
    ];
    for (by, tool, word, how) in needed {
        if names.iter().any(|name| by.contains(name)) {
            let version = cmd!(shell, "{tool} --version").quiet().ignore_stderr().read();
            let version =
                version.with_context(|| format!("{tool} is needed for this; to get it: {how}"))?;
            anyhow::ensure!(
                version.contains(word),
                "the {tool} in PATH is one without {word}, which is needed for this; \
                 to get one with it: {how}"
            );
        }
    }
    Ok(())
}
