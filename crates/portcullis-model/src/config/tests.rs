use super::*;

const ROOT: &str = "/work space";

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new(ROOT))
}

fn target(lines: &str) -> String {
    format!("default-target = \"t\"\n[targets.t]\nengine = \"sqlite\"\n{lines}\n")
}

#[test]
fn the_reference_is_valid_and_states_the_defaults() {
    let reference = parse(REFERENCE).unwrap();
    let shortest = parse("[targets.dev]\nengine = \"sqlite\"\npath = \"var/dev.db\"").unwrap();
    assert_eq!(reference, shortest);
}

#[test]
fn paths_are_resolved_from_the_root() {
    let config = parse(&target("path = \"./a/../b.db\"\nbackups = \"/x/../y\"")).unwrap();
    let target = config.target(None).unwrap();
    assert_eq!(target.place, Place::File("/work space/b.db".into()));
    assert_eq!(target.backups, Path::new("/y"));
    assert_eq!(target.receipts, Path::new("/work space/var/receipts/t"));
}

#[test]
fn what_is_wrong_is_said_with_a_place_a_cause_and_a_next_step() {
    let cases: &[(&str, &str, &str, &str)] = &[
        (
            "path = \"a.db\"\nretentoin = 3",
            "portcullis.toml:5",
            "unknown key \"retentoin\"",
            "did you mean \"retention\"?",
        ),
        (
            "path = \"a.db\"\nzzz = 3",
            "portcullis.toml:5",
            "unknown key \"zzz\"",
            "known here: engine, path",
        ),
        ("", "targets.t.path", "the key is missing", "such as var/dev.db"),
        ("path = 3", "portcullis.toml:4", "expected path string", "explain config"),
        (
            "path = \"a.db\"\nlock-wait = \"soon\"",
            "portcullis.toml:5",
            "a duration is written like",
            "",
        ),
        (
            "path = \"file:x?mode=memory\"",
            "targets.t.path",
            "this is a URI",
            "path of the database file",
        ),
        ("path = \":memory:\"", "targets.t.path", "this is a URI", ""),
        ("path = \"a/..\"", "targets.t.path", "this names no file", ""),
        ("path = \"\"", "targets.t.path", "this names no file", ""),
        ("path = \"a.db\"\nretention.keep-last = 0", "retention.keep-last", "at least one", ""),
        ("path = \"a.db\"\nprotected = true", "targets.t.path", "must be absolute", ""),
        ("path = \"/a.db\"\nprotected = true", "targets.t.backups", "durable place", ""),
        (
            "path = \"/a.db\"\nprotected = true\nbackups = \"var\"",
            "targets.t.backups",
            "durable place",
            "",
        ),
    ];
    for (lines, place, cause, next) in cases {
        let error = parse(&target(lines)).expect_err(lines);
        assert!(error.place.contains(place), "{lines}: {}", error.place);
        assert!(error.cause.contains(cause), "{lines}: {}", error.cause);
        assert!(error.next_step.contains(next), "{lines}: {}", error.next_step);
    }
}

#[test]
fn each_engine_has_a_directory_of_its_own_below_the_workspace() {
    let parse = |lines: &str| parse(&format!("{}[migrations]\n{lines}", target("path = \"a.db\"")));
    let config = parse("sqlite = \"./db/x/../lite\"\npostgres = \"db/pg\"").unwrap();
    let found: Vec<_> = config
        .migrations
        .iter()
        .map(|one| (one.dialect.name(), one.path.to_str().unwrap()))
        .collect();
    assert_eq!(found, [("sqlite", "db/lite"), ("postgres", "db/pg")]);
    assert_eq!(config.target(None).unwrap().migrations, Path::new("db/lite"));
    for (lines, cause) in [
        ("sqlite = \"../x\"", "isn't below"),
        ("sqlite = \"/srv/x\"", "isn't below"),
        ("sqlite = \"\"", "isn't below"),
        ("postgres = \".\"", "isn't below"),
        ("sqlite = \"x\"\npostgres = \"./x\"", "can't share"),
    ] {
        let error = parse(lines).expect_err(lines);
        assert!(error.cause.contains(cause), "{lines}: {error}");
    }
}

#[test]
fn a_workspace_of_one_engine_names_only_that_one() {
    let server = "[targets.app]\nengine = \"postgres\"\nurl = \"postgres://app@db/app\"\nca = \"ca.pem\"\n\
                  pins = [\"certificate-sha256/1111111111111111111111111111111111111111111111111111111111111111\"]\n";
    let only = "[migrations]\npostgres = \"migrations\"\n";
    let lite = "[targets.dev]\nengine = \"sqlite\"\npath = \"a.db\"\n";
    for (text, engines, default) in [
        (format!("{only}{server}"), &["postgres"][..], "app"),
        (lite.to_owned(), &["sqlite"], "dev"),
        (format!("{only}{server}{lite}"), &["sqlite", "postgres"], "dev"),
    ] {
        let config = parse(&text).unwrap();
        let found: Vec<_> = config.migrations.iter().map(|one| one.dialect.name()).collect();
        assert_eq!(found, engines, "{text}");
        assert_eq!(config.target(None).unwrap().name, default, "{text}");
    }
}

#[test]
fn without_a_target_there_are_migrations_to_lint_and_to_test() {
    let config = parse("[migrations]\npostgres = \"migrations\"\n").unwrap();
    assert_eq!(config.migrations.len(), 1);
    let error = config.target(None).unwrap_err();
    assert!(error.next_step.contains("has no target"), "{error:?}");
    assert!(parse("default-target = \"dev\"\n").is_err());
}

#[test]
fn a_statement_of_a_test_ends_at_some_time() {
    let parse =
        |lines: &str| parse(&format!("{}[test-migration]\n{lines}", target("path = \"a.db\"")));
    let timeout = |lines: &str| {
        parse(lines).map(|config| config.test_migration.statement_timeout.as_millis())
    };
    assert_eq!(timeout("").unwrap(), 30_000);
    assert_eq!(timeout("statement-timeout = \"1500ms\"").unwrap(), 1500);
    for never in ["0s", "1us"] {
        let error = timeout(&format!("statement-timeout = \"{never}\"")).unwrap_err();
        assert!(error.place.contains("test-migration.statement-timeout"), "{error}");
        assert!(error.cause.contains("more than zero"), "{error}");
    }
}

#[test]
fn targets_are_looked_up_by_name_with_a_suggestion() {
    let config = parse(REFERENCE).unwrap();
    assert_eq!(config.target(Some("dve")).unwrap_err().next_step, "did you mean dev?");
    let error = config.target(Some("postgres://me:hunter2@db/x")).unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
    assert!(
        parse("default-target = \"x\"\n[targets.dev]\nengine = \"sqlite\"\npath = \"a.db\"")
            .is_err()
    );
}

#[test]
fn no_error_repeats_a_value() {
    for lines in [
        "url = \"postgres://me:hunter2@db\"",
        "path = { hunter2 = 1 }",
        "path = \"a.db\"\nprotected = \"hunter2\"",
        "path = \"postgres://me:hunter2@db\"",
        "path = \"hunter2",
        "engine = \"hunter2\"",
        "path = \"a.db\"\nidentity = \"hunter2\"",
        "path = \"a.db\"\nhold-writes-max = \"hunter2\"",
        "path = \"a.db\"\nlock-wait = \"hunter2\"",
    ] {
        let error = parse(&target(lines)).expect_err(lines);
        let text = format!("{error:?}");
        assert!(!text.contains("hunter2") || lines.starts_with("path = {"), "{lines}: {text}");
    }
}
