//! A cluster that is gone when its owner is.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::account::Account;
use crate::binaries::{self, Binaries};
use crate::certificates::{Authority, Identity, Request};
use crate::error::{Error, ErrorKind, Result, shown};
use crate::log::Log;
use crate::options::{Cache, Options, Tls};
use crate::ready::{self, Answer};
use crate::template::{Origin, SETTINGS, SUPERUSER, Source};
use crate::watchdog::{Order, Watchdog};
use crate::{files, settings};

const OPERATION: &str = "start a PostgreSQL server";

/// Between two looks at what is awaited.
const PAUSE: Duration = Duration::from_millis(3);

/// How often another port is tried where the one found free was taken meanwhile.
const PORTS: usize = 10;

/// How a server is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shutdown {
    /// Sessions are ended, their transactions rolled back.
    Fast,
    /// As if it had crashed: the next start recovers.
    Immediate,
}

/// A running PostgreSQL server with a data directory of its own. Dropping it stops the
/// server and removes the directory; so does the end of the process that holds it.
#[derive(Debug)]
pub struct Cluster {
    // Dropped in this order: the server is gone before its directory.
    watchdog: Watchdog,
    place: TempDir,
    account: Account,
    binaries: Binaries,
    options: Options,
    identity: Option<Identity>,
    password: String,
    port: u16,
}

enum Attempt {
    Ready,
    PortTaken,
    Ended,
}

impl Cluster {
    /// Starts a server, and returns when it answers.
    ///
    /// # Errors
    /// PostgreSQL isn't installed, an option can't be had, or the server doesn't start; the
    /// error then holds the end of its log.
    pub fn start(options: &Options) -> Result<Self> {
        let binaries = options.binaries.clone().map_or_else(binaries::find, Ok)?;
        let (mut cluster, origin) = Self::prepare(options, &options.cache, &binaries)?;
        let Err(error) = cluster.launch_somewhere() else { return Ok(cluster) };
        if origin == Origin::Made || error.kind != ErrorKind::Failed {
            return Err(error);
        }
        // A power failure may have torn the template: so it is, if it starts without.
        let account = cluster.account.clone();
        drop(cluster);
        let (mut cluster, _) = Self::prepare(options, &Cache::Off, &binaries)?;
        cluster.launch_somewhere().map_err(|_| error)?;
        Source { binaries: &binaries, account: &account, cache: &options.cache }.forget()?;
        Ok(cluster)
    }

    fn prepare(options: &Options, cache: &Cache, binaries: &Binaries) -> Result<(Self, Origin)> {
        let parent = options.parent.clone().unwrap_or_else(std::env::temp_dir);
        let place = tempfile::Builder::new()
            .prefix("portcullis-cluster-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(&parent)
            .map_err(|error| Error::io("make a directory for a cluster", &parent, &error))?;
        let account = Account::choose()?;
        account.reaches(place.path())?;
        account.own(place.path())?;
        // From here on the directory is removed even if we are killed.
        let watchdog = Watchdog::spawn(place.path(), &binaries.program("postgres"), &account)?;
        let identity = match &options.tls {
            Tls::New => {
                Some(Authority::new("Portcullis throwaway CA")?.issue(&Request::local(365))?)
            }
            Tls::With(identity) => Some((**identity).clone()),
            Tls::Off => None,
        };
        let source = Source { binaries, account: &account, cache };
        let (password, origin) = source.fill(place.path())?;
        let (binaries, options) = (binaries.clone(), options.clone());
        let cluster =
            Self { watchdog, place, account, binaries, options, identity, password, port: 0 };
        cluster.write_identity()?;
        cluster.write_access()?;
        Ok((cluster, origin))
    }

    fn launch_somewhere(&mut self) -> Result<()> {
        for _ in 0..PORTS {
            self.port = ready::free_port()?;
            let begin = self.log_file().position();
            match self.launch()? {
                Attempt::Ready => return Ok(()),
                Attempt::PortTaken => {}
                Attempt::Ended => return Err(self.not_started("it ended", begin)),
            }
        }
        Err(self.not_started("each port that was free was taken by another program", 0))
    }

    fn launch(&mut self) -> Result<Attempt> {
        let settings = settings::text(&self.options, self.port)?;
        files::write(&self.data_directory().join(SETTINGS), &settings, &self.account)?;
        let begin = self.log_file().position();
        // What an earlier server left would be taken for this one's end.
        let exited = self.place.path().join("exited");
        if exited.exists() {
            std::fs::remove_file(&exited).map_err(|error| Error::io(OPERATION, &exited, &error))?;
        }
        self.watchdog.order(Order::Start)?;
        let until = Instant::now() + self.options.patience;
        while Instant::now() < until {
            if self.watchdog.server_is_gone() {
                // The next start is an order of its own.
                self.watchdog.order(Order::Immediate)?;
                let taken =
                    self.log_file().since(begin).contains("could not create any TCP/IP sockets");
                return Ok(if taken { Attempt::PortTaken } else { Attempt::Ended });
            }
            if ready::says_so(&self.data_directory())
                && ready::ask(self.port) == Some(self.answer())
            {
                return Ok(Attempt::Ready);
            }
            std::thread::sleep(PAUSE);
        }
        Err(self.not_started("it doesn't answer in time", begin))
    }

    fn answer(&self) -> Answer {
        if self.identity.is_some() { Answer::Tls } else { Answer::NoTls }
    }

    fn not_started(&self, cause: &str, begin: u64) -> Error {
        let end = self.log_file().end(begin);
        let cause = if end.is_empty() { cause.to_owned() } else { format!("{cause}: {end}") };
        let next =
            "see what PostgreSQL says about it; a setting may be wrong, or memory or space short";
        Error::new(ErrorKind::Failed, OPERATION, shown(self.place.path()), cause, next)
    }
}

/// What a client needs, and where things are.
impl Cluster {
    /// The name that its certificate is for.
    pub fn host(&self) -> &'static str {
        "localhost"
    }

    /// The port, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The superuser.
    pub fn user(&self) -> &'static str {
        SUPERUSER
    }

    /// The superuser's password.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Its certificate, key and authority, unless it speaks without TLS.
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// The file with the authority's certificate.
    pub fn authority_file(&self) -> PathBuf {
        self.place.path().join("ca.pem")
    }

    /// The data directory.
    pub fn data_directory(&self) -> PathBuf {
        self.place.path().join("data")
    }

    /// The directory that holds everything of it.
    pub fn directory(&self) -> &Path {
        self.place.path()
    }

    /// The server's log.
    pub fn log(&self) -> PathBuf {
        self.place.path().join("log")
    }

    /// The programs it is made with.
    pub fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    fn log_file(&self) -> Log {
        Log::at(self.log())
    }
}

/// What may happen to a server.
impl Cluster {
    /// Stops the server; its files stay until the cluster is dropped.
    ///
    /// # Errors
    /// It doesn't end in time.
    pub fn stop(&mut self, how: Shutdown) -> Result<()> {
        self.watchdog.order(match how {
            Shutdown::Fast => Order::Fast,
            Shutdown::Immediate => Order::Immediate,
        })?;
        self.wait("stop a PostgreSQL server", |cluster| cluster.watchdog.server_is_gone())
    }

    /// Starts the server again after [`Cluster::stop`], at the same port.
    ///
    /// # Errors
    /// It doesn't start, or another program has taken its port.
    pub fn start_again(&mut self) -> Result<()> {
        let begin = self.log_file().position();
        match self.launch()? {
            Attempt::Ready => Ok(()),
            Attempt::PortTaken => Err(self.not_started("its port was taken meanwhile", begin)),
            Attempt::Ended => Err(self.not_started("it ended", begin)),
        }
    }

    /// Lets new connections wait, as a server does that hangs; sessions go on.
    ///
    /// # Errors
    /// The watchdog is gone.
    pub fn pause(&mut self) -> Result<()> {
        self.watchdog.order(Order::Pause)
    }

    /// Ends [`Cluster::pause`].
    ///
    /// # Errors
    /// The watchdog is gone.
    pub fn go_on(&mut self) -> Result<()> {
        self.watchdog.order(Order::Continue)
    }

    /// Shows another certificate to whoever connects from now on.
    ///
    /// # Errors
    /// The server doesn't take it.
    pub fn show(&mut self, identity: Identity) -> Result<()> {
        self.identity = Some(identity);
        self.write_identity()?;
        self.reload()
    }

    /// Admits by other lines of `pg_hba.conf` from now on.
    ///
    /// # Errors
    /// The server doesn't take them.
    pub fn admit(&mut self, lines: &str) -> Result<()> {
        self.options.access = Some(lines.to_owned());
        self.write_access()?;
        self.reload()
    }

    fn reload(&mut self) -> Result<()> {
        let begin = self.log_file().position();
        self.watchdog.order(Order::Reload)?;
        // One process reads its files and accepts connections: once it answers, after it
        // has said that it reads them, it has read them.
        self.wait("reload a PostgreSQL server's files", |cluster| {
            cluster.log_file().since(begin).contains("received SIGHUP")
                && ready::ask(cluster.port).is_some()
        })?;
        let said = self.log_file().since(begin);
        if said.contains("not reloaded") || said.contains("contains errors") {
            return Err(self.not_started("it keeps what it had", begin));
        }
        Ok(())
    }

    fn wait(&self, operation: &str, done: impl Fn(&Self) -> bool) -> Result<()> {
        let until = Instant::now() + self.options.patience;
        while !done(self) {
            if Instant::now() >= until {
                return Err(Error::new(
                    ErrorKind::Failed,
                    operation,
                    shown(self.place.path()),
                    "it takes too long",
                    "see the server's log there",
                ));
            }
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }

    fn write_identity(&self) -> Result<()> {
        let Some(identity) = &self.identity else { return Ok(()) };
        let data = self.data_directory();
        files::write(&data.join("server.key"), &identity.key_pem, &self.account)?;
        files::write(&data.join("server.crt"), &identity.certificate_pem, &self.account)?;
        files::write(&self.authority_file(), &identity.authority_pem, &self.account)
    }

    fn write_access(&self) -> Result<()> {
        let text = self.options.access.as_deref().unwrap_or(settings::ACCESS);
        files::write(&self.data_directory().join("pg_hba.conf"), text, &self.account)
    }
}
