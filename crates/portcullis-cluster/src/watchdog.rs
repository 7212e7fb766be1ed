//! The process between the owner and the server: it stops the server and removes the
//! cluster's directory when the owner is gone, `kill -9` included.
//!
//! It learns of that from the end of a pipe whose other end only the owner holds, and only
//! the owner's own program: the pipe is closed when another one is started.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};
use std::time::{Duration, Instant};

use crate::account::Account;
use crate::error::{Error, Result};

const SCRIPT: &str = include_str!("watchdog.sh");

/// After this long the owner no longer waits for the directory to be removed.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the watchdog is told: to start the server, or a signal for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Start,
    Fast,
    Immediate,
    Reload,
    Pause,
    Continue,
}

#[derive(Debug)]
pub(crate) struct Watchdog {
    place: PathBuf,
    child: Child,
    /// None once it was told that the owner is gone.
    orders: Option<ChildStdin>,
}

impl Watchdog {
    /// Begins to watch over a directory.
    pub(crate) fn spawn(place: &Path, postgres: &Path, account: &Account) -> Result<Self> {
        let mut command = account.command("sh");
        command.args(["-c", SCRIPT, "portcullis-cluster"]).arg(place).arg(postgres);
        // Not the owner's output, whose reader would wait for us, and not its group, whose
        // signals (Ctrl-C, a killed job) would end us before the server has ended.
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.process_group(0).spawn().map_err(|error| {
            Error::io("watch over a PostgreSQL server", Path::new("sh"), &error)
        })?;
        let orders = child.stdin.take();
        Ok(Self { place: place.to_owned(), child, orders })
    }

    pub(crate) fn order(&mut self, order: Order) -> Result<()> {
        let word = match order {
            Order::Start => "start\n",
            Order::Fast => "INT\n",
            Order::Immediate => "QUIT\n",
            Order::Reload => "HUP\n",
            Order::Pause => "STOP\n",
            Order::Continue => "CONT\n",
        };
        let written =
            self.orders.as_mut().map_or(Ok(()), |orders| orders.write_all(word.as_bytes()));
        written
            .map_err(|error| Error::io("reach a PostgreSQL server's watchdog", &self.place, &error))
    }

    /// Whether the server that was started last has ended.
    pub(crate) fn server_is_gone(&self) -> bool {
        self.place.join("exited").exists()
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.orders = None;
        let until = Instant::now() + PATIENCE;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}
