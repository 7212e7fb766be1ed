//! PostgreSQL is compiled in only where it is needed: its TLS takes minutes to build.
//!
//! A build without it that is asked for a PostgreSQL target has cargo build and run the
//! same program with the feature, and hands over to it. Both builds stay in the target
//! directory, so that this costs a moment from the second time on.

use std::os::unix::process::CommandExt as _;
use std::process::Command as Process;

use portcullis_model::config::{Config, Engine};
use portcullis_model::sql::Dialect;

use crate::Command;

/// Set for the program that is handed over to, so that it never hands over again.
const HANDED_OVER: &str = "PORTCULLIS_HANDED_OVER";

/// Hands over, where that is needed and where cargo started this program. Returns where it
/// isn't, or can't be done: then the command itself says what is missing.
pub(crate) fn hand_over(command: &Command) {
    if cfg!(feature = "postgres") || std::env::var_os(HANDED_OVER).is_some() || !needs(command) {
        return;
    }
    let [Some(cargo), Some(manifest)] = ["CARGO", "CARGO_MANIFEST_PATH"].map(std::env::var_os)
    else {
        return;
    };
    let cargo = |what: &str| {
        let mut process = Process::new(&cargo);
        process.args([what, "--quiet", "--locked", "--features", "postgres", "--manifest-path"]);
        process.arg(&manifest);
        if !cfg!(debug_assertions) {
            process.arg("--release");
        }
        process
    };
    if !was_built_before() {
        crate::print::note("PostgreSQL is built in first; that takes some minutes, once");
    }
    // On a bad night it may be that nothing can be built, and what is on this machine helps too.
    if command.helps_without() && !cargo("build").status().is_ok_and(|status| status.success()) {
        crate::print::note("PostgreSQL couldn't be built in: this is what this machine knows");
        return;
    }
    let mut process = cargo("run");
    process.arg("--").args(std::env::args_os().skip(1)).env(HANDED_OVER, "1");
    // Comes back only if it couldn't be started.
    let _ = process.exec();
}

/// Whether cargo has built OpenSSL beside this program.
fn was_built_before() -> bool {
    let program = std::env::current_exe().ok();
    let builds = program.and_then(|program| program.parent()?.join("build").read_dir().ok());
    builds.is_some_and(|mut builds| {
        builds.any(|one| {
            one.is_ok_and(|one| one.file_name().to_string_lossy().starts_with("openssl-sys-"))
        })
    })
}

/// Whether a command talks to a PostgreSQL server.
fn needs(command: &Command) -> bool {
    if command.is_about_servers() {
        return true;
    }
    let Some(config) = std::env::current_dir().ok().and_then(|here| Config::find(&here).ok())
    else {
        return false;
    };
    if let Some(backup) = command.tests_backup() {
        // One that says nothing of itself is refused by any build.
        let sidecar = portcullis_flow::named::sidecar(&config, backup);
        return sidecar.is_some_and(|sidecar| sidecar.engine == Engine::Postgres.name());
    }
    if let Some(which) = command.tests_on() {
        let mut migrations = config.migrations.iter();
        return migrations
            .any(|one| one.dialect == Dialect::Postgres && which.includes(one.dialect));
    }
    let is_server = |name: Option<&str>| {
        config.target(name).is_ok_and(|target| target.engine() == Engine::Postgres)
    };
    match command.target_flag() {
        Some(name) => is_server(name),
        // It asks the protected databases what they have.
        None if command.asks_protected() => config
            .targets
            .values()
            .any(|target| target.protected && target.engine() == Engine::Postgres),
        None => false,
    }
}
