//! `pg-backup`: a verified backup of a PostgreSQL database of 1 GiB, read whole and
//! restored for proof, against `pg_dump -Fc`.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use xshell::cmd;

use super::measure::{Sample, run};
use super::table::Line;
use super::{Bench, empty};

/// About 148 bytes a row with its place in the index; half of it can't be guessed, as with
/// names, tokens and numbers.
const ROWS: u32 = 7_000_000;

pub(super) fn figures(bench: &Bench<'_>) -> anyhow::Result<Vec<Line>> {
    let gate = bench.gate.as_path();
    let shell = bench.shell;
    let _here = shell.push_dir(&bench.directory);
    // Enough for the cluster's command to know where it is.
    fs::write(bench.directory.join("portcullis.toml"), "[targets]\n")?;
    cmd!(shell, "{gate} cluster start").quiet().ignore_stdout().run()?;
    let lines = measured(bench, gate);
    let stopped = cmd!(shell, "{gate} cluster stop --remove").quiet().ignore_stdout().run();
    let lines = lines?;
    stopped?;
    Ok(lines)
}

fn measured(bench: &Bench<'_>, gate: &Path) -> anyhow::Result<Vec<Line>> {
    let shell = bench.shell;
    let directory = &bench.directory;
    let said = cmd!(shell, "{gate} cluster url").quiet().read()?;
    let url = said.lines().next().context("cluster url printed nothing")?;
    let address = url.strip_prefix("postgres://postgres@").and_then(|rest| rest.split('/').next());
    let (host, port) = address.and_then(|one| one.split_once(':')).context("no host and port")?;
    let cluster = directory.join("var/cluster");
    let ca = cluster.join("ca.pem");
    // What the other side logs in with.
    let password = fs::read_to_string(cluster.join("password"))?;
    let _password = shell.push_env("PGPASSWORD", password.trim_end());
    let _hidden = shell.push_env("PGPASSFILE", "/dev/null");
    let connection = |database: &str| {
        format!(
            "host={host} port={port} user=postgres dbname={database} sslmode=verify-full sslrootcert={}",
            ca.display()
        )
    };
    let binaries = portcullis_cluster::binaries::find()?;
    let (psql, pg_dump) = (binaries.program("psql"), binaries.program("pg_dump"));
    let (server, database) = (connection("postgres"), connection("bench"));
    cmd!(shell, "{psql} -X -q -d {server} -c 'CREATE DATABASE bench'").quiet().run()?;
    let rows = if bench.small { ROWS / 10 } else { ROWS };
    let script = schema_and_rows(rows);
    cmd!(shell, "{psql} -X -q -v ON_ERROR_STOP=1 -d {database} -c {script}").quiet().run()?;
    let size = "SELECT pg_database_size('bench')";
    let size = cmd!(shell, "{psql} -X -A -t -d {database} -c {size}").quiet().read()?;
    let size: f64 = size.trim().parse().context("the database's size")?;
    let pin = pin(bench, host, port)?;
    fs::write(directory.join("portcullis.toml"), configuration(host, port, &pin))?;

    let ours = |target: &'static str| {
        move || {
            let gate = bench.gate.as_os_str();
            let (sample, _) =
                run(bench, &[gate, "backup".as_ref(), "--target".as_ref(), target.as_ref()])?;
            empty(&directory.join("var/backups"))?;
            Ok(sample)
        }
    };
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
    let figure = format!("pg-backup, {:.2} GB", size / 1e9);
    Ok(vec![
        Line::time(&format!("{figure}, read whole"), &read, 1.0),
        Line::time(&format!("{figure}, restored for proof"), &restored, 1.0),
    ])
}

/// The pin of the server's key, as a person would take it from the server's certificate.
fn pin(bench: &Bench<'_>, host: &str, port: &str) -> anyhow::Result<String> {
    let script = format!(
        "openssl s_client -starttls postgres -connect {host}:{port} </dev/null 2>/dev/null \
         | openssl x509 -pubkey -noout | openssl pkey -pubin -outform der \
         | openssl dgst -sha256 -binary | openssl base64"
    );
    let pin = cmd!(bench.shell, "sh -c {script}").quiet().read()?;
    anyhow::ensure!(pin.len() == 44, "openssl, which is needed for this, gave no pin: {pin:?}");
    Ok(pin)
}

fn configuration(host: &str, port: &str, pin: &str) -> String {
    let target = |name: &str, restore_max: &str| {
        format!(
            "[targets.{name}]\nengine = \"postgres\"\nurl = \"postgres://postgres@{host}:{port}/bench\"\n\
             ca = \"var/cluster/ca.pem\"\npassword-file = \"var/cluster/password\"\n\
             pins = [\"sha256/{pin}\"]\nrestore-max = \"{restore_max}\"\n"
        )
    };
    format!(
        "default-target = \"read\"\n[migrations]\npostgres = \"migrations\"\n{}{}",
        target("read", "1B"),
        target("restored", "10GiB")
    )
}

fn schema_and_rows(rows: u32) -> String {
    let customers = rows / 50;
    format!(
        "SET synchronous_commit = off;
         CREATE TABLE customer (id bigint PRIMARY KEY, name text NOT NULL);
         CREATE TABLE purchase (id bigint PRIMARY KEY, customer bigint NOT NULL,
             made timestamptz NOT NULL, note text NOT NULL);
         INSERT INTO customer SELECT i, 'customer ' || i FROM generate_series(1, {customers}) i;
         INSERT INTO purchase SELECT i, 1 + i % {customers}, to_timestamp(1700000000 + i),
             md5(i::text) || ' was bought and paid for' FROM generate_series(1, {rows}) i;
         CREATE INDEX purchase_customer ON purchase (customer);
         ALTER TABLE purchase ADD FOREIGN KEY (customer) REFERENCES customer;
         ANALYZE"
    )
}
