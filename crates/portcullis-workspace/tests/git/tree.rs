//! Files as the index and commits keep them.

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use portcullis_model::migration::MigrationSet;
use portcullis_model::tree::{Bytes, EntryKind, Tree as _};
use portcullis_workspace::git::Version;

use crate::support::{Checkout, commit, entries, text};

#[test]
fn a_version_is_read_whatever_the_working_tree_holds() {
    let checkout = Checkout::new();
    checkout.write("m/01_a/up.sql", "committed");
    checkout.commit();
    checkout.write("m/01_a/up.sql", "staged");
    checkout.write("m/02_b/up.sql", "staged");
    checkout.git(&["add", "--all"]);
    checkout.write("m/01_a/up.sql", "edited");
    fs::remove_dir_all(checkout.path().join("m/02_b")).unwrap();
    checkout.write("m/03_c/up.sql", "untracked");
    let repository = checkout.repository();
    let head = commit(&repository, "HEAD");
    assert_eq!(text(&repository.commit(&head), "m/01_a/up.sql"), "committed");
    assert_eq!(text(&repository.index(), "m/01_a/up.sql"), "staged");
    let set = MigrationSet::read(&repository.index(), Path::new("m")).unwrap();
    let names: Vec<_> = set.migrations.iter().map(|one| one.directory.as_str()).collect();
    assert_eq!(names, ["01_a", "02_b"]);
    assert_eq!(
        repository.changed(&head, &Version::Index, &["m".into()]).unwrap(),
        [Path::new("m/01_a/up.sql"), Path::new("m/02_b/up.sql")]
    );
}

#[test]
fn reading_ahead_reads_the_same() {
    let checkout = Checkout::new();
    // More questions than a pipe holds, and files beyond what is read ahead.
    for number in 0..2_000 {
        checkout.write(format!("m/{number:04}/up.sql"), format!("{number}"));
    }
    checkout.write("m/large/up.sql", vec![b'x'; 100_000]);
    checkout.commit();
    let tree = checkout.repository().index();
    tree.read_ahead(Path::new("m")).unwrap();
    for number in [0, 1, 999, 1_999] {
        assert_eq!(text(&tree, format!("m/{number:04}/up.sql")), format!("{number}"));
    }
    assert_eq!(text(&tree, "m/large/up.sql").len(), 100_000);
    assert_eq!(entries(&tree, "m").len(), 2_001);
}

#[test]
fn names_and_kinds_are_those_of_the_disk() {
    let checkout = Checkout::new();
    let odd = OsStr::from_bytes(b"m/\xff\xfe").to_owned();
    for name in ["m/a b", "m/line\nbreak", "m/tab\there", "m/:(glob)*", "m/é"] {
        checkout.write(name, name);
    }
    checkout.write(&odd, "odd");
    checkout.write(":x/up.sql", "no pathspec");
    checkout.write("m/program", "");
    fs::set_permissions(checkout.path().join("m/program"), fs::Permissions::from_mode(0o755))
        .unwrap();
    symlink("a b", checkout.path().join("m/link")).unwrap();
    checkout.write("m/directory/file", "");
    let inner = Checkout::new();
    inner.commit();
    checkout.git(&["submodule", "--quiet", "add", inner.path().to_str().unwrap(), "m/module"]);
    checkout.commit();
    let repository = checkout.repository();
    let head = commit(&repository, "HEAD");
    for tree in [repository.index(), repository.commit(&head)] {
        let found = entries(&tree, "m");
        let kind = |name: &[u8]| {
            let name = Path::new(OsStr::from_bytes(name));
            found.iter().find(|entry| entry.0 == name).map(|entry| entry.1)
        };
        for name in
            [&b"a b"[..], b"line\nbreak", b"tab\there", b":(glob)*", b"\xff\xfe", b"program"]
        {
            assert_eq!(kind(name), Some(EntryKind::File), "{name:?}");
        }
        assert_eq!(kind(b"link"), Some(EntryKind::Symlink));
        assert_eq!(kind(b"directory"), Some(EntryKind::Directory));
        assert_eq!(kind(b"module"), Some(EntryKind::Other));
        assert_eq!(found.len(), 10);
        assert_eq!(text(&tree, &odd), "odd");
        assert_eq!(text(&tree, "m/line\nbreak"), "m/line\nbreak");
        assert_eq!(tree.read(Path::new("m/link"), 9).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    let listed = repository.commit(&head);
    assert_eq!(text(&repository.index(), ":x/up.sql"), "no pathspec");
    assert_eq!(repository.changed(&head, &Version::Index, &[":x".into()]).unwrap().len(), 0);
    assert_eq!(listed.entries(Path::new("gone")).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(listed.entries(Path::new("m/a b")).unwrap_err().kind(), ErrorKind::NotADirectory);
    assert_eq!(listed.read(Path::new("m/gone"), 9).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_file_beyond_the_limit_is_not_held_and_does_not_disturb_the_next() {
    let checkout = Checkout::new();
    checkout.write("m/large", vec![b'x'; 300_000]);
    checkout.write("m/small", "small");
    checkout.commit();
    let tree = checkout.repository().index();
    for _ in 0..2 {
        assert_eq!(tree.read(Path::new("m/large"), 10).unwrap(), Bytes::TooLarge(300_000));
        assert_eq!(text(&tree, "m/small"), "small");
    }
}

#[test]
fn a_file_that_is_only_meant_to_be_added_is_not_staged() {
    let checkout = Checkout::new();
    checkout.write("m/01_a/up.sql", "");
    checkout.write("m/02_b/up.sql", "b");
    checkout.git(&["add", "m/01_a"]);
    checkout.git(&["add", "--intent-to-add", "m/02_b"]);
    let tree = checkout.repository().index();
    assert_eq!(entries(&tree, "m"), [(PathBuf::from("01_a"), EntryKind::Directory)]);
}

#[test]
fn a_merge_that_is_not_finished_names_its_files() {
    let checkout = Checkout::new();
    for (branch, content) in [("main", "1"), ("other", "2"), ("main", "3")] {
        checkout.try_git(&["checkout", "--quiet", "-b", branch]);
        checkout.try_git(&["checkout", "--quiet", branch]);
        checkout.write("m/01_a/up.sql", content);
        checkout.write("n/a", "same");
        checkout.commit();
    }
    assert!(!checkout.try_git(&["merge", "other"]).0);
    let tree = checkout.repository().index();
    let error = tree.list(&["m".into()]).unwrap_err();
    assert!(error.cause.contains("m/01_a/up.sql"), "{error:?}");
    assert!(error.next_step.contains("git add"), "{error:?}");
    assert!(tree.entries(Path::new("m")).unwrap_err().to_string().contains("m/01_a/up.sql"));
    // What isn't part of the conflict can be read.
    assert_eq!(text(&tree, "n/a"), "same");
    checkout.git(&["add", "--all"]);
    let resolved = checkout.repository().index();
    assert_eq!(entries(&resolved, "m").len(), 1);
}

#[test]
fn a_directory_that_this_repository_does_not_hold_is_refused() {
    let inner = Checkout::new();
    inner.write("sqlite/01_a/up.sql", "");
    inner.commit();
    let checkout = Checkout::new();
    checkout.git(&["submodule", "--quiet", "add", inner.path().to_str().unwrap(), "module"]);
    checkout.write("real/01_a/up.sql", "");
    symlink("real", checkout.path().join("link")).unwrap();
    checkout.commit();
    let repository = checkout.repository();
    let head = commit(&repository, "HEAD");
    for (path, cause, next) in [
        ("module", "module is a submodule", "inside the submodule"),
        ("module/sqlite", "module is a submodule", "inside the submodule"),
        ("link", "link is a symbolic link", "portcullis.toml"),
        ("link/01_a", "link is a symbolic link", "portcullis.toml"),
    ] {
        for tree in [repository.index(), repository.commit(&head)] {
            let error = tree.list(&[path.into()]).unwrap_err();
            assert!(error.cause.contains(cause), "{path}: {error:?}");
            assert!(error.next_step.contains(next), "{path}: {error:?}");
        }
    }
    // Inside the submodule it is a repository like others.
    let inside = checkout.repository_at("module");
    assert_eq!(entries(&inside.index(), "sqlite").len(), 1);
}

#[test]
fn files_with_one_id_are_the_same() {
    let checkout = Checkout::new();
    checkout.write("a", "1");
    checkout.write("b", "1");
    checkout.commit();
    checkout.write("b", "2");
    checkout.git(&["add", "--all"]);
    let repository = checkout.repository();
    let id = |tree: &portcullis_workspace::git::GitTree, name: &str| {
        tree.object_id(Path::new(name)).unwrap()
    };
    let (index, head) = (repository.index(), repository.commit(&commit(&repository, "HEAD")));
    assert!(id(&index, "a").is_some());
    assert_eq!(id(&index, "a"), id(&head, "a"));
    assert_ne!(id(&index, "b"), id(&head, "b"));
    assert_eq!(id(&index, "c"), None);
}
