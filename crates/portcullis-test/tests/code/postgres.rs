//! What only a server can lack.

use std::process::Command;

pub(crate) fn without_a_server() {
    let workspace = super::workspace();
    let nothing = tempfile::tempdir().unwrap();
    let name = "02_length::keeps_letters::postgres";
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.current_dir(workspace.path()).env("PORTCULLIS_PG_BIN", nothing.path());
    let played = super::play_in(&mut command, &["--exact", name]);
    assert!(!played.all_passed);
    assert!(played.why(name).contains("  next  "), "{}", played.said);
}
