//! Targets that people depend on: more is asked, and nothing is made.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::support::{Workspace, content};

/// A workspace with a protected target, whose database and backups are elsewhere.
struct Guarded {
    workspace: Workspace,
    elsewhere: TempDir,
}

impl Guarded {
    fn new() -> Self {
        let guarded =
            Self { workspace: Workspace::with_family(), elsewhere: tempfile::tempdir().unwrap() };
        guarded.configure("");
        guarded.workspace.accept();
        guarded
    }

    fn place(&self, name: &str) -> PathBuf {
        fs::canonicalize(self.elsewhere.path()).unwrap().join(name)
    }

    fn configure(&self, more: &str) {
        self.workspace.configure(&format!(
            "[targets.dev]\nengine = \"sqlite\"\nprotected = true\npath = {:?}\nbackups = {:?}\n{more}",
            self.place("app.db"),
            self.place("backups"),
        ));
    }

    /// Makes the database as an application that knows nothing of the gate does.
    fn make_database(&self) {
        let conn = rusqlite::Connection::open(self.place("app.db")).unwrap();
        conn.execute_batch("CREATE TABLE app(x); INSERT INTO app VALUES (1), (2)").unwrap();
    }
}

#[test]
fn a_protected_target_is_configured_in_full_or_not_at_all() {
    let workspace = Workspace::with_family();
    let inside = workspace.path().join("var/backups");
    let cases = [
        ("path = \"var/app.db\"\nbackups = \"/srv/backups\"\n".to_owned(), "must be absolute"),
        ("path = \"/srv/app.db\"\n".to_owned(), "outside the checkout"),
        (format!("path = \"/srv/app.db\"\nbackups = {inside:?}\n"), "outside the checkout"),
        ("path = \"/srv/app.db\"\nbackups = \"backups\"\n".to_owned(), "outside the checkout"),
        (
            format!(
                "path = \"/srv/app.db\"\nbackups = \"/srv/..{}/b\"\n",
                workspace.path().display()
            ),
            "outside the checkout",
        ),
    ];
    for (text, said) in cases {
        workspace.configure(&format!(
            "[targets.dev]\nengine = \"sqlite\"\nprotected = true\n\
             identity = \"00000000-0000-0000-0000-000000000001\"\n{text}"
        ));
        let ran = workspace.refuses(&["migrate"], 2);
        assert!(ran.stderr.contains(said), "{text}:\n{}", ran.stderr);
    }
    assert!(!workspace.path().join("var").exists());
}

#[test]
fn a_protected_database_that_is_missing_is_never_made() {
    let guarded = Guarded::new();
    let identity = "identity = \"00000000-0000-0000-0000-000000000001\"\n";
    for more in ["", identity] {
        guarded.configure(more);
        for command in
            [&["migrate"][..], &["migrate", "--enrol"], &["migrate", "--plan"], &["backup"]]
        {
            let ran = guarded.workspace.refuses(command, 1);
            assert!(ran.stderr.contains("there is no such file"), "{}", ran.stderr);
        }
    }
    assert!(!guarded.place("app.db").exists());
    assert!(!guarded.place("backups").exists());
}

#[test]
fn a_protected_database_in_a_directory_that_is_missing_makes_no_directory() {
    let guarded = Guarded::new();
    let text = fs::read_to_string(guarded.workspace.path().join("portcullis.toml")).unwrap();
    guarded.workspace.configure(&text.replace("app.db", "missing/app.db"));
    guarded.workspace.refuses(&["migrate"], 1);
    assert!(!guarded.place("missing").exists());
}

#[test]
fn a_protected_database_is_taken_on_once_and_then_named_in_the_configuration() {
    let guarded = Guarded::new();
    guarded.make_database();
    let before = content(&guarded.place("app.db"));

    let ran = guarded.workspace.refuses(&["migrate"], 1);
    assert!(ran.stderr.contains("it has no identity yet"), "{}", ran.stderr);
    assert_eq!(content(&guarded.place("app.db")), before);

    guarded.workspace.run(&["migrate", "--enrol"]).expect(0);
    // Taken on, but until the configuration names it every run is refused.
    guarded.workspace.migration("02_more", "CREATE TABLE more(x);\n", "DROP TABLE more;\n");
    guarded.workspace.accept();
    let ran = guarded.workspace.refuses(&["migrate"], 1);
    let identity = guarded.workspace.last_receipt()["target"]["identity"].clone();
    let identity = identity.as_str().unwrap();
    assert!(ran.stderr.contains(identity), "{}", ran.stderr);
    assert!(ran.stderr.contains("identity into portcullis.toml"), "{}", ran.stderr);

    guarded.configure(&format!("identity = \"{identity}\"\n"));
    guarded.workspace.migrate();
    assert!(guarded.workspace.backups().iter().all(|backup| backup.starts_with(guarded.place(""))));

    guarded.configure("identity = \"00000000-0000-0000-0000-000000000001\"\n");
    guarded.workspace.refuses(&["migrate", "--enrol"], 1);
}

#[test]
fn a_protected_database_gets_only_what_was_accepted() {
    type Change = fn(&Workspace);
    let edit = "CREATE TABLE more(x, y);\n";
    // What happens to the migrations after they were accepted, what is said.
    let cases: &[(Change, &[&str])] = &[
        (
            |workspace| {
                workspace.migration("03_new", "CREATE TABLE new(x);\n", "DROP TABLE new;\n")
            },
            &["a migration is not what was accepted: 03_new", "cargo xtask accept"],
        ),
        (
            |workspace| {
                workspace.migration("02_more", "CREATE TABLE more(y);\n", "DROP TABLE more;\n")
            },
            &["a migration is not what was accepted: 02_more", "cargo xtask accept"],
        ),
        (
            |workspace| {
                fs::remove_file(workspace.path().join("migrations/sqlite/migrations.sum")).unwrap();
            },
            &["2 migrations are not what was accepted: 01_family, 02_more"],
        ),
        (
            |workspace| {
                workspace.write("migrations/sqlite/migrations.sum", "<<<<<<< ours\n");
            },
            &["[sum-malformed]: git left a conflict", "cargo xtask rebase"],
        ),
    ];
    for (change, said) in cases {
        let guarded = Guarded::new();
        guarded.make_database();
        guarded.workspace.migration("02_more", "CREATE TABLE more(x);\n", "DROP TABLE more;\n");
        guarded.workspace.accept();
        change(&guarded.workspace);
        let before = fs::read(guarded.place("app.db")).unwrap();
        for command in [&["migrate", "--enrol"][..], &["migrate", "--enrol", "--plan"]] {
            let ran = guarded.workspace.refuses(command, 1);
            for said in *said {
                assert!(ran.stderr.contains(said), "no {said:?}:\n{}", ran.stderr);
            }
        }
        assert!(fs::read(guarded.place("app.db")).unwrap() == before);
        // Accepted, it goes through.
        guarded.workspace.migration("02_more", edit, "DROP TABLE more;\n");
        guarded.workspace.accept();
        guarded.workspace.run(&["migrate", "--enrol"]).expect(0);
        let migrations = guarded.workspace.last_receipt()["migrations"].clone();
        assert_eq!(migrations[1]["accepted"], true, "{migrations}");
    }
    let open = Workspace::with_family();
    open.migrate();
    assert_eq!(open.last_receipt()["migrations"][0]["accepted"], false);
}

#[test]
fn enrol_prints_the_identity_that_the_configuration_must_name() {
    let guarded = Guarded::new();
    guarded.make_database();
    let ran = guarded.workspace.run(&["migrate", "--enrol"]).expect(0);
    let identity = guarded.workspace.last_receipt()["target"]["identity"].clone();
    let identity = identity.as_str().unwrap();
    assert!(ran.stdout.contains(identity), "{identity} isn't printed:\n{}", ran.stdout);
}

#[test]
fn a_protected_database_is_not_reached_through_a_link() {
    let guarded = Guarded::new();
    guarded.make_database();
    let real = guarded.place("real");
    fs::create_dir(&real).unwrap();
    fs::rename(guarded.place("app.db"), real.join("app.db")).unwrap();
    std::os::unix::fs::symlink(&real, guarded.place("link")).unwrap();
    let text = fs::read_to_string(guarded.workspace.path().join("portcullis.toml")).unwrap();
    guarded.workspace.configure(&text.replace("app.db", "link/app.db"));
    let ran = guarded.workspace.refuses(&["migrate", "--enrol"], 1);
    assert!(ran.stderr.contains("through a symbolic link"), "{}", ran.stderr);
}
