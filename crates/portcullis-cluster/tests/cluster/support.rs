//! A cluster with the tests' own cache, and `psql`.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use portcullis_cluster::{Cache, Cluster, Options};

/// All tests of this crate share it, and so do runs that come later.
pub(crate) fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("cluster-cache")
}

pub(crate) fn options() -> Options {
    Options { cache: Cache::At(cache()), ..Options::default() }
}

/// A new directory that only we may enter.
pub(crate) fn private_directory() -> tempfile::TempDir {
    let private = Permissions::from_mode(0o700);
    tempfile::Builder::new().permissions(private).tempdir().unwrap()
}

/// Connects with everything checked, and asks. What it says either way.
pub(crate) fn psql(cluster: &Cluster, sql: &str) -> Result<String, String> {
    psql_with(cluster, &format!("sslmode=verify-full host={}", cluster.host()), sql)
}

pub(crate) fn psql_with(cluster: &Cluster, how: &str, sql: &str) -> Result<String, String> {
    let connection = format!(
        "{how} hostaddr=127.0.0.1 port={} user={} dbname=postgres sslrootcert='{}' connect_timeout=5",
        cluster.port(),
        cluster.user(),
        cluster.authority_file().display(),
    );
    let output = Command::new(cluster.binaries().program("psql"))
        .args(["-X", "-q", "-A", "-t", "-c", sql, &connection])
        .env("PGPASSWORD", cluster.password())
        .output()
        .unwrap();
    let Output { status, stdout, stderr } = output;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim().to_owned();
    if status.success() { Ok(text(stdout)) } else { Err(text(stderr)) }
}
