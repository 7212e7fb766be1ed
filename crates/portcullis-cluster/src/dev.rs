//! A cluster that stays: a developer's own, in a directory of the workspace.
//!
//! It runs detached, keeps its data, its port, its password and its authority, and is as
//! durable as a server is by default.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::account::Account;
use crate::binaries::{self, Binaries};
use crate::certificates::{Authority, Identity, Request};
use crate::error::{Error, ErrorKind, Result, shown};
use crate::files::Share;
use crate::log::Log;
use crate::options::{Cache, Durability, Options};
use crate::template::{SETTINGS, SUPERUSER, Source};
use crate::{files, ready, settings};

/// Years: nobody renews a developer's certificate.
const DAYS: i32 = 3600;

const START: &str = "start the development cluster";
const STOP: &str = "stop the development cluster";

/// Below the ports that the system gives to whoever asks for any.
const PORTS: std::ops::Range<u16> = 15432..15532;

/// A cluster that stays, wherever it is and whether or not it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    directory: PathBuf,
    port: u16,
    running: bool,
}

/// What becomes of the data when a cluster is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Data {
    /// The next start finds it.
    Keep,
    /// It is gone for good.
    Remove,
}

impl Kept {
    /// Where a client connects, without the password.
    pub fn url(&self) -> String {
        format!("postgres://{SUPERUSER}@localhost:{}/postgres", self.port)
    }

    /// The port, the same each time.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether it runs.
    pub fn running(&self) -> bool {
        self.running
    }

    /// The file with the superuser's password, which only its owner reads.
    pub fn password_file(&self) -> PathBuf {
        self.directory.join("password")
    }

    /// The file with the certificate of the authority that clients trust.
    pub fn authority_file(&self) -> PathBuf {
        self.directory.join("ca.pem")
    }
}

/// The cluster in a directory, if there is one.
///
/// # Errors
/// What is there isn't one.
pub fn find(directory: &Path) -> Result<Option<Kept>> {
    if !directory.exists() {
        return Ok(None);
    }
    let file = directory.join("port");
    let text = fs::read_to_string(&file)
        .map_err(|error| Error::io("find the development cluster", &file, &error))?;
    let port = text.trim().parse().map_err(|_| {
        Error::new(
            ErrorKind::Refused,
            "find the development cluster",
            shown(&file),
            "it holds no port",
            "write the port there, or remove the directory with all its data",
        )
    })?;
    let running = runs(directory)?;
    Ok(Some(Kept { directory: directory.to_owned(), port, running }))
}

/// Starts the cluster in a directory, and makes it first if there is none. One that runs is
/// left alone.
///
/// # Errors
/// PostgreSQL isn't installed, another program has the port, or the server doesn't start.
pub fn start(directory: &Path) -> Result<Kept> {
    let _lock = lock(directory)?;
    let kept = match find(directory)? {
        Some(kept) if kept.running => return Ok(kept),
        Some(kept) => kept,
        None => make(directory)?,
    };
    if ready::is_taken(kept.port) {
        return Err(Error::new(
            ErrorKind::Failed,
            START,
            format!("port {}", kept.port),
            "another program listens there",
            format!("stop it, or write another port into {}", shown(&directory.join("port"))),
        ));
    }
    let account = Account::choose()?;
    let options = Options { durability: Durability::Full, ..Options::default() };
    let text = settings::text(&options, kept.port)?;
    files::write(&directory.join("data").join(SETTINGS), &text, &account)?;
    let log = directory.join("log");
    let begin = Log::at(log.clone()).position();
    let mut control = control(directory)?;
    control.arg("start").arg("--log").arg(&log);
    run(control, START, &log, begin)?;
    Ok(Kept { running: true, ..kept })
}

/// Stops the cluster in a directory. Whether there was one.
///
/// # Errors
/// It doesn't stop, or its files can't be removed.
pub fn stop(directory: &Path, data: Data) -> Result<bool> {
    if !directory.exists() {
        return Ok(false);
    }
    let _lock = lock(directory)?;
    let Some(kept) = find(directory)? else { return Ok(false) };
    if kept.running {
        let log = directory.join("log");
        let begin = Log::at(log.clone()).position();
        let mut control = control(directory)?;
        control.args(["stop", "--mode=fast"]);
        run(control, STOP, &log, begin)?;
    }
    if data == Data::Remove {
        files::remove_directory(directory)?;
    }
    Ok(true)
}

/// One command at a time. The directories above are the workspace's, not ours to close.
fn lock(directory: &Path) -> Result<fs::File> {
    let parent = directory.parent().unwrap_or(directory);
    fs::create_dir_all(parent).map_err(|error| Error::io("make a directory", parent, &error))?;
    files::lock(directory, Share::Alone)
}

/// Made under another name and renamed: it is there whole or not at all.
fn make(directory: &Path) -> Result<Kept> {
    let binaries = binaries::find()?;
    let new = directory.with_added_extension("new");
    files::remove_directory(&new)?;
    files::make_directory(&new)?;
    let account = Account::choose()?;
    account.reaches(&new)?;
    account.own(&new)?;
    // Nothing here is copied: it has a password and an identifier of its own.
    let source = Source { binaries: &binaries, account: &account, cache: &Cache::Off };
    let (password, _) = source.fill(&new)?;
    let authority = Authority::new("Portcullis development CA")?;
    let identity = authority.issue(&Request::local(DAYS))?;
    let port =
        PORTS.clone().find(|port| !ready::is_taken(*port)).map_or_else(ready::free_port, Ok)?;
    write(&new, &account, &identity)?;
    files::write(&new.join("password"), &format!("{password}\n"), &account)?;
    files::write(&new.join("port"), &format!("{port}\n"), &account)?;
    fs::rename(&new, directory).map_err(|error| Error::io(START, directory, &error))?;
    Ok(Kept { directory: directory.to_owned(), port, running: false })
}

fn write(new: &Path, account: &Account, identity: &Identity) -> Result<()> {
    let data = new.join("data");
    files::write(&data.join("pg_hba.conf"), settings::ACCESS, account)?;
    files::write(&data.join("server.key"), &identity.key_pem, account)?;
    files::write(&data.join("server.crt"), &identity.certificate_pem, account)?;
    files::write(&new.join("ca.pem"), &identity.authority_pem, account)
}

fn runs(directory: &Path) -> Result<bool> {
    let mut control = control(directory)?;
    let program = PathBuf::from(control.get_program());
    // Its code is 3 where no server runs.
    let status = control.arg("status").stdout(std::process::Stdio::null()).status();
    Ok(status.map_err(|error| Error::io("run pg_ctl", &program, &error))?.success())
}

/// `pg_ctl` of the version that made the data.
fn control(directory: &Path) -> Result<Command> {
    let data = directory.join("data");
    let made = data.join("PG_VERSION");
    let major = fs::read_to_string(&made)
        .map_err(|error| Error::io("look at the development cluster", &made, &error))?;
    let major = major.trim();
    let fits = |one: &Binaries| one.version().major.to_string() == major;
    let binaries = binaries::all()?.into_iter().find(fits).ok_or_else(|| {
        Error::new(
            ErrorKind::NotInstalled,
            "run the development cluster",
            shown(&data),
            format!("PostgreSQL {major} made it, and isn't installed any more"),
            format!("install PostgreSQL {major}, or remove {}", shown(directory)),
        )
    })?;
    let mut control = Account::choose()?.command(binaries.program("pg_ctl"));
    control.arg("--pgdata").arg(&data).args(["--wait", "--silent", "--timeout=60"]);
    Ok(control)
}

fn run(mut control: Command, operation: &str, log: &Path, begin: u64) -> Result<()> {
    let program = PathBuf::from(control.get_program());
    // No pipe to us: the server would inherit it, and hold up whoever waits for its end.
    control.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let status = control.status().map_err(|error| Error::io("run pg_ctl", &program, &error))?;
    if status.success() {
        return Ok(());
    }
    let said = Log::at(log.to_owned()).end(begin);
    let cause = if said.is_empty() { format!("pg_ctl failed ({status})") } else { said };
    Err(Error::new(ErrorKind::Failed, operation, shown(log), cause, "see the server's log there"))
}
