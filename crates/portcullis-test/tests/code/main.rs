//! Cases as code: this program plays the cases where the variable asks for it, and otherwise
//! runs itself to see what is made of them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy lets tests do both, but not the functions of a harness of its own"
)]

mod cases;
#[cfg(feature = "postgres")]
mod postgres;

use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::LazyLock;
use std::{env, fs};

use libtest_mimic::{Arguments, Trial};

/// Set where the cases are to be played.
const PLAY: &str = "PORTCULLIS_TEST_PLAYS_CASES";

fn main() -> ExitCode {
    if env::var_os(PLAY).is_some() {
        return portcullis_test::code::main(cases::all());
    }
    let tests: Vec<(&str, fn())> = vec![
        ("every_case_is_listed_by_its_name", every_case_is_listed_by_its_name),
        ("what_holds_passes_and_what_does_not_says_why", what_holds_passes),
        ("a_filter_and_an_exact_name_choose", a_filter_and_an_exact_name_choose),
        ("without_a_workspace_each_case_says_so", without_a_workspace_each_case_says_so),
        ("a_migration_before_it_that_fails_is_named", a_migration_before_it_that_fails_is_named),
        #[cfg(feature = "postgres")]
        ("without_a_server_each_case_says_how_to_get_one", postgres::without_a_server),
    ];
    let trials = tests.into_iter().map(|(name, test)| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

/// What a run of the cases printed.
struct Played {
    all_passed: bool,
    said: String,
}

impl Played {
    /// What became of each case, in the order of their names.
    fn outcomes(&self) -> Vec<(&str, &str)> {
        let mut all: Vec<(&str, &str)> = self
            .said
            .lines()
            .filter_map(|line| line.strip_prefix("test ")?.rsplit_once(" ... "))
            .map(|(name, outcome)| (name.trim_end(), outcome.trim()))
            .collect();
        all.sort_unstable();
        all
    }

    /// What is said of a case that failed.
    #[track_caller]
    fn why(&self, name: &str) -> &str {
        let head = format!("---- {name} ----\n");
        let (_, rest) =
            self.said.split_once(&head).unwrap_or_else(|| panic!("{name}: {}", self.said));
        rest.split_once("\n\n").map_or(rest, |(why, _)| why)
    }
}

fn play(directory: &Path, arguments: &[&str]) -> Played {
    play_in(Command::new(env::current_exe().unwrap()).current_dir(directory), arguments)
}

fn play_in(command: &mut Command, arguments: &[&str]) -> Played {
    let output = command.args(arguments).env(PLAY, "1").output().unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
    Played { all_passed: output.status.success(), said }
}

fn write(root: &Path, file: &str, text: &str) {
    let path = root.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A workspace with the migrations of the cases, the same for both engines.
fn workspace() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    write(
        root,
        "portcullis.toml",
        "[migrations]\nsqlite = \"migrations/sqlite\"\npostgres = \"migrations/postgres\"\n\
         [targets.dev]\nengine = \"sqlite\"\npath = \"var/dev.db\"\n",
    );
    for engine in ["sqlite", "postgres"] {
        let step = |name: &str, up: &str, down: &str| {
            write(root, &format!("migrations/{engine}/{name}/up.sql"), up);
            write(root, &format!("migrations/{engine}/{name}/down.sql"), down);
        };
        step("01_item", "CREATE TABLE item (name text NOT NULL);\n", "DROP TABLE item;\n");
        step(
            "02_length",
            "ALTER TABLE item ADD COLUMN letters integer;\nUPDATE item SET letters = length(name);\n",
            "ALTER TABLE item DROP COLUMN letters;\n",
        );
        let index = ("CREATE UNIQUE INDEX item_name ON item (name);\n", "DROP INDEX item_name;\n");
        step("03_unique", index.0, index.1);
        step("04_vacuum", "VACUUM;\n", "SELECT 1;\n");
        write(
            root,
            &format!("migrations/{engine}/04_vacuum/metadata.toml"),
            "run_in_transaction = false\n",
        );
        step(
            "05_last",
            "ALTER TABLE item ADD COLUMN last text;\n",
            "ALTER TABLE item DROP COLUMN last;\n",
        );
    }
    directory
}

/// What each case comes to: nothing where it passes.
fn expected() -> Vec<(String, Option<&'static str>)> {
    let mut all = Vec::new();
    for engine in cases::ENGINES {
        for (case, why) in cases::EACH {
            all.push((format!("{case}::{engine}"), *why));
        }
    }
    for (case, why) in cases::ODD {
        all.push(((*case).to_owned(), *why));
    }
    all.sort();
    all
}

static ALL: LazyLock<Played> = LazyLock::new(|| play(workspace().path(), &[]));

fn every_case_is_listed_by_its_name() {
    let nowhere = tempfile::tempdir().unwrap();
    let listed = play(nowhere.path(), &["--list", "--format", "terse"]);
    assert!(listed.all_passed, "{}", listed.said);
    let mut names: Vec<&str> =
        listed.said.lines().map(|line| line.strip_suffix(": test").unwrap()).collect();
    names.sort_unstable();
    let expected = expected();
    assert_eq!(names, expected.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>());
}

fn what_holds_passes() {
    let expected = expected();
    let mut outcomes: Vec<(&str, &str)> = expected
        .iter()
        .map(|(name, why)| (name.as_str(), if why.is_some() { "FAILED" } else { "ok" }))
        .collect();
    outcomes.sort_unstable();
    assert_eq!(ALL.outcomes(), outcomes, "{}", ALL.said);
    assert!(!ALL.all_passed);
    for (name, why) in &expected {
        if let Some(why) = why {
            assert!(ALL.why(name).contains(why), "{name}: {why:?}: {}", ALL.why(name));
        }
    }
}

fn a_filter_and_an_exact_name_choose() {
    let workspace = workspace();
    let played = play(workspace.path(), &["keeps_letters::sqlite"]);
    assert_eq!(played.outcomes(), [("02_length::keeps_letters::sqlite", "ok")]);
    assert!(played.all_passed);
    let name = "02_length::asserts::sqlite";
    let played = play(workspace.path(), &["--exact", name, "--nocapture"]);
    assert_eq!(played.outcomes(), [(name, "FAILED")]);
    assert!(!played.all_passed);
}

fn without_a_workspace_each_case_says_so() {
    let nowhere = tempfile::tempdir().unwrap();
    let name = "02_length::keeps_letters::sqlite";
    let played = play(nowhere.path(), &["--exact", name]);
    assert!(played.why(name).contains("there is no portcullis.toml"), "{}", played.said);
    // One without this engine.
    let text = "[migrations]\npostgres = \"m\"\n[targets.dev]\nengine = \"postgres\"\n";
    let url = "url = \"postgres://a@localhost/b\"\nca = \"ca.pem\"\n";
    let pins = format!("pins = [\"certificate-sha256/{}\"]\n", "a".repeat(64));
    write(nowhere.path(), "portcullis.toml", &format!("{text}{url}{pins}"));
    let played = play(nowhere.path(), &["--exact", name]);
    assert!(played.why(name).contains("there are no migrations for sqlite"), "{}", played.said);
}

fn a_migration_before_it_that_fails_is_named() {
    let workspace = workspace();
    write(workspace.path(), "migrations/sqlite/01_item/up.sql", "CREATE TABEL item;\n");
    let name = "02_length::keeps_letters::sqlite";
    let played = play(workspace.path(), &["--exact", name]);
    let why = played.why(name);
    assert!(why.contains("a migration before it can't be applied: 01_item"), "{why}");
    assert!(why.contains("TABEL"), "{why}");
}
