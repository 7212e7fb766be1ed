//! The PostgreSQL server that figures are taken on: durable, with TLS, in the bench's own
//! directory, and the same for both sides.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use portcullis_cluster::binaries::Binaries;
use xshell::cmd;

use super::measure::{Sample, run};
use super::{Bench, empty};

/// Where the gate keeps what it knows of its runs.
const RECORDS: [&str; 3] = ["var/identity", "var/receipts", "var/backups"];

/// A server that runs, and how to reach it.
pub(super) struct Server<'a> {
    bench: &'a Bench<'a>,
    binaries: Binaries,
    /// `localhost:15432`
    address: String,
    pin: String,
}

/// Has a server for as long as the work takes, with the bench's directory as the current one.
pub(super) fn with<T>(
    bench: &Bench<'_>,
    work: impl FnOnce(&Server<'_>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let (shell, gate) = (bench.shell, &bench.gate);
    let _here = shell.push_dir(&bench.directory);
    // Enough for the cluster's command to know where it is.
    fs::write(bench.directory.join("portcullis.toml"), "[targets]\n")?;
    cmd!(shell, "{gate} cluster start").quiet().ignore_stdout().run()?;
    let worked = Server::find(bench).and_then(|server| {
        // What the other side logs in with.
        let password = fs::read_to_string(bench.directory.join("var/cluster/password"))?;
        let _password = shell.push_env("PGPASSWORD", password.trim_end());
        let _hidden = shell.push_env("PGPASSFILE", "/dev/null");
        work(&server)
    });
    let stopped = cmd!(shell, "{gate} cluster stop --remove").quiet().ignore_stdout().run();
    let worked = worked?;
    stopped?;
    Ok(worked)
}

impl<'a> Server<'a> {
    fn find(bench: &'a Bench<'a>) -> anyhow::Result<Self> {
        let gate = &bench.gate;
        let said = cmd!(bench.shell, "{gate} cluster url").quiet().read()?;
        let url = said.lines().next().context("cluster url printed nothing")?;
        let rest = url.strip_prefix("postgres://postgres@");
        let address = rest.and_then(|rest| rest.split('/').next()).context("no host and port")?;
        Ok(Self {
            bench,
            binaries: portcullis_cluster::binaries::find()?,
            address: address.to_owned(),
            pin: pin(bench, address)?,
        })
    }

    /// One of PostgreSQL's programs.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.binaries.program(name)
    }

    /// How the other side reaches a database: with TLS as the gate does, but without a pin.
    pub(super) fn url(&self, database: &str) -> String {
        let address = &self.address;
        format!(
            "postgres://postgres@{address}/{database}?sslmode=verify-full&sslrootcert=var/cluster/ca.pem"
        )
    }

    /// A target of the gate's, with more lines of its own.
    pub(super) fn target(&self, name: &str, database: &str, lines: &str) -> String {
        let Self { address, pin, .. } = self;
        format!(
            "[targets.{name}]\nengine = \"postgres\"\nurl = \"postgres://postgres@{address}/{database}\"\n\
             ca = \"var/cluster/ca.pem\"\npassword-file = \"var/cluster/password\"\n\
             pins = [\"sha256/{pin}\"]\n{lines}"
        )
    }

    /// Configures the gate for these targets, the first of which is the default.
    pub(super) fn configure(&self, default: &str, targets: &[String]) -> anyhow::Result<()> {
        let head =
            format!("default-target = \"{default}\"\n[migrations]\npostgres = \"migrations\"\n");
        let text = head + &targets.concat();
        fs::write(self.bench.directory.join("portcullis.toml"), text)?;
        Ok(())
    }

    /// Has statements run; what they answer.
    pub(super) fn ask(&self, database: &str, sql: &str) -> anyhow::Result<String> {
        let (psql, url) = (self.program("psql"), self.url(database));
        let asked =
            cmd!(self.bench.shell, "{psql} -X -q -A -t -v ON_ERROR_STOP=1 -d {url} -c {sql}");
        Ok(asked.quiet().read()?.trim().to_owned())
    }

    /// In gigabytes.
    pub(super) fn size(&self, database: &str) -> anyhow::Result<f64> {
        let size = self.ask(database, "SELECT pg_database_size(current_database())")?;
        Ok(size.parse::<f64>().context("the database's size")? / 1e9)
    }

    /// A new, empty database, whatever was there. Its end has the server write out whatever
    /// an earlier run left to write.
    pub(super) fn make_anew(&self, database: &str) -> anyhow::Result<()> {
        self.ask("postgres", &format!("DROP DATABASE IF EXISTS {database}"))?;
        self.ask("postgres", &format!("CREATE DATABASE {database}"))?;
        self.ask("postgres", "CHECKPOINT").map(drop)
    }

    /// Removes what the gate has moved aside: it is kept for a person.
    pub(super) fn drop_what_is_kept_of(&self, database: &str) -> anyhow::Result<()> {
        let kept = "SELECT datname FROM pg_database WHERE starts_with(datname, ";
        let kept = self.ask("postgres", &format!("{kept}'{database}_')"))?;
        anyhow::ensure!(!kept.is_empty(), "the gate has moved nothing aside");
        for name in kept.lines() {
            self.ask("postgres", &format!("DROP DATABASE \"{name}\""))?;
        }
        self.ask("postgres", "CHECKPOINT").map(drop)
    }

    /// The gate knows nothing of any run before.
    pub(super) fn forget_records(&self) -> anyhow::Result<()> {
        for place in RECORDS {
            empty(&self.bench.directory.join(place))?;
            fs::remove_dir(self.bench.directory.join(place))?;
        }
        Ok(())
    }

    /// What one does without the gate: a new database, filled from a dump in directory format.
    pub(super) fn restore_by_hand(&self, dump: &Path) -> anyhow::Result<Sample> {
        let (createdb, pg_restore) = (self.program("createdb"), self.program("pg_restore"));
        let (server, theirs) = (self.url("postgres"), self.url("theirs"));
        let database = ["--maintenance-db", &server, "theirs"];
        let command = std::iter::once(createdb.as_os_str());
        let command: Vec<_> = command.chain(database.iter().map(AsRef::as_ref)).collect();
        let (made, _) = run(self.bench, &command)?;
        let arguments = ["-j".as_ref(), "2".as_ref(), "-d".as_ref(), theirs.as_ref()];
        let command = std::iter::once(pg_restore.as_os_str()).chain(arguments);
        let command: Vec<_> = command.chain([dump.as_os_str()]).collect();
        let (filled, _) = run(self.bench, &command)?;
        self.ask("postgres", "DROP DATABASE theirs")?;
        self.ask("postgres", "CHECKPOINT")?;
        Ok(made.then(filled))
    }
}

/// The pin of the server's key, as a person would take it from the server's certificate.
fn pin(bench: &Bench<'_>, address: &str) -> anyhow::Result<String> {
    let script = format!(
        "openssl s_client -starttls postgres -connect {address} </dev/null 2>/dev/null \
         | openssl x509 -pubkey -noout | openssl pkey -pubin -outform der \
         | openssl dgst -sha256 -binary | openssl base64"
    );
    let pin = cmd!(bench.shell, "sh -c {script}").quiet().read()?;
    anyhow::ensure!(pin.len() == 44, "openssl, which is needed for this, gave no pin: {pin:?}");
    Ok(pin)
}
