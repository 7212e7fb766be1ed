//! However the owner dies, nothing of the cluster stays.

use std::fs::Permissions;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use portcullis_cluster::{Cache, Cluster, Options};

use crate::support::{cache, options, private_directory, psql};

const VARIABLE: &str = "PORTCULLIS_TEST_OWNER_CACHE";

/// What the tests below start as another process, and kill.
fn owner(cache: String) {
    let cache = if cache.is_empty() { Cache::Usual } else { Cache::At(cache.into()) };
    let cluster = Cluster::start(&Options { cache, ..options() }).unwrap();
    assert_eq!(psql(&cluster, "SELECT 1").unwrap(), "1");
    // A child that outlives us doesn't keep the cluster alive.
    let mut child = Command::new("sleep");
    child.arg("15").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = child.spawn().unwrap();
    println!("\ncluster {} {}", cluster.port(), cluster.directory().display());
    // Until the test that started it says so.
    let _ = std::io::stdin().read(&mut [0]);
    child.kill().unwrap();
    child.wait().unwrap();
}

struct Owner {
    process: Child,
    output: BufReader<ChildStdout>,
    port: u16,
    directory: PathBuf,
}

fn start(mut command: Command, cache: &Path) -> Owner {
    let mut process = command
        .args(["--exact", "death::a_signal_that_nobody_can_catch_leaves_nothing", "--nocapture"])
        .env(VARIABLE, cache)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(process.stdout.take().unwrap());
    let line =
        output.by_ref().lines().map(Result::unwrap).find(|line| line.starts_with("cluster "));
    let line = line.expect("the owner tells where its cluster is");
    let (port, directory) = line[8..].split_once(' ').unwrap();
    Owner { process, output, port: port.parse().unwrap(), directory: directory.into() }
}

fn gone_within_seconds(owner: &Owner) {
    let until = Instant::now() + Duration::from_secs(10);
    let answers = || std::net::TcpStream::connect(("127.0.0.1", owner.port)).is_ok();
    while answers() || owner.directory.exists() {
        assert!(Instant::now() < until, "{} is still there", owner.directory.display());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_signal_that_nobody_can_catch_leaves_nothing() {
    // In the process that the test starts.
    if let Ok(cache) = std::env::var(VARIABLE) {
        return owner(cache);
    }
    for signal in ["KILL", "TERM", "INT"] {
        let mut owner = start(Command::new(std::env::current_exe().unwrap()), &cache());
        assert!(owner.directory.exists());
        let id = owner.process.id().to_string();
        assert!(Command::new("kill").arg(format!("-{signal}")).arg(id).status().unwrap().success());
        owner.process.wait().unwrap();
        // Who reads the owner's output to its end isn't held up by the watchdog.
        let read = Instant::now();
        owner.output.read_to_end(&mut Vec::new()).unwrap();
        assert!(read.elapsed() < Duration::from_secs(1));
        gone_within_seconds(&owner);
    }
}

#[test]
fn killed_at_any_moment_of_its_start_it_leaves_nothing() {
    let parent = tempfile::tempdir().unwrap();
    std::fs::set_permissions(parent.path(), Permissions::from_mode(0o777)).unwrap();
    let caches = private_directory();
    for delay in [20, 60, 150, 300, 500, 800, 1000] {
        // The first of them kill `initdb`'s owner.
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "death::owner", "--ignored"])
            .env(VARIABLE, caches.path())
            .env("TMPDIR", parent.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(delay));
        process.kill().unwrap();
        process.wait().unwrap();
    }
    let until = Instant::now() + Duration::from_secs(20);
    while std::fs::read_dir(parent.path()).unwrap().count() > 0 {
        assert!(Instant::now() < until, "{} isn't empty", parent.path().display());
        std::thread::sleep(Duration::from_millis(50));
    }
    // What a killed one has left in the cache is in nobody's way.
    drop(Cluster::start(&Options { cache: Cache::At(caches.path().into()), ..options() }).unwrap());
}

#[test]
fn the_watchdog_told_to_end_ends_the_server() {
    let cluster = Cluster::start(&options()).unwrap();
    let (directory, port) = (cluster.directory().to_owned(), cluster.port());
    let listed = Command::new("ps").args(["-A", "-o", "pid=,ppid=,args="]).output().unwrap();
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let server = listed
        .lines()
        .find(|line| line.contains(&format!("-D {}", directory.join("data").display())));
    let watchdog = server.unwrap().split_whitespace().nth(1).unwrap();
    assert!(Command::new("kill").args(["-TERM", watchdog]).status().unwrap().success());
    let until = Instant::now() + Duration::from_secs(10);
    while directory.exists() || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
        assert!(Instant::now() < until);
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(cluster);
}

/// With root's rights to become another user; others are one already.
#[test]
fn a_user_without_a_home_has_a_cluster_too() {
    let directory = tempfile::tempdir().unwrap();
    let setpriv = Command::new("setpriv").arg("--version").output().is_ok();
    if directory.path().metadata().unwrap().uid() != 0 || !setpriv {
        return;
    }
    std::fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
    let program = directory.path().join("owner");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program);
    command.env("HOME", "/nonexistent").env_remove("XDG_CACHE_HOME").current_dir("/");
    let mut owner = start(command, Path::new(""));
    assert_eq!(owner.directory.metadata().unwrap().uid(), 65534);
    owner.process.kill().unwrap();
    owner.process.wait().unwrap();
    gone_within_seconds(&owner);
}
