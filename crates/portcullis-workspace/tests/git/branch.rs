//! The default branch, and where another one left it.

use portcullis_workspace::git::Repository;

use crate::support::{Checkout, commit};

fn name(repository: &Repository, configured: Option<&str>) -> Option<String> {
    repository.default_branch(configured).unwrap().map(|branch| branch.name)
}

#[test]
fn the_default_branch_is_the_configured_one_the_remotes_or_a_usual_name() {
    let checkout = Checkout::new();
    checkout.commit();
    let repository = checkout.repository();
    checkout.git(&["branch", "--move", "main", "trunk"]);
    assert_eq!(name(&repository, None), None);
    assert_eq!(name(&repository, Some("trunk")).as_deref(), Some("trunk"));
    // From here on, each is preferred to those before.
    let remote =
        |name: &str| checkout.git(&["update-ref", &format!("refs/remotes/{name}"), "HEAD"]);
    for (make, expected) in [
        ("master", "master"),
        ("main", "main"),
        ("remote origin/master", "origin/master"),
        ("remote origin/main", "origin/main"),
    ] {
        match make.strip_prefix("remote ") {
            Some(make) => remote(make),
            None => checkout.git(&["branch", make]),
        };
        assert_eq!(name(&repository, None).as_deref(), Some(expected));
    }
    remote("origin/develop");
    checkout.git(&["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/develop"]);
    assert_eq!(name(&repository, None).as_deref(), Some("origin/develop"));
    for (configured, expected) in [
        ("trunk", "trunk"),
        ("main", "origin/main"),
        ("origin/main", "origin/main"),
        ("develop", "origin/develop"),
    ] {
        assert_eq!(name(&repository, Some(configured)).as_deref(), Some(expected));
    }
    // A remote's default that is gone doesn't count.
    checkout.git(&["update-ref", "-d", "refs/remotes/origin/develop"]);
    assert_eq!(name(&repository, None).as_deref(), Some("origin/main"));
}

#[test]
fn a_configured_branch_that_is_not_there_is_an_error() {
    let checkout = Checkout::new();
    checkout.commit();
    let error = checkout.repository().default_branch(Some("gone")).unwrap_err();
    assert!(error.cause.contains("no branch gone"), "{error:?}");
    assert!(error.next_step.contains("git fetch origin gone"), "{error:?}");
    // A revision is no branch.
    assert!(checkout.repository().default_branch(Some("HEAD")).is_err());
}

#[test]
fn a_merge_base_is_where_two_branches_parted() {
    let checkout = Checkout::new();
    let first = checkout.commit();
    checkout.git(&["checkout", "--quiet", "-b", "feature"]);
    checkout.commit();
    checkout.git(&["checkout", "--quiet", "main"]);
    checkout.write("a", "");
    checkout.commit();
    checkout.git(&["checkout", "--quiet", "--orphan", "unrelated"]);
    checkout.write("b", "");
    checkout.commit();
    let repository = checkout.repository();
    let main = repository.default_branch(Some("main")).unwrap().unwrap();
    let base = |revision| repository.merge_base(&commit(&repository, revision), &main).unwrap();
    assert_eq!(base("feature").unwrap().id(), first);
    assert_eq!(base("main"), Some(main.commit.clone()));
    assert_eq!(base("unrelated"), None);
}

#[test]
fn a_shallow_clone_says_that_the_base_is_cut_off() {
    let origin = Checkout::new();
    origin.commit();
    origin.git(&["checkout", "--quiet", "-b", "feature"]);
    origin.write("a", "");
    origin.commit();
    origin.git(&["checkout", "--quiet", "main"]);
    origin.write("b", "");
    origin.commit();
    let url = format!("file://{}", origin.path().display());
    let arguments = ["clone", "--quiet", "--depth=1", "--no-single-branch", "--branch=feature"];
    let clone = Checkout::with(&[&arguments[..], &[&url, "."]].concat());
    let repository = clone.repository();
    assert!(repository.is_shallow());
    let main = repository.default_branch(None).unwrap().unwrap();
    let error = repository.merge_base(&commit(&repository, "HEAD"), &main).unwrap_err();
    assert!(error.cause.contains("shallow") && error.cause.contains("origin/main"), "{error:?}");
    assert!(error.next_step.contains("git fetch --unshallow"), "{error:?}");
    assert!(error.next_step.contains("fetch-depth: 0"), "{error:?}");
    clone.git(&["fetch", "--quiet", "--unshallow"]);
    let repository = clone.repository();
    assert!(!repository.is_shallow());
    assert!(repository.merge_base(&commit(&repository, "HEAD"), &main).unwrap().is_some());
}
