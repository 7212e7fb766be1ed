//! Earlier versions, and words in Rust files.

use std::path::{Path, PathBuf};

use portcullis_workspace::git::{Hit, Version};

use crate::support::{Checkout, commit, text};

#[test]
fn an_earlier_version_is_the_newest_that_is_wanted() {
    let checkout = Checkout::new();
    let mut commits = Vec::new();
    for content in ["one", "two", "one", "three"] {
        checkout.write("m/01_a/up.sql", content);
        commits.push(checkout.commit());
        checkout.write("other", content);
        checkout.commit();
    }
    let repository = checkout.repository();
    let find = |start: &str, wanted: &str| {
        let mut seen = 0;
        let found =
            repository.find_earlier(&commit(&repository, start), Path::new("m/01_a"), |tree| {
                seen += 1;
                text(tree, "m/01_a/up.sql") == wanted
            });
        (found.unwrap().map(|commit| commit.id().to_owned()), seen)
    };
    assert_eq!(find("HEAD", "three"), (Some(commits[3].clone()), 1));
    assert_eq!(find("HEAD", "one"), (Some(commits[2].clone()), 2));
    assert_eq!(find(&commits[1], "one"), (Some(commits[0].clone()), 2));
    assert_eq!(find("HEAD", "four"), (None, 4));
}

#[test]
fn words_are_found_in_each_version() {
    let checkout = Checkout::new();
    checkout.write("app/src/a.rs", "x\nlet old_name = table.old_name;\n");
    checkout.write("app/src/b.txt", "old_name");
    checkout.write("app/src/bin.rs", b"old_name\0");
    checkout.write("outside.rs", "old_name");
    checkout.commit();
    checkout.write("app/src/line\nbreak.rs", "  old.name(\n  other_name\n");
    checkout.git(&["add", "--all"]);
    checkout.write("app/.gitignore", "/target\n");
    checkout.write("app/target/c.rs", "old_name");
    checkout.write("app/new.rs", "é old_name");
    checkout.git(&["config", "grep.fullName", "true"]);
    checkout.git(&["config", "submodule.recurse", "true"]);
    let repository = checkout.repository_at("app");
    let hit = |file: &str, line, column, text: &str| Hit {
        file: PathBuf::from(file),
        line,
        column,
        text: text.to_owned(),
    };
    let a = hit("src/a.rs", 2, 5, "let old_name = table.old_name;");
    let b = hit("src/line\nbreak.rs", 2, 3, "  other_name");
    let new = hit("new.rs", 1, 4, "é old_name");
    let head = Version::Commit(commit(&repository, "HEAD"));
    let find = |version| {
        let mut hits = repository.grep(version, &["old_name", "other_name"]).unwrap();
        hits.sort();
        hits
    };
    assert_eq!(find(Some(&head)), std::slice::from_ref(&a));
    assert_eq!(find(Some(&Version::Index)), [a.clone(), b.clone()]);
    assert_eq!(find(None), [new, a, b]);
    assert_eq!(repository.grep(None, &["-e.*", "absent"]).unwrap(), []);
    assert_eq!(repository.grep(None, &[]).unwrap(), []);
}
