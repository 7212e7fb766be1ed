//! PostgreSQL for the tests: found, or installed by the system's own package manager.

use std::path::Path;

use anyhow::{Context as _, bail};
use xshell::{Shell, cmd};

/// What to do where it isn't installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Refuse,
    Install,
}

pub(super) fn ensure(shell: &Shell, missing: Missing) -> anyhow::Result<()> {
    match (portcullis_cluster::binaries::find(), missing) {
        (Ok(_), _) => Ok(()),
        // Where the variable names a wrong directory, installing wouldn't help.
        (Err(error), Missing::Install) if !is_named() => {
            super::say(&format!("{error}; it is installed now"));
            install(shell)?;
            portcullis_cluster::binaries::find().map(|_| ()).map_err(told)
        }
        (Err(error), _) => Err(told(error)),
    }
}

fn is_named() -> bool {
    std::env::var_os(portcullis_cluster::binaries::VARIABLE).is_some_and(|value| !value.is_empty())
}

fn told(error: portcullis_cluster::Error) -> anyhow::Error {
    anyhow::anyhow!("{error}\n  next: {}", error.next_step)
}

fn install(shell: &Shell) -> anyhow::Result<()> {
    let install = [
        ("apt-get", debian as fn(&Shell) -> anyhow::Result<()>),
        ("dnf", |shell| root(shell, &["dnf", "install", "-y", "postgresql-server"])),
        ("apk", |shell| root(shell, &["apk", "add", "postgresql", "postgresql-client"])),
        ("brew", |shell| Ok(cmd!(shell, "brew install postgresql").run()?)),
    ];
    let there = |program: &str| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
    };
    match install.into_iter().find(|(manager, _)| there(manager)) {
        Some((_, run)) => run(shell).context("PostgreSQL can't be installed"),
        None => bail!(
            "none of apt-get, dnf, apk and brew is here; install PostgreSQL's server and clients, \
             or set {} to the directory of their programs",
            portcullis_cluster::binaries::VARIABLE
        ),
    }
}

/// Debian's package makes a cluster and starts it, unless this file says that it mustn't.
/// It comes with another package, which is therefore installed first; where it was there
/// before, somebody has decided already.
const CONFIGURATION: &str = "/etc/postgresql-common/createcluster.conf";

fn debian(shell: &Shell) -> anyhow::Result<()> {
    let quiet = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
    let apt = |rest: &[&str]| root(shell, &[&quiet[..], rest].concat());
    apt(&["update", "-qq"])?;
    if !Path::new(CONFIGURATION).exists() {
        apt(&["install", "-y", "-qq", "postgresql-common"])?;
        let none = r"s/^#? *create_main_cluster *=.*/create_main_cluster = false/";
        root(shell, &["sed", "-i", "-E", none, CONFIGURATION])?;
    }
    apt(&["install", "-y", "-qq", "postgresql"])
}

/// Runs a command as root, through sudo where we aren't.
fn root(shell: &Shell, command: &[&str]) -> anyhow::Result<()> {
    let own = cmd!(shell, "id -u").quiet().read()? == "0";
    let sudo: &[&str] = if own { &[] } else { &["sudo"] };
    let command = [sudo, command].concat();
    let (program, arguments) = command.split_first().context("no command")?;
    Ok(cmd!(shell, "{program} {arguments...}").run()?)
}
