//! `target add`: nothing is sent before the pin is known, nothing is written before the
//! server is proved.

use portcullis_cluster::certificates::{Authority, Request};
use portcullis_cluster::{Cluster, Options};

use super::fake::{Fake, Manner};
use super::target::{Says, psql, run, start};
use crate::support::Workspace;

const BEFORE: &str = "# Ours.\ndefault-target = \"dev\"\n[migrations]\npostgres = \"migrations/postgres\"\n\n\
                      [targets.dev]\nengine   = \"sqlite\"\npath = \"var/dev.db\" # here";

fn workspace(says: &Says) -> Workspace {
    let workspace = Workspace::new();
    workspace.configure(BEFORE);
    workspace.write("ca.pem", &says.authority_pem);
    workspace.write("migrations/postgres/01_one/up.sql", "CREATE TABLE one (id int);\n");
    workspace.write("migrations/postgres/01_one/down.sql", "DROP TABLE one;\n");
    workspace
}

fn written(workspace: &Workspace) -> String {
    std::fs::read_to_string(workspace.path().join("portcullis.toml")).unwrap()
}

#[test]
fn without_a_pin_nothing_but_a_handshake_is_sent() {
    let identity = Authority::new("Ours").unwrap().issue(&Request::local(30)).unwrap();
    let fake = Fake::new(Manner::Shows(Box::new(identity.clone())));
    let says = Says::of(fake.port, &identity);
    let workspace = workspace(&says);
    let url = says.url();
    let add = ["target", "add", "pg", "--url", &url, "--ca", "ca.pem"];
    let ran = run(&workspace, &says, &add, &[]).expect(1);
    for word in ["CN=localhost", "CN=Ours", "openssl x509", &says.pins[0]] {
        assert!(ran.stdout.contains(word), "{word:?} isn't in:\n{}", ran.stdout);
    }
    let key = ran.stdout.split("sha256/").nth(1).unwrap().split_whitespace().next().unwrap();
    let next = format!("cargo xtask target add pg --url {url} --ca ca.pem --pin sha256/{key}");
    assert!(ran.stdout.contains(&next), "{next}:\n{}", ran.stdout);
    assert!(ran.stderr.contains(&format!("--pin sha256/{key}")), "{}", ran.stderr);
    // Another pin than the one that was given.
    let other = format!("certificate-sha256/{}", "a".repeat(64));
    let ran = run(&workspace, &says, &[&add[..], &["--pin", &other]].concat(), &[]).expect(1);
    assert!(ran.stderr.contains("none of the pins that were given"), "{}", ran.stderr);
    let sent = fake.sent();
    assert_eq!(sent.handshakes, 2);
    assert!(sent.inside.is_empty(), "{} bytes were sent", sent.inside.len());
    assert_eq!(written(&workspace), BEFORE);
}

#[test]
fn a_target_is_added_behind_what_is_there() {
    let cluster = start(&Options::default());
    psql(&cluster, "postgres", "CREATE DATABASE app");
    let says = Says { database: "app", ..Says::right(&cluster) };
    let workspace = workspace(&says);
    let url = says.url();
    let add =
        ["target", "add", "pg", "--url", &url, "--ca", "ca.pem", "--pin", says.pins[0].as_str()];
    // A login that fails writes nothing.
    let wrong = Says { password: "hunter2".to_owned(), ..says.clone() };
    run(&workspace, &wrong, &add, &[]).expect(1);
    assert_eq!(written(&workspace), BEFORE);
    let ran = run(&workspace, &says, &add, &[]).expect(0);
    let id = psql(&cluster, "app", "SELECT system_identifier FROM pg_control_system()");
    for word in
        [id.as_str(), "SUPERUSER", "Diesel's table isn't there", "CREATE ROLE \"app_migrator\""]
    {
        assert!(ran.stdout.contains(word), "{word:?} isn't in:\n{}", ran.stdout);
    }
    let text = written(&workspace);
    assert!(text.starts_with(BEFORE), "{text}");
    assert!(text.contains(&format!("cluster = \"{id}\"")), "{text}");
    assert!(ran.stdout.contains("cargo xtask migrate --target pg\n"), "{}", ran.stdout);
    run(&workspace, &says, &["migrate", "--target", "pg"], &[]).expect(0);
    // It is there now.
    let ran = run(&workspace, &says, &add, &[]).expect(2);
    assert!(ran.stderr.contains("already there"), "{}", ran.stderr);
    assert_eq!(written(&workspace), text);
}

/// The role that is proposed, made as the proposal stands, and from now on in the target.
fn made_as_proposed(cluster: &Cluster, workspace: &Workspace, says: &Says, said: &str) -> Says {
    // As it stands, but for the password, which psql would ask for.
    let (_, proposal) = said.split_once("nothing of it was run:\n\n").unwrap();
    let script: String = proposal
        .lines()
        .take_while(|line| !line.contains("  done  "))
        .filter(|line| !line.contains("\\password"))
        .map(|line| format!("{}\n", &line[2..]))
        .collect();
    let file = workspace.write("role.sql", script);
    let connection = format!(
        "host=localhost hostaddr=127.0.0.1 port={} user=postgres dbname=app sslmode=verify-full \
         sslrootcert='{}'",
        cluster.port(),
        cluster.authority_file().display()
    );
    let output = std::process::Command::new(cluster.binaries().program("psql"))
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", file.to_str().unwrap(), &connection])
        .env("PGPASSWORD", cluster.password())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    psql(cluster, "postgres", "ALTER ROLE app_migrator PASSWORD 'hunter2 of the role'");
    let (user, password) = ("app_migrator".to_owned(), "hunter2 of the role".to_owned());
    let role = Says { user, password, ..says.clone() };
    let text = written(workspace);
    assert!(text.contains(&says.url()), "{text}");
    workspace.configure(&text.replace(&says.url(), &role.url()));
    role
}

#[test]
fn the_proposed_role_migrates_a_new_database() {
    let cluster = start(&Options::default());
    psql(&cluster, "postgres", "CREATE DATABASE app");
    let says = Says { database: "app", ..Says::right(&cluster) };
    let workspace = workspace(&says);
    let url = says.url();
    let add =
        ["target", "add", "pg", "--url", &url, "--ca", "ca.pem", "--pin", says.pins[0].as_str()];
    let ran = run(&workspace, &says, &add, &[]).expect(0);
    let role = made_as_proposed(&cluster, &workspace, &says, &ran.stdout);
    run(&workspace, &role, &["migrate", "--target", "pg"], &[]).expect(0);
    assert_eq!(
        psql(&cluster, "app", "SELECT tableowner FROM pg_tables WHERE tablename = 'one'"),
        "app_migrator"
    );
}

#[test]
fn the_proposed_role_migrates() {
    let cluster = start(&Options::default());
    psql(&cluster, "postgres", "CREATE DATABASE app");
    psql(&cluster, "app", "CREATE TABLE old (id serial); CREATE VIEW seen AS SELECT id FROM old");
    let says = Says { database: "app", ..Says::right(&cluster) };
    let workspace = workspace(&says);
    let url = says.url();
    let add =
        ["target", "add", "pg", "--url", &url, "--ca", "ca.pem", "--pin", says.pins[0].as_str()];
    let ran = run(&workspace, &says, &add, &[]).expect(0);
    // It isn't empty, so that it must be meant: the printed step says that.
    assert!(ran.stdout.contains("cargo xtask migrate --target pg --enrol\n"), "{}", ran.stdout);
    run(&workspace, &says, &["migrate", "--target", "pg"], &[]).expect(1);
    run(&workspace, &says, &["migrate", "--target", "pg", "--enrol"], &[]).expect(0);
    let role = made_as_proposed(&cluster, &workspace, &says, &ran.stdout);
    let owners = "SELECT string_agg(DISTINCT pg_get_userbyid(relowner), ',') FROM pg_class
                  WHERE relnamespace = 'public'::regnamespace";
    assert_eq!(psql(&cluster, "app", owners), "app_migrator");
    // And it is enough for a run, with nothing beyond what was proposed.
    workspace.write(
        "migrations/postgres/02_more/up.sql",
        "ALTER TABLE old ADD COLUMN name text;\nCREATE TABLE two (id int);\n",
    );
    workspace.write(
        "migrations/postgres/02_more/down.sql",
        "DROP TABLE two;\nALTER TABLE old DROP COLUMN name;\n",
    );
    run(&workspace, &role, &["migrate", "--target", "pg"], &[]).expect(0);
    assert_eq!(psql(&cluster, "app", owners), "app_migrator");
    let made = "SELECT count(name), to_regclass('two') IS NOT NULL FROM old";
    assert_eq!(psql(&cluster, "app", made), "0|t");
    let list = ["receipt", "list", "--target", "pg", "--format", "json"];
    let receipts = run(&workspace, &role, &list, &[]).expect(0).json();
    let last = receipts["receipts"].as_array().unwrap().last().unwrap();
    assert_eq!(last["predicate"]["outcome"]["code"], 0, "{last}");
}

#[test]
fn what_was_applied_until_now_is_taken_as_it_is() {
    let cluster = start(&Options::default());
    psql(&cluster, "postgres", "CREATE DATABASE app");
    psql(
        &cluster,
        "app",
        "CREATE TABLE one (id int);
         CREATE TABLE __diesel_schema_migrations (version varchar(50) PRIMARY KEY, run_on timestamp NOT NULL DEFAULT now());
         INSERT INTO __diesel_schema_migrations VALUES ('01')",
    );
    let says = Says { database: "app", ..Says::right(&cluster) };
    let workspace = workspace(&says);
    workspace.write("migrations/postgres/02_two/up.sql", "CREATE TABLE two (id int);\n");
    workspace.write("migrations/postgres/02_two/down.sql", "DROP TABLE two;\n");
    let backups = tempfile::tempdir().unwrap();
    let url = says.url();
    let backups = backups.path().to_str().unwrap();
    let add = [
        ["target", "add", "pg", "--url", &url, "--ca", "ca.pem", "--pin", &says.pins[0]],
        ["--protected", "--backups", backups, "", "", "", "", "", ""],
    ]
    .concat();
    let add: Vec<&str> = add.into_iter().filter(|word| !word.is_empty()).collect();
    let ran = run(&workspace, &says, &add, &[]).expect(0);
    assert!(ran.stdout.contains("1 migration by postgres"), "{}", ran.stdout);
    let list = ["receipt", "list", "--target", "pg", "--format", "json"];
    let receipts = run(&workspace, &says, &list, &[]).expect(0).json();
    let facts = &receipts["receipts"][0]["predicate"];
    assert_eq!(facts["target"]["arrival"], "enrolled", "{facts}");
    assert_eq!(facts["set"]["acceptedByNobody"][0], "01", "{facts}");
    let identity = facts["target"]["identity"].as_str().unwrap();
    assert!(written(&workspace).ends_with(&format!("identity = \"{identity}\"\n")));
    // Nothing ran, and the database is known from now on.
    assert_eq!(psql(&cluster, "app", "SELECT to_regclass('two') IS NULL"), "t");
    run(&workspace, &says, &["status", "--target", "pg"], &[]).expect(0);
}
