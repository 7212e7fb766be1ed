//! A developer's own cluster stays until it is removed.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;

use portcullis_cluster::binaries;
use portcullis_cluster::dev::{self, Data, Kept};

fn ask(kept: &Kept, sql: &str) -> Option<String> {
    let password = std::fs::read_to_string(kept.password_file()).unwrap();
    let authority = kept.authority_file();
    let url = format!(
        "{}?sslmode=verify-full&channel_binding=require&sslrootcert={}",
        kept.url(),
        authority.display()
    );
    let output = Command::new(binaries::find().unwrap().program("psql"))
        .args(["-X", "-q", "-A", "-t", "-c", sql, &url])
        .env("PGPASSWORD", password.trim())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    output.status.success().then(|| said.trim().to_owned())
}

/// Stops the cluster even where an assertion fails.
struct Gone<'a>(&'a Path);

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        let _ = dev::stop(self.0, Data::Remove);
    }
}

#[test]
fn data_port_password_and_authority_outlive_a_stop() {
    let workspace = tempfile::tempdir().unwrap();
    std::fs::set_permissions(workspace.path(), Permissions::from_mode(0o755)).unwrap();
    let directory = workspace.path().join("var/cluster");
    assert_eq!(dev::find(&directory).unwrap(), None);
    assert!(!dev::stop(&directory, Data::Keep).unwrap());
    assert!(!workspace.path().join("var").exists(), "what only asks makes nothing");

    let _gone = Gone(&directory);
    let kept = dev::start(&directory).unwrap();
    assert_eq!(kept.url(), format!("postgres://postgres@localhost:{}/postgres", kept.port()));
    let secret = kept.password_file().metadata().unwrap().mode() & 0o777;
    assert_eq!(secret, 0o600);
    assert_eq!(ask(&kept, "SHOW fsync").unwrap(), "on");
    ask(&kept, "CREATE TABLE mine (n int)").unwrap();
    assert_eq!(dev::start(&directory).unwrap(), kept, "one that runs is left alone");
    let authority = std::fs::read(kept.authority_file()).unwrap();

    assert!(dev::stop(&directory, Data::Keep).unwrap());
    assert!(ask(&kept, "SELECT 1").is_none());
    assert!(!dev::find(&directory).unwrap().unwrap().running());
    let again = dev::start(&directory).unwrap();
    assert_eq!(again, kept);
    assert_eq!(ask(&again, "SELECT count(*) FROM mine").unwrap(), "0");
    assert_eq!(std::fs::read(again.authority_file()).unwrap(), authority);

    dev::stop(&directory, Data::Keep).unwrap();
    let _other = std::net::TcpListener::bind(("127.0.0.1", kept.port())).unwrap();
    let error = dev::start(&directory).unwrap_err();
    assert!(error.cause.contains("another program listens"), "{error}");

    assert!(dev::stop(&directory, Data::Remove).unwrap());
    assert!(!directory.exists());
    assert_eq!(dev::find(&directory).unwrap(), None);
}

/// Who runs the server may put into its directories what they like.
#[test]
fn a_link_in_the_servers_directory_leads_nobody_elsewhere() {
    let workspace = tempfile::tempdir().unwrap();
    std::fs::set_permissions(workspace.path(), Permissions::from_mode(0o755)).unwrap();
    let directory = workspace.path().join("var/cluster");
    let _gone = Gone(&directory);
    dev::start(&directory).unwrap();
    dev::stop(&directory, Data::Keep).unwrap();
    let victim = workspace.path().join("victim");
    std::fs::write(&victim, "ours").unwrap();
    std::fs::set_permissions(&victim, Permissions::from_mode(0o600)).unwrap();
    let owner = victim.metadata().unwrap().uid();
    for name in ["portcullis.conf", "portcullis.conf.new"] {
        let link = directory.join("data").join(name);
        let _ = std::fs::remove_file(&link);
        std::os::unix::fs::symlink(&victim, &link).unwrap();
        dev::start(&directory).unwrap();
        dev::stop(&directory, Data::Keep).unwrap();
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "ours", "{name}");
        assert_eq!(victim.metadata().unwrap().uid(), owner, "{name}");
    }
}

#[test]
fn a_directory_that_is_no_cluster_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("precious"), "rows").unwrap();
    assert!(dev::start(directory.path()).is_err());
    assert!(dev::stop(directory.path(), Data::Remove).is_err());
    assert!(directory.path().join("precious").exists());
    let _ = std::fs::remove_file(directory.path().with_added_extension("lock"));
}
