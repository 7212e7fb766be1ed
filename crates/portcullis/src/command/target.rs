//! `target`: a server that the gate is to know.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use portcullis_database::introduction::{Met, Shown};
use portcullis_flow::Stop;
use portcullis_flow::migrate::{Migrated, Request, migrate};
use portcullis_flow::stage::Enrol;
use portcullis_flow::target_add::{Proposed, Wanted, propose};
use portcullis_model::config::{Config, Pin};
use portcullis_model::exit::Exit;
use portcullis_model::plan::Goal;

use super::Format;
use crate::print;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    cargo xtask target add staging --url postgres://app@db.example/app --ca certs/ca.pem\n  \
    cargo xtask target add production --url postgres://app@db.example/app --ca certs/ca.pem \\\n    \
    --protected --backups /srv/backups --pin sha256/…")]
pub struct Flags {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Add a PostgreSQL database to portcullis.toml, once its server is proved
    Add(Add),
}

#[derive(Debug, Args)]
struct Add {
    /// The target's name
    #[arg(value_name = "NAME")]
    name: String,
    /// Where it is: postgres://user@host:port/database, without a password
    #[arg(long, value_name = "URL")]
    url: String,
    /// The file with the certificate of the authority that signed the server's, in PEM
    #[arg(long, value_name = "FILE")]
    ca: PathBuf,
    /// The variable that holds the password [default: PORTCULLIS_NAME_PASSWORD]
    #[arg(long, value_name = "VARIABLE", conflicts_with = "password_file")]
    password_env: Option<String>,
    /// The file that holds the password
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// A pin that you were given over another channel; several while a key is being changed
    #[arg(long = "pin", value_name = "PIN")]
    pins: Vec<Pin>,
    /// Hold it to the rules for databases that people depend on
    #[arg(long)]
    protected: bool,
    /// The directory for its backups
    #[arg(long, value_name = "DIR")]
    backups: Option<PathBuf>,
}

pub(super) fn run(flags: Flags) -> Result<Exit, Stop> {
    let Action::Add(flags) = flags.action;
    let root = Config::find_root(&super::here()?)?;
    let again = command(&flags);
    let name = flags.name.clone();
    let given = flags.pins.clone();
    let proposed = propose(&root, wanted(flags))?;
    let shown = proposed.shake_hands()?;
    print::server_shown(&proposed.shown(), &shown);
    let pins = agreed(&proposed, &shown, given, &again)?;
    let met = proposed.meet(&pins)?;
    print::database_met(&proposed.shown(), &met);
    let config = proposed.write(&pins, &met)?;
    print::done(&format!("[targets.{name}] is written into portcullis.toml"));
    take_on(&proposed, &config, &name, (&pins, &met))
}

fn wanted(flags: Add) -> Wanted {
    Wanted {
        name: flags.name,
        url: flags.url,
        ca: flags.ca,
        password_env: flags.password_env,
        password_file: flags.password_file,
        protected: flags.protected,
        backups: flags.backups,
    }
}

/// The pins to trust: those that were given, if the server has one of them, or what a person
/// has compared.
fn agreed(
    proposed: &Proposed,
    shown: &Shown,
    given: Vec<Pin>,
    again: &str,
) -> Result<Vec<Pin>, Stop> {
    let stop = |exit, cause: String, next_step: String| {
        Stop::new(exit, "trust the server", proposed.shown(), cause, next_step)
    };
    if given.iter().any(|pin| [shown.key, shown.whole].contains(pin)) {
        return Ok(given);
    }
    if !given.is_empty() {
        let cause =
            format!("its certificate has none of the pins that were given; it has {}", shown.key);
        let next = "ask whoever gave them to you; if they are right, somebody is in between";
        return Err(stop(Exit::Refused, cause, next.to_owned()));
    }
    if !std::io::stdin().is_terminal() {
        let cause = "its pin must be compared first, and there is no terminal to ask on";
        let next =
            format!("compare it over another channel; if it is right, add --pin {}", shown.key);
        // The whole command is no part of the error, which hides whatever could be a login.
        print::text(&format!("\nThen:\n\n  {again} --pin {}\n", shown.key));
        return Err(stop(Exit::Refused, cause.to_owned(), next));
    }
    print::question("Is this the pin that you were given over another channel? [y/N] ");
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    if read.is_ok() && ["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str()) {
        return Ok(vec![shown.key]);
    }
    let next = "compare it with the one on the server itself, then run it again";
    Err(stop(Exit::Refused, "you said no; nothing was sent to it".to_owned(), next.to_owned()))
}

/// Enrols the database as it is: no migration runs.
fn take_on(
    proposed: &Proposed,
    config: &Config,
    name: &str,
    (pins, met): (&[Pin], &Met),
) -> Result<Exit, Stop> {
    let target = config.target(Some(name))?;
    let Some(version) = met.applied.last() else {
        let flag = if target.protected || !met.is_new { " --enrol" } else { "" };
        print::done(&format!(
            "no migration is applied there yet; next: cargo xtask migrate --target {name}{flag}"
        ));
        return Ok(Exit::Done);
    };
    let request = Request {
        root: &config.root,
        migrations: &config.migrations,
        default_branch: config.default_branch.as_deref(),
        target,
        goal: Goal::Version(version.clone()),
        reason: Some("taken on by target add".to_owned()),
        enrol: Enrol::Yes,
    };
    let mut stages = print::Stages::new(Format::Human);
    let migrated = migrate(&request, &mut stages);
    drop(stages);
    let filed = match migrated {
        Ok(Migrated::Done(filed)) => filed,
        Ok(Migrated::UpToDate { .. }) => return Ok(Exit::Done),
        Err(mut stop) => {
            super::aim::stop(&mut stop, name);
            stop.notes.push(format!(
                "[targets.{name}] is in portcullis.toml; the database isn't taken on yet: \
                 cargo xtask migrate --target {name} --enrol"
            ));
            return Err(stop);
        }
    };
    if target.protected {
        let identity = filed.receipt.predicate.facts.target.identity;
        proposed.write_identity(pins, met, identity)?;
    }
    print::filed(&filed, Format::Human);
    Ok(Exit::Done)
}

/// What was typed, to be typed again.
fn command(flags: &Add) -> String {
    let mut words = vec!["cargo xtask target add".to_owned(), quoted(&flags.name)];
    let mut option = |flag: &str, value: Option<String>| {
        if let Some(value) = value {
            words.push(format!("{flag} {}", quoted(&value)));
        }
    };
    let path = |path: &PathBuf| path.display().to_string();
    option("--url", Some(flags.url.clone()));
    option("--ca", Some(path(&flags.ca)));
    option("--password-env", flags.password_env.clone());
    option("--password-file", flags.password_file.as_ref().map(path));
    option("--backups", flags.backups.as_ref().map(path));
    if flags.protected {
        words.push("--protected".to_owned());
    }
    words.join(" ")
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}
