//! Whether there is a repository, where, and in which state.

use std::fs;
use std::path::Path;

use portcullis_workspace::git::{Repository, Search, Underway, Version};

use crate::support::{Checkout, commit, entries, text};

#[test]
fn a_place_without_a_work_tree_is_said_to_be_one() {
    let empty = tempfile::tempdir().unwrap();
    let bare = Checkout::with(&["init", "--quiet", "--bare"]);
    let checkout = Checkout::new();
    for place in [empty.path(), bare.path(), &checkout.path().join(".git")] {
        let found = Repository::find(place).unwrap();
        assert!(matches!(found, Search::NoRepository(_)), "{place:?}: {found:?}");
        let error = found.require("lint").unwrap_err();
        assert!(error.next_step.contains("git init"), "{error:?}");
    }
    assert!(Repository::find(&empty.path().join("gone")).is_err());
}

#[test]
fn a_head_is_none_until_there_is_a_commit_and_may_be_detached() {
    let checkout = Checkout::new();
    let repository = checkout.repository();
    assert_eq!(repository.head().unwrap(), None);
    assert_eq!(repository.underway(), None);
    let first = checkout.commit();
    let second = checkout.commit();
    assert_eq!(repository.head().unwrap().unwrap().id(), second);
    checkout.git(&["checkout", "--quiet", "--detach", &first]);
    assert_eq!(repository.head().unwrap().unwrap().id(), first);
}

#[test]
fn revisions_are_whatever_git_takes_for_one() {
    let checkout = Checkout::new();
    checkout.write("a", "a");
    let first = checkout.commit();
    let second = checkout.commit();
    checkout.git(&["tag", "--annotate", "--message=.", "v1", &first]);
    let repository = checkout.repository();
    for (revision, expected) in [
        ("HEAD", Some(&second)),
        ("HEAD^", Some(&first)),
        ("main~1", Some(&first)),
        ("v1", Some(&first)),
        (&first[..8], Some(&first)),
        ("HEAD@{0 seconds ago}", Some(&second)),
        ("gone", None),
        ("HEAD:a", None),
        ("HEAD\nHEAD", None),
        ("-h", None),
        ("a b 7", None),
        ("", None),
    ] {
        let found = repository.resolve(revision).unwrap();
        assert_eq!(
            found.as_ref().map(|commit| commit.id()),
            expected.map(String::as_str),
            "{revision:?}"
        );
    }
}

#[test]
fn a_workspace_may_be_below_the_top() {
    let checkout = Checkout::new();
    checkout.write("app/migrations/01_a/up.sql", "below");
    checkout.write("migrations/01_a/up.sql", "above");
    checkout.commit();
    checkout.write("app/migrations/02_b/up.sql", "new");
    checkout.write("migrations/02_b/up.sql", "new");
    checkout.git(&["add", "--all"]);
    let repository = checkout.repository_at("app");
    assert_eq!(repository.prefix(), Path::new("app"));
    assert_eq!(repository.toplevel(), checkout.path().canonicalize().unwrap());
    let head = commit(&repository, "HEAD");
    for tree in [repository.index(), repository.commit(&head)] {
        assert_eq!(text(&tree, "migrations/01_a/up.sql"), "below");
        assert_eq!(text(&tree, "../migrations/01_a/up.sql"), "above");
        assert_eq!(text(&tree, "./x/../migrations/01_a/up.sql"), "below");
    }
    assert_eq!(entries(&repository.index(), "migrations").len(), 2);
    let both = ["migrations".into(), "../migrations".into()];
    assert_eq!(
        repository.changed(&head, &Version::Index, &both).unwrap(),
        [Path::new("migrations/02_b/up.sql"), Path::new("../migrations/02_b/up.sql")]
    );
}

#[test]
fn a_linked_worktree_has_an_index_and_a_head_of_its_own() {
    let checkout = Checkout::new();
    checkout.write("m/a", "main");
    let first = checkout.commit();
    let beside = tempfile::tempdir().unwrap();
    let linked = Checkout { directory: beside };
    checkout.git(&["worktree", "add", "--quiet", linked.path().join("w").to_str().unwrap()]);
    fs::write(linked.path().join("w/m/a"), "linked").unwrap();
    checkout.git(&["-C", linked.path().join("w").to_str().unwrap(), "add", "--all"]);
    let repository = linked.repository_at("w");
    assert_eq!(repository.head().unwrap().unwrap().id(), first);
    assert_eq!(text(&repository.index(), "m/a"), "linked");
    assert_eq!(text(&checkout.repository().index(), "m/a"), "main");
    assert!(repository.directory().ends_with(".git/worktrees/w"), "{repository:?}");
}

#[test]
fn what_is_underway_is_seen() {
    let cases: &[(&[&str], Underway)] = &[
        (&["merge", "other"], Underway::Merge),
        (&["rebase", "other"], Underway::Rebase),
        (&["cherry-pick", "other"], Underway::CherryPick),
        (&["revert", "--no-edit", "main~1"], Underway::Revert),
    ];
    for (arguments, expected) in cases {
        let checkout = Checkout::new();
        for (branch, content) in [("main", "1"), ("other", "2"), ("main", "3"), ("main", "4")] {
            checkout.try_git(&["checkout", "--quiet", "-b", branch]);
            checkout.try_git(&["checkout", "--quiet", branch]);
            checkout.write("a", content);
            checkout.commit();
        }
        let (succeeded, printed) = checkout.try_git(arguments);
        assert!(!succeeded, "{arguments:?}: {printed}");
        assert_eq!(checkout.repository().underway(), Some(*expected), "{printed}");
    }
}

#[test]
fn a_repository_may_be_in_a_directory_of_any_name_and_hash_with_sha256() {
    let outer = Checkout { directory: tempfile::tempdir().unwrap() };
    let name = " line\nbreak ' \"";
    outer.git(&["init", "--quiet", "--object-format=sha256", name]);
    let checkout = |arguments: &[&str]| {
        outer.git(&[&["-C", name], arguments].concat());
    };
    outer.write(Path::new(name).join("m/a"), "text");
    checkout(&["add", "--all"]);
    checkout(&["commit", "--quiet", "--message=."]);
    let repository = outer.repository_at(name);
    let head = repository.head().unwrap().unwrap();
    assert_eq!(head.id().len(), 64);
    for tree in [repository.index(), repository.commit(&head)] {
        assert_eq!(text(&tree, "m/a"), "text");
    }
    assert_eq!(repository.changed(&head, &Version::Index, &["m".into()]).unwrap().len(), 0);
}
