//! From nothing to the first answer, for the benchmark: `first-query CACHE-DIRECTORY`.

use std::process::{Command, ExitCode};

use portcullis_cluster::{Cache, Cluster, Options};

fn main() -> ExitCode {
    let cache = std::env::args_os().nth(1).map_or(Cache::Off, |path| Cache::At(path.into()));
    match Cluster::start(&Options { cache, ..Options::default() }) {
        Ok(cluster) => {
            let answered = ask(&cluster);
            // The end of the process is the end of the cluster: nobody waits for it.
            std::mem::forget(cluster);
            if answered { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => fail(&error.to_string()),
    }
}

fn ask(cluster: &Cluster) -> bool {
    let connection = format!(
        "host={} port={} user={} dbname=postgres sslmode=verify-full sslrootcert='{}'",
        cluster.host(),
        cluster.port(),
        cluster.user(),
        cluster.authority_file().display(),
    );
    Command::new(cluster.binaries().program("psql"))
        .args(["-X", "-q", "-t", "-c", "SELECT 1", &connection])
        .env("PGPASSWORD", cluster.password())
        .status()
        .is_ok_and(|status| status.success())
}

#[expect(clippy::print_stderr, reason = "it is a program")]
fn fail(text: &str) -> ExitCode {
    eprintln!("error: {text}");
    ExitCode::FAILURE
}
