//! A rebase that died half-way is finished by the next.

use std::fs;

use super::{accept, commit, conflicts, diverged, is_settled, listed, rebase, table};
use crate::support::Workspace;

const ENGINES: &str = "[migrations]\nsqlite = \"migrations/sqlite\"\npostgres = \"migrations/postgres\"\n\
    [targets.dev]\nengine = \"sqlite\"\npath = \"var/dev.db\"\n";

fn rename(workspace: &Workspace, place: &str, old: &str, new: &str) {
    let place = workspace.path().join(place);
    fs::rename(place.join(old), place.join(new)).unwrap();
}

/// Two of one's own in conflict with theirs: their fresh names are 04_mine and 05_also.
fn two() -> Workspace {
    let workspace = diverged();
    table(&workspace, "02-5_also");
    workspace.write("tests/migrations/02-5_also/keeps_rows.slt", "# mine\n");
    accept(&workspace, &[]);
    commit(&workspace);
    conflicts(&workspace, &["merge", "main"]);
    workspace
}

const MOVES: [(&str, &str, &str); 4] = [
    ("migrations/sqlite", "02-5_also", "05_also"),
    ("tests/migrations", "02-5_also", "05_also"),
    ("migrations/sqlite", "02_mine", "04_mine"),
    ("tests/migrations", "02_mine", "04_mine"),
];

#[test]
fn whatever_was_renamed_already_all_of_it_is_settled() {
    // Any of them may have been done, in any order.
    for done in 0..1_u8 << MOVES.len() {
        let workspace = two();
        for (index, (place, old, new)) in MOVES.iter().enumerate() {
            if done & 1 << index != 0 {
                rename(&workspace, place, old, new);
            }
        }
        rebase(&workspace);
        let there = super::directories(&workspace, super::DIRECTORY);
        let names: Vec<&str> = there.iter().map(String::as_str).collect();
        assert_eq!(names.len(), 4, "{done:b}: {names:?}");
        // Fresh versions may have become fresher, but mine is still the first.
        assert!(names[2].ends_with("_mine") && names[3].ends_with("_also"), "{done:b}: {names:?}");
        is_settled(&workspace, &format!("{done:b}"), &names);
    }
}

#[test]
fn one_engine_was_renamed_and_the_other_was_not() {
    for (place, other) in [("sqlite", "postgres"), ("postgres", "sqlite")] {
        let workspace = diverged();
        workspace.configure(ENGINES);
        for engine in ["postgres", "sqlite"] {
            let down = format!("migrations/{engine}/02_mine/down.sql");
            workspace
                .write(&format!("migrations/{engine}/02_mine/up.sql"), "CREATE TABLE m(x INT);\n");
            workspace.write(&down, "DROP TABLE m;\n");
        }
        accept(&workspace, &[]);
        commit(&workspace);
        conflicts(&workspace, &["merge", "main"]);
        rename(&workspace, &format!("migrations/{place}"), "02_mine", "04_mine");
        rebase(&workspace);
        let other = super::directories(&workspace, &format!("migrations/{other}"));
        assert_eq!(other.last().unwrap(), "04_mine");
        is_settled(&workspace, place, &["01_family", "03_theirs", "04_mine"]);
        let sum = fs::read_to_string(workspace.path().join("migrations/postgres/migrations.sum"));
        assert!(sum.unwrap().contains("\n04_mine sha256:"));
    }
}

/// A case that somebody left behind belongs to nobody.
#[test]
fn an_old_case_is_left_where_it_is() {
    let workspace = diverged();
    workspace.write("tests/migrations/00_gone/keeps_rows.slt", "# gone\n");
    workspace.write("tests/migrations/00_mine/keeps_rows.slt", "# an older one\n");
    rebase(&workspace);
    let cases = super::directories(&workspace, "tests/migrations");
    assert_eq!(cases, ["00_gone", "00_mine", "04_mine"]);
    assert_eq!(listed(&workspace), "01_family 04_mine");
}
