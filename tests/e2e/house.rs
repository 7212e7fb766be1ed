//! The house: which crate may know which.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// What each crate may depend on, of this workspace. What isn't listed isn't allowed.
const LAW: &[(&str, &[&str])] = &[
    ("portcullis-model", &[]),
    ("portcullis-cluster", &[]),
    ("portcullis-lint", &["portcullis-model"]),
    ("portcullis-database", &["portcullis-model", "portcullis-cluster"]),
    ("portcullis-receipt", &["portcullis-model"]),
    ("portcullis-workspace", &["portcullis-model", "portcullis-lint"]),
    (
        "portcullis-flow",
        &[
            "portcullis-model",
            "portcullis-lint",
            "portcullis-database",
            "portcullis-receipt",
            "portcullis-workspace",
        ],
    ),
    ("portcullis-test", &["portcullis-model", "portcullis-database"]),
    (
        "portcullis",
        &[
            "portcullis-test",
            "portcullis-model",
            "portcullis-lint",
            "portcullis-database",
            "portcullis-receipt",
            "portcullis-workspace",
            "portcullis-flow",
            "portcullis-cluster",
        ],
    ),
    ("schema", &[]),
    ("xtask", &["portcullis", "portcullis-cluster"]),
    ("portcullis-tests", &["portcullis"]),
];

/// Crates that only the database crate (and the example's schema) may name.
const ENGINES: &[&str] = &[
    "diesel",
    "diesel-async",
    "diesel_migrations",
    "libsqlite3-sys",
    "native-tls",
    "rusqlite",
    "sqllogictest",
    "tokio-postgres",
];

fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = MetadataCommand::new().no_deps().exec().unwrap();
    metadata
        .workspace_packages()
        .into_iter()
        .map(|package| {
            let normal =
                package.dependencies.iter().filter(|one| one.kind != DependencyKind::Development);
            (package.name.to_string(), normal.map(|one| one.name.clone()).collect())
        })
        .collect()
}

#[test]
fn the_dependency_law_holds() {
    let found = dependencies();
    let members: BTreeSet<&str> = LAW.iter().map(|(name, _)| *name).collect();
    let packages: BTreeSet<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(
        packages, members,
        "a crate is missing in the law, or the law names one that is gone"
    );
    for (name, allowed) in LAW {
        for dependency in
            found[*name].iter().filter(|dependency| members.contains(dependency.as_str()))
        {
            assert!(
                allowed.contains(&dependency.as_str()),
                "{name} may not depend on {dependency}"
            );
        }
    }
}

/// A plain `cargo build` makes the gate for SQLite, without OpenSSL and without servers.
#[test]
fn a_server_comes_only_with_its_feature() {
    let metadata = MetadataCommand::new().no_deps().exec().unwrap();
    let mut known = 0;
    for package in metadata.workspace_packages() {
        let normal =
            package.dependencies.iter().filter(|one| one.kind != DependencyKind::Development);
        for one in normal.filter(|one| one.name == "portcullis-cluster") {
            known += 1;
            let finds_only = !one.uses_default_features && one.features.is_empty();
            assert!(one.optional || finds_only, "{} always brings a server", package.name);
            assert_eq!(finds_only, package.name.as_str() == "xtask", "{}", package.name);
        }
    }
    assert_eq!(known, 3, "the database, the command line and the chores know clusters");
}

#[test]
fn only_the_database_crate_names_engines() {
    for (name, dependencies) in dependencies() {
        if name == "portcullis-database" || name == "schema" {
            continue;
        }
        for engine in ENGINES {
            assert!(!dependencies.contains(*engine), "{name} names {engine}");
        }
    }
}

#[test]
fn every_crate_obeys_the_workspaces_lints_and_has_a_readme() {
    let metadata = MetadataCommand::new().no_deps().exec().unwrap();
    for package in metadata.workspace_packages() {
        let manifest = std::fs::read_to_string(&package.manifest_path).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true"), "{} has no [lints]", package.name);
        let directory = package.manifest_path.parent().unwrap();
        if directory.as_str().contains("/crates/") {
            let source = std::fs::read_to_string(directory.join("src/lib.rs")).unwrap();
            assert!(
                source.contains("#![doc = include_str!(\"../README.md\")]"),
                "{}",
                package.name
            );
        }
    }
}
