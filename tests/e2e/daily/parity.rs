//! Two engines: what one has, the other has too.

use std::fs;

use crate::git::{git, start};
use crate::support::{Ran, Workspace};

const BOTH: &str = "[migrations]\nsqlite = \"migrations/sqlite\"\npostgres = \"migrations/postgres\"\n\
                    [targets.dev]\nengine = \"sqlite\"\npath = \"var/dev.db\"\n";

/// Both engines have `01_a`, accepted, and git has it.
fn workspace() -> Workspace {
    let workspace = Workspace::new();
    workspace.configure(BOTH);
    for engine in ["sqlite", "postgres"] {
        migration(&workspace, engine, "01_a", "");
    }
    workspace.run(&["accept", "--untested"]).expect(0);
    start(&workspace);
    workspace
}

/// A migration that makes a table of its own name.
fn migration(workspace: &Workspace, engine: &str, directory: &str, comment: &str) {
    let table = directory.replace(|letter: char| !letter.is_ascii_alphabetic(), "");
    let path = format!("migrations/{engine}/{directory}");
    let up = format!("{comment}CREATE TABLE {table}(id INTEGER PRIMARY KEY);\n");
    workspace.write(&format!("{path}/up.sql"), up);
    workspace.write(&format!("{path}/down.sql"), format!("DROP TABLE {table};\n"));
}

#[track_caller]
fn is_missing(ran: &Ran, directory: &str) {
    for words in ["error[parity-missing]", directory, "no such migration"] {
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn what_only_one_engine_has_stops_wherever_it_is_looked_at() {
    let workspace = workspace();
    migration(&workspace, "sqlite", "02_b", "");
    is_missing(&workspace.run(&["lint"]).expect(1), "migrations/sqlite/02_b");
    is_missing(&workspace.refuses(&["migrate"], 1), "migrations/sqlite/02_b");
    assert!(!workspace.database().exists());
    is_missing(&workspace.run(&["accept", "--untested"]).expect(1), "migrations/sqlite/02_b");

    // The twin is on the disk, and isn't staged.
    migration(&workspace, "postgres", "02_b", "");
    workspace.run(&["lint"]).expect(0);
    workspace.migrate();
    git(&workspace, &["add", "migrations/sqlite"]);
    is_missing(&workspace.run(&["lint", "--staged"]).expect(1), "migrations/sqlite/02_b");
    git(&workspace, &["checkout", "--quiet", "-b", "topic"]);
    git(&workspace, &["commit", "--quiet", "--message", "half"]);
    is_missing(&workspace.run(&["lint", "--since"]).expect(1), "migrations/sqlite/02_b");

    git(&workspace, &["add", "."]);
    workspace.run(&["lint", "--staged"]).expect(0);
    workspace.run(&["accept", "--untested"]).expect(0);
}

#[test]
fn a_reason_in_the_one_that_is_there_is_enough_and_is_recorded() {
    let workspace = workspace();
    let reason = "-- portcullis: allow(parity-missing): only servers have roles\n";
    migration(&workspace, "postgres", "02_roles", reason);
    workspace.run(&["lint"]).expect(0);
    workspace.run(&["accept", "--untested"]).expect(0);
    let sum = workspace.path().join("migrations/postgres/migrations.sum");
    let sum = fs::read_to_string(sum).unwrap();
    assert!(sum.contains("allow(parity-missing):\"only servers have roles\""), "{sum}");
    workspace.run(&["lint"]).expect(0);

    // It may be allowed on the way to a database too.
    let reason = "-- portcullis: allow(parity-missing): servers keep statistics themselves\n";
    migration(&workspace, "sqlite", "03_statistics", reason);
    let ran = workspace.migrate();
    assert!(ran.stdout.contains("no findings"), "{}", ran.stdout);
    assert_eq!(workspace.applied(), ["01", "03"]);

    // Once the twin is there, the reason is none.
    migration(&workspace, "postgres", "03_statistics", "");
    let ran = workspace.run(&["lint"]).expect(0);
    assert!(ran.stdout.contains("allow-unused"), "{}", ran.stdout);
}

#[test]
fn one_name_under_two_versions_is_said_to_be() {
    let workspace = workspace();
    migration(&workspace, "sqlite", "02_b", "");
    migration(&workspace, "postgres", "03_b", "");
    let ran = workspace.run(&["lint"]).expect(1);
    for words in ["has it as `02_b`", "has it as `03_b`", "give both directories one name"] {
        assert!(ran.stdout.contains(words), "{words}: {}", ran.stdout);
    }
}

#[test]
fn a_second_engine_begins_at_its_own_first_migration() {
    let workspace = Workspace::with_family();
    migration(&workspace, "sqlite", "02_more", "");
    workspace.run(&["accept", "--untested"]).expect(0);
    workspace.configure(BOTH);
    migration(&workspace, "postgres", "03_begin", "");
    workspace.run(&["lint"]).expect(0);
    workspace.run(&["accept", "--untested"]).expect(0);
    workspace.run(&["new", "both", "--sql", "CREATE TABLE both(x INTEGER)"]).expect(0);
    workspace.run(&["lint"]).expect(0);
    workspace.migrate();
}
