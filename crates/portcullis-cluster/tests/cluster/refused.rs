//! What can't be had is told with its place, its cause and what to do.

use portcullis_cluster::{Cluster, ErrorKind, Options};

use crate::support::{options, private_directory};

#[test]
fn a_wrong_setting_is_told_in_the_servers_words() {
    let error = Cluster::start(&options().setting("wal_level", "sideways")).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Failed);
    assert!(error.cause.contains("invalid value for parameter \"wal_level\""), "{error}");
    assert!(!error.to_string().contains('\n'));
}

#[test]
fn a_parent_that_is_no_directory_is_told() {
    let parent = Some("/nonexistent/here".into());
    let error = Cluster::start(&Options { parent, ..options() }).unwrap_err();
    assert!(error.place.contains("/nonexistent/here"), "{error}");
}

#[test]
fn nothing_is_left_of_a_start_that_failed() {
    let parent = tempfile::tempdir().unwrap();
    open(parent.path());
    let bad = options().setting("shared_buffers", "never");
    let bad = Options { parent: Some(parent.path().to_owned()), ..bad };
    Cluster::start(&bad).unwrap_err();
    assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 0);
}

#[test]
fn as_root_a_parent_that_the_servers_user_may_not_enter_is_refused() {
    let parent = private_directory();
    let inside = Options { parent: Some(parent.path().to_owned()), ..options() };
    match Cluster::start(&inside) {
        Ok(_) => assert_ne!(owner(parent.path()), 0),
        Err(error) => {
            assert_eq!(owner(parent.path()), 0);
            assert_eq!(error.kind, ErrorKind::Refused);
            assert!(error.cause.contains("may not enter"), "{error}");
        }
    }
}

fn owner(path: &std::path::Path) -> u32 {
    std::os::unix::fs::MetadataExt::uid(&path.metadata().unwrap())
}

/// Everybody may enter.
fn open(path: &std::path::Path) {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(path, mode).unwrap();
}
