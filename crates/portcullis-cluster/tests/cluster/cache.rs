//! `initdb` once, however many start at once.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use portcullis_cluster::{Cache, Cluster, ErrorKind, Options};

use crate::support::{options, private_directory, psql};

const IDENTIFIER: &str = "SELECT system_identifier FROM pg_control_system()";

#[test]
fn several_that_start_at_once_share_one_template() {
    let cache = private_directory();
    let options = Options { cache: Cache::At(cache.path().to_owned()), ..options() };
    let clusters: Vec<Cluster> = std::thread::scope(|scope| {
        let started: Vec<_> =
            (0..3).map(|_| scope.spawn(|| Cluster::start(&options).unwrap())).collect();
        started.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let identifiers: Vec<String> =
        clusters.iter().map(|cluster| psql(cluster, IDENTIFIER).unwrap()).collect();
    assert!(identifiers.iter().all(|one| *one == identifiers[0]), "{identifiers:?}");
    let ports: std::collections::BTreeSet<u16> = clusters.iter().map(Cluster::port).collect();
    assert_eq!(ports.len(), 3);

    let templates = std::fs::read_dir(cache.path()).unwrap().map(|entry| entry.unwrap().path());
    let templates: Vec<_> = templates.filter(|path| path.is_dir()).collect();
    assert_eq!(templates.len(), 1, "{templates:?}");
    let password = templates[0].join("password").metadata().unwrap();
    assert_eq!(password.permissions().mode() & 0o777, 0o600);
}

#[test]
fn without_a_cache_a_cluster_has_an_identifier_and_a_password_of_its_own() {
    let alone = Options { cache: Cache::Off, ..options() };
    let (one, other) = (Cluster::start(&options()).unwrap(), Cluster::start(&alone).unwrap());
    assert_ne!(psql(&one, IDENTIFIER).unwrap(), psql(&other, IDENTIFIER).unwrap());
    assert_ne!(one.password(), other.password());
}

#[test]
fn a_torn_template_is_made_again() {
    let cache = private_directory();
    let options = Options { cache: Cache::At(cache.path().to_owned()), ..options() };
    drop(Cluster::start(&options).unwrap());
    let mut entries = std::fs::read_dir(cache.path()).unwrap().map(|entry| entry.unwrap().path());
    let template = entries.find(|path| path.is_dir()).unwrap();
    std::fs::write(template.join("data/global/pg_control"), "").unwrap();
    for _ in 0..2 {
        let cluster = Cluster::start(&options).unwrap();
        assert_eq!(psql(&cluster, "SELECT 1").unwrap(), "1");
    }
}

#[test]
fn a_cache_that_others_may_enter_is_refused() {
    let cache = private_directory();
    std::fs::set_permissions(cache.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let options = Options { cache: Cache::At(cache.path().to_owned()), ..options() };
    let error = Cluster::start(&options).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(error.next_step.contains("chmod 700"));
}

#[test]
fn a_cache_of_another_user_isnt_trusted_by_root() {
    let cache = private_directory();
    if cache.path().metadata().unwrap().uid() != 0 {
        return;
    }
    std::os::unix::fs::chown(cache.path(), Some(65534), None).unwrap();
    let options = Options { cache: Cache::At(cache.path().to_owned()), ..options() };
    let error = Cluster::start(&options).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert_eq!(error.cause, "it is another user's");
}
