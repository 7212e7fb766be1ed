use std::fs;

use portcullis_model::exit::Exit;

use super::*;

fn both() -> Vec<Migrations> {
    vec![
        Migrations { dialect: Dialect::Sqlite, path: "migrations/sqlite".into() },
        Migrations { dialect: Dialect::Postgres, path: "migrations/postgres".into() },
    ]
}

fn make(root: &Path, name: &str, sql: Option<&str>) -> Result<Created, Error> {
    let now = humantime::parse_rfc3339("2026-11-22T19:05:59Z").unwrap();
    create(&Request { root, migrations: &both(), name, sql, now })
}

fn file(root: &Path, path: &str) -> String {
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn a_draft_is_made_for_each_engine_with_one_case() {
    let root = tempfile::tempdir().unwrap();
    let created = make(root.path(), "add nickname", None).unwrap();
    let name = "2026-11-22-190559_add_nickname";
    assert_eq!(created.directory, name);
    for engine in ["sqlite", "postgres"] {
        for sql in ["up.sql", "down.sql"] {
            assert_eq!(file(root.path(), &format!("migrations/{engine}/{name}/{sql}")), "");
        }
    }
    assert_eq!((created.files.len(), created.to_write.len()), (5, 4));
    let case = file(root.path(), &format!("tests/migrations/{name}/keeps_rows.slt"));
    assert!(case.contains("\nsubtest before\n") && case.contains("\nsubtest after\n"), "{case}");
    let left: Vec<_> = fs::read_dir(root.path().join("migrations/sqlite")).unwrap().collect();
    assert_eq!(left.len(), 1, "something was left beside it: {left:?}");
}

#[test]
fn sql_gets_its_inverse_and_what_needs_it_a_metadata_file() {
    let root = tempfile::tempdir().unwrap();
    let name = |created: Created| created.directory;
    let plain = make(root.path(), "a", Some("ALTER TABLE a ADD COLUMN b INT")).map(name).unwrap();
    let at = |engine: &str, directory: &str, name: &str| {
        file(root.path(), &format!("migrations/{engine}/{directory}/{name}"))
    };
    assert_eq!(at("sqlite", &plain, "up.sql"), "ALTER TABLE a ADD COLUMN b INT;\n");
    assert_eq!(at("postgres", &plain, "down.sql"), "ALTER TABLE a DROP COLUMN b;\n");
    let metadata = |engine: &str, directory: &str| {
        root.path().join(format!("migrations/{engine}/{directory}/metadata.toml")).exists()
    };
    assert!(!metadata("sqlite", &plain) && !metadata("postgres", &plain));

    let index = make(root.path(), "b", Some("CREATE INDEX CONCURRENTLY i ON a(b); ")).unwrap();
    let index = name(index);
    assert!(!metadata("sqlite", &index) && metadata("postgres", &index));
    assert_eq!(at("postgres", &index, "metadata.toml"), "run_in_transaction = false\n");
    let vacuum = make(root.path(), "c", Some("VACUUM -- now")).unwrap();
    assert_eq!(vacuum.to_write.len(), 2, "{vacuum:?}");
    assert!(metadata("sqlite", &name(vacuum)));
}

#[test]
fn each_sorts_after_the_one_before() {
    let root = tempfile::tempdir().unwrap();
    let names: Vec<String> =
        ["z", "a", "m"].map(|name| make(root.path(), name, None).unwrap().directory).to_vec();
    assert!(names.is_sorted(), "{names:?}");
    fs::create_dir_all(root.path().join("migrations/sqlite/users")).unwrap();
    fs::write(root.path().join("migrations/sqlite/users/up.sql"), "").unwrap();
    let error = make(root.path(), "late", None).unwrap_err();
    assert_eq!(error.exit, Exit::Refused);
}

#[test]
fn a_name_that_is_none_makes_nothing() {
    let root = tempfile::tempdir().unwrap();
    for name in ["", " ", "1st", "../x", "a/b", "é", "a\nb", "_x", &"x".repeat(101)] {
        let error = make(root.path(), name, None).unwrap_err();
        assert_eq!(error.exit, Exit::Usage, "{name:?}");
        assert!(!error.place.contains('\n'));
    }
    assert!(fs::read_dir(root.path()).unwrap().next().is_none());
}

#[test]
fn a_second_draft_of_one_name_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let first = make(root.path(), "add_nickname", None).unwrap();
    let error = make(root.path(), "add nickname", None).unwrap_err();
    assert!(error.place.ends_with(&first.directory), "{error}");
    assert!(error.cause.contains("a draft of this name"), "{error}");
}
