//! `cluster`: a throwaway PostgreSQL, from nothing and from the cache, to the answer to a
//! first query, against `initdb --no-sync`, `pg_ctl -w start` and the same query.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use xshell::cmd;

use super::measure::{Sample, run};
use super::table::Line;
use super::{Bench, empty};

/// Where the others' server listens while it is measured.
const PORT: &str = "54989";

pub(super) fn figures(bench: &Bench<'_>) -> anyhow::Result<Vec<Line>> {
    let program = build(bench)?;
    let (cache, theirs) = (bench.directory.join("cache"), bench.directory.join("theirs"));
    let places = bench.directory.join("ours");
    fs::create_dir(&places)?;
    cmd!(bench.shell, "chmod 1777 {places}").quiet().run()?;
    let ours = || {
        let _places = bench.shell.push_env("TMPDIR", &places);
        let (sample, answer) = run(bench, &[program.as_os_str(), cache.as_os_str()])?;
        anyhow::ensure!(answer.trim() == "1", "our server answered {answer:?}");
        wait_until_empty(&places)?;
        Ok(sample)
    };
    let from_nothing = bench.pairs(
        10,
        || {
            empty(&cache)?;
            make_private(&cache)?;
            ours()
        },
        || others(bench, &theirs),
    )?;
    let from_cache = bench.pairs(10, ours, || others(bench, &theirs))?;
    Ok(vec![
        Line::time("cluster, from nothing", &from_nothing, 1.2),
        Line::time("cluster, from the cache", &from_cache, 0.4),
    ])
}

/// The program has ended, and with it its cluster does: not while the other side runs.
fn wait_until_empty(places: &Path) -> anyhow::Result<()> {
    for _ in 0..1000 {
        if fs::read_dir(places)?.next().is_none() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    anyhow::bail!("{} isn't empty: a cluster outlives its owner", places.display())
}

/// Built apart from the gate, which has no use for it.
fn build(bench: &Bench<'_>) -> anyhow::Result<std::path::PathBuf> {
    let shell = bench.shell;
    let target = bench.gate.ancestors().nth(2).context("the target directory")?;
    let _target = shell.push_env("CARGO_TARGET_DIR", target);
    let _there = shell.push_dir(&bench.root);
    let example = ["--package=portcullis-cluster", "--features=server", "--example=first-query"];
    cmd!(shell, "cargo build --release --locked {example...}").run()?;
    Ok(target.join("release/examples/first-query"))
}

fn others(bench: &Bench<'_>, place: &Path) -> anyhow::Result<Sample> {
    let shell = bench.shell;
    empty(place)?;
    let user = user(bench, place)?;
    let binaries = portcullis_cluster::binaries::find()?;
    let program = |name: &str| binaries.program(name).display().to_string();
    let data = place.join("data").display().to_string();
    let options = format!("-p {PORT} -k {} -c listen_addresses=127.0.0.1", place.display());
    let script = format!(
        "'{}' --no-sync -D '{data}' -A trust -U postgres -E UTF8 --locale=C >'{data}.txt' && \
         '{}' -w -s -D '{data}' -l '{data}.log' -o \"{options}\" start && \
         '{}' -X -q -A -t -h 127.0.0.1 -p {PORT} -U postgres -c 'SELECT 1'",
        program("initdb"),
        program("pg_ctl"),
        program("psql"),
    );
    let as_user = |command: &[&str]| -> Vec<String> {
        user.iter().map(String::as_str).chain(command.iter().copied()).map(str::to_owned).collect()
    };
    let measured = run(bench, &as_user(&["sh", "-c", &script]));
    let stop = as_user(&[&program("pg_ctl"), "-s", "-m", "immediate", "-D", &data, "stop"]);
    let (first, rest) = stop.split_first().context("no command")?;
    let stopped = cmd!(shell, "{first} {rest...}").quiet().run();
    let (sample, answer) = measured?;
    stopped?;
    anyhow::ensure!(answer.trim() == "1", "their server answered {answer:?}");
    Ok(sample)
}

/// What has the server run as another user where we are root.
fn user(bench: &Bench<'_>, place: &Path) -> anyhow::Result<Vec<String>> {
    let shell = bench.shell;
    if cmd!(shell, "id -u").quiet().read()? != "0" {
        return Ok(Vec::new());
    }
    cmd!(shell, "chown postgres {place}").quiet().run()?;
    let other = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"];
    Ok(other.map(str::to_owned).to_vec())
}

fn make_private(directory: &Path) -> anyhow::Result<()> {
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    Ok(fs::set_permissions(directory, private)?)
}
