//! The system calls at which a run can be killed, and a run that is killed at one.
//!
//! Which ones matter: what a killed process leaves behind are files and, until the kernel
//! has cleaned up, locks. A system call that changes neither leaves the same behind as the
//! next one that does, so killing there is the same test again. That leaves creating,
//! writing, syncing, renaming, linking and removing files, and taking and releasing locks.
//! (The `-shm` file of WAL mode is changed through memory. It isn't durable: SQLite makes
//! it anew when the first connection opens.)
//!
//! strace sends the signal when the call is entered: it isn't carried out any more.
//!
//! `when=N` is counted for each system call and each thread by itself, not for the set
//! that is named: with a set, the call that is made most often would always be the one
//! that dies, and the later ones of the rare calls would never be reached. So each point
//! is a call and its number. Threads other than the first only read here, which
//! [`points`] asserts; otherwise theirs would have to be tried as well.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use crate::support::{GATE, Ran, Workspace};

/// Everything by which a file or a lock can change.
const CALLS: &str = "open,openat,creat,write,writev,pwrite64,pwritev,pwritev2,rename,renameat,\
    renameat2,unlink,unlinkat,truncate,ftruncate,fallocate,fsync,fdatasync,sync_file_range,mkdir,\
    mkdirat,rmdir,link,linkat,symlink,symlinkat,flock,fcntl,chmod,fchmod,fchmodat,\
    copy_file_range,sendfile";

/// The n-th of the calls of this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Point {
    pub(crate) call: String,
    pub(crate) number: usize,
}

/// Whether processes can be traced here. If not, that is said, and on CI it is an error.
pub(crate) fn can_trace() -> bool {
    let why = match Command::new("strace").args(["-o", "/dev/null", "true"]).output() {
        Ok(output) if output.status.success() => return true,
        Ok(output) => format!(
            "strace can't trace a process here: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        ),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            "strace is not installed".to_owned()
        }
        Err(error) => format!("strace doesn't start: {error}"),
    };
    assert!(std::env::var_os("CI").is_none(), "{why}");
    // Not through `println!`, which is captured: a test that has tested nothing must show.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
    false
}

/// The program without other programs: no git, whose system calls are none of ours.
pub(crate) fn alone(workspace: &Workspace, arguments: &[&str]) -> Command {
    let mut command = workspace.command(arguments);
    command.env("PATH", workspace.path().join("nothing"));
    command
}

pub(crate) fn run_alone(workspace: &Workspace, arguments: &[&str]) -> Ran {
    Ran::of(&alone(workspace, arguments).output().unwrap())
}

/// strace, with these options, over the program with these arguments.
fn traced(workspace: &Workspace, options: &[&str], arguments: &[&str]) -> Command {
    let mut command = Command::new(strace());
    workspace.prepare(&mut command);
    command.env("PATH", workspace.path().join("nothing"));
    command.args(["-f", "-qq"]).args(options).arg("--").arg(GATE).args(arguments);
    command
}

fn strace() -> std::path::PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|directory| directory.join("strace"))
        .find(|program| program.exists())
        .unwrap()
}

/// Runs the program to its end and returns the points that it passed, in order.
pub(crate) fn points(workspace: &Workspace, arguments: &[&str], code: i32) -> Vec<Point> {
    let file = workspace.path().join("trace.txt");
    let options = ["-o", file.to_str().unwrap(), "-e", &format!("trace={CALLS}")];
    Ran::of(&traced(workspace, &options, arguments).output().unwrap()).expect(code);
    let trace = fs::read_to_string(&file).unwrap();
    fs::remove_file(file).unwrap();
    let mut first = None;
    let mut numbers: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut found = Vec::new();
    for line in trace.lines() {
        let Some((thread, call)) = line.split_once(char::is_whitespace) else { continue };
        let call = call.trim_start();
        let Some((name, rest)) = call.split_once('(') else { continue };
        // `<... write resumed>`, `+++ exited`, `--- SIGCHLD`
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            continue;
        }
        let first = *first.get_or_insert(thread);
        let number = numbers.entry((thread, name)).or_default();
        *number += 1;
        if matters(name, rest) {
            assert_eq!(thread, first, "another thread changes something: {line}");
            found.push(Point { call: name.to_owned(), number: *number });
        }
    }
    assert!(found.len() > 50, "the trace can't be read: {trace}");
    found
}

fn matters(call: &str, arguments: &str) -> bool {
    match call {
        "open" | "openat" => arguments.contains("O_CREAT") || arguments.contains("O_TMPFILE"),
        "fcntl" => arguments.contains("SETLK"),
        // What is printed is no file.
        "write" | "writev" => !arguments.starts_with("1,") && !arguments.starts_with("2,"),
        _ => true,
    }
}

/// How a run ended that was to be killed.
pub(crate) enum End {
    Killed,
    /// It didn't get to that point.
    Ran(Ran),
}

/// Runs the program and kills it when it enters the point.
pub(crate) fn kill_at(workspace: &Workspace, arguments: &[&str], point: &Point) -> End {
    let trace = format!("trace={}", point.call);
    let inject = format!("inject={}:signal=KILL:when={}", point.call, point.number);
    let options = ["-o", "/dev/null", "-e", &trace, "-e", &inject];
    let output = traced(workspace, &options, arguments).output().unwrap();
    // strace ends as its child did.
    match output.status.signal() {
        Some(9) => End::Killed,
        _ => End::Ran(Ran::of(&output)),
    }
}

/// All points if `PORTCULLIS_EXHAUSTIVE=1` is set; otherwise about so many, evenly spaced
/// from a random one on, and always the first and the last.
pub(crate) fn sample(points: &[Point], about: usize) -> Vec<Point> {
    if exhaustive() {
        return points.to_vec();
    }
    let stride = points.len().div_ceil(about.max(1)).max(1);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let offset = now.subsec_nanos() as usize % stride;
    let last = points.len() - 1;
    (0..points.len())
        .filter(|index| index % stride == offset || *index == 0 || *index == last)
        .map(|index| points[index].clone())
        .collect()
}

/// Whether every point is wanted, however long it takes.
pub(crate) fn exhaustive() -> bool {
    std::env::var_os("PORTCULLIS_EXHAUSTIVE").is_some_and(|value| value == "1")
}
