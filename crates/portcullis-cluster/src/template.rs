//! `initdb` once: what it makes is kept for each version, and copied.
//!
//! A template is a directory with `data` and, beside it, the superuser's `password`. It is
//! built under another name and renamed, so it is there whole or not at all.

use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::account::Account;
use crate::binaries::Binaries;
use crate::error::{Error, ErrorKind, Result, shown};
use crate::files::Share;
use crate::options::Cache;
use crate::{files, random};

/// Raised when what is made here changes.
const FORMAT: u32 = 1;

/// The superuser's name.
pub(crate) const SUPERUSER: &str = "postgres";

/// Included at the end of `postgresql.conf`.
pub(crate) const SETTINGS: &str = "portcullis.conf";

/// A locale that sorts by code points and knows Unicode's letters, where there is one.
const LOCALE: &str = if cfg!(target_os = "linux") { "C.UTF-8" } else { "C" };

/// Where a data directory comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Made,
    Copied,
}

/// What a data directory is made with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) binaries: &'a Binaries,
    pub(crate) account: &'a Account,
    pub(crate) cache: &'a Cache,
}

impl Source<'_> {
    /// Makes `data` in a directory that the account owns, and returns the superuser's
    /// password.
    pub(crate) fn fill(&self, place: &Path) -> Result<(String, Origin)> {
        let cached = match self.template() {
            Ok(None) => return Ok((self.make(place)?, Origin::Made)),
            Ok(Some(template)) => self.fill_from(&template, place),
            Err(error) => Err(error),
        };
        match cached {
            // It is a convenience: without it the cluster is as good.
            Err(_) if *self.cache == Cache::Usual => {
                files::remove_directory(&place.join("data"))?;
                Ok((self.make(place)?, Origin::Made))
            }
            result => result,
        }
    }

    /// Removes a template that no server starts from, as after a power failure.
    pub(crate) fn forget(&self) -> Result<()> {
        let Some(template) = self.template()? else { return Ok(()) };
        let _lock = files::lock(&template, Share::Alone)?;
        files::remove_directory(&template)
    }

    fn fill_from(&self, template: &Path, place: &Path) -> Result<(String, Origin)> {
        let copy = || -> Result<String> {
            let password = template.join("password");
            let text = std::fs::read_to_string(&password)
                .map_err(|error| Error::io("read a template's password", &password, &error))?;
            files::copy_directory(&template.join("data"), &place.join("data"), self.account)?;
            Ok(text)
        };
        let shared = files::lock(template, Share::WithOthers)?;
        if template.exists() {
            return Ok((copy()?, Origin::Copied));
        }
        drop(shared);
        // One makes it, the others wait: they'd only take its processor.
        let _lock = files::lock(template, Share::Alone)?;
        if template.exists() {
            return Ok((copy()?, Origin::Copied));
        }
        let password = self.make(place)?;
        keep(template, place, &password)?;
        Ok((password, Origin::Made))
    }

    /// Where the template for these programs is kept.
    fn template(&self) -> Result<Option<PathBuf>> {
        let cache = match self.cache {
            Cache::Off => return Ok(None),
            Cache::At(directory) => directory.clone(),
            Cache::Usual => match usual() {
                Some(directory) => directory,
                None => return Ok(None),
            },
        };
        files::make_directory(&cache)?;
        self.check_private(&cache)?;
        // Two builds of one version may lay out their files differently.
        let directory = self.binaries.directory().to_string_lossy();
        let place = directory.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        Ok(Some(cache.join(format!("{}{place}-{FORMAT}", self.binaries.version()))))
    }

    /// A template holds a password, and files that a server then runs from.
    fn check_private(&self, cache: &Path) -> Result<()> {
        let metadata = cache.metadata().map_err(|error| Error::io("use a cache", cache, &error))?;
        // Whose it is otherwise, if we may enter it: root may enter anybody's.
        let ours = *self.account == Account::Own || metadata.uid() == 0;
        if ours && metadata.mode() & 0o077 == 0 {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Refused,
            "use a cache for clusters",
            shown(cache),
            if ours { "other users may enter it" } else { "it is another user's" },
            "make it private (chown, chmod 700), or name another directory",
        ))
    }

    fn make(&self, place: &Path) -> Result<String> {
        let password = random::password()?;
        let (data, secret) = (place.join("data"), place.join("password"));
        files::write(&secret, &password, self.account)?;
        let program = self.binaries.program("initdb");
        let mut initdb = self.account.command(&program);
        initdb.args(["--no-sync", "--auth=scram-sha-256", "--encoding=UTF8"]);
        initdb.arg(format!("--locale={LOCALE}")).arg(format!("--username={SUPERUSER}"));
        initdb.arg("--pwfile").arg(&secret).arg("--pgdata").arg(&data);
        let output = initdb.output();
        let _ = std::fs::remove_file(&secret);
        let output = output.map_err(|error| Error::io("run initdb", &program, &error))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let said =
                said.lines().find(|line| line.contains("error:")).unwrap_or("it says nothing");
            return Err(Error::new(
                ErrorKind::Failed,
                "make a data directory",
                shown(&data),
                format!("initdb failed ({}): {said}", output.status),
                "see what initdb says about this place",
            ));
        }
        let configuration = data.join("postgresql.conf");
        std::fs::OpenOptions::new()
            .append(true)
            .open(&configuration)
            .and_then(|mut file| writeln!(file, "include = '{SETTINGS}'"))
            .map_err(|error| Error::io("configure a PostgreSQL server", &configuration, &error))?;
        Ok(password)
    }
}

fn keep(template: &Path, place: &Path, password: &str) -> Result<()> {
    let new = template.with_added_extension("new");
    // Whoever held the lock before may have died.
    files::remove_directory(&new)?;
    files::make_directory(&new)?;
    files::copy_directory(&place.join("data"), &new.join("data"), &Account::Own)?;
    files::write(&new.join("password"), password, &Account::Own)?;
    std::fs::rename(&new, template)
        .map_err(|error| Error::io("keep a data directory for the next one", template, &error))
}

/// The user's own cache directory.
fn usual() -> Option<PathBuf> {
    let variable =
        |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || Some(variable("HOME")?.join(".cache"));
    Some(variable("XDG_CACHE_HOME").or_else(home)?.join("portcullis/cluster"))
}
