//! What a good backup says, and how it was proved.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use portcullis_cluster::Cache;
use portcullis_model::config::BackupKind;
use uuid::Uuid;

use super::place::{Place, TABLES};
use crate::nature::Extension;
use crate::postgres::backup::refill;
use crate::postgres::backup::snapshot;
use crate::postgres::backup::trial::{self, Trial};
use crate::postgres::link::conn::Status;
use crate::{Proof, VerifiedBackup};

#[test]
fn a_backup_is_restored_compared_and_can_be_put_back() {
    let mut place = Place::new();
    place.conn.run("CREATE ROLE \"own er\" NOLOGIN; GRANT SELECT ON account TO \"own er\"; ALTER TABLE entry OWNER TO \"own er\"").unwrap();
    let backup = place.back_up("one.pgdump").unwrap();
    let sidecar = backup.sidecar();
    let dump = sidecar.dump.clone().unwrap();
    assert_eq!(
        (dump.rows["account"], dump.rows["entry"], dump.rows["more.part_1"]),
        (1000, 1000, 200)
    );
    assert!(dump.database_bytes > sidecar.bytes && sidecar.bytes > 0);
    let verified = sidecar.verified.join("\n");
    for line in
        ["SHA-256", &dump.snapshot, "restored into a throwaway server", "2200 rows", "materialized"]
    {
        assert!(verified.contains(line), "{verified}");
    }
    assert_eq!(place.names().len(), 2, "{:?}", place.names());
    assert_eq!(place.conn.status(), Status::Idle);
    for entry in fs::read_dir(backup.path()).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let opened = VerifiedBackup::open(backup.path()).unwrap();
    assert!(opened.is_restorable());

    place.conn.run("CREATE DATABASE again TEMPLATE template0").unwrap();
    refill::fill(&place.server, "again", &opened, &mut |_, _| {}).unwrap();
    let mut again = crate::postgres::test_server::application(&portcullis_model::config::Server {
        database: "again".to_owned(),
        ..place.server.clone()
    });
    trial::compare(&mut again, &opened).unwrap();
    let owner = again.ask_one("SELECT relowner::regrole FROM pg_class WHERE relname = 'entry'");
    assert_eq!(owner.unwrap(), [Some("\"own er\"".to_owned())]);
    again.run("DELETE FROM entry WHERE id = 7").unwrap();
    let other = trial::compare(&mut again, &opened).unwrap_err();
    assert!(other.contains("table entry has 999 rows and had 1000"), "{other}");
    again.run("INSERT INTO entry VALUES (7, 7); DROP VIEW rich").unwrap();
    let other = trial::compare(&mut again, &opened).unwrap_err();
    assert!(other.contains("schema"), "{other}");
}

#[test]
fn one_that_is_too_large_to_restore_is_read_whole() {
    let mut place = Place::new();
    place.server.restore_max = 1;
    let backup = place.back_up("one.pgdump").unwrap();
    let verified = backup.sidecar().verified.join("\n");
    assert!(
        verified.contains("read whole, not restored: it is larger than restore-max"),
        "{verified}"
    );
    assert!(backup.sidecar().dump.clone().unwrap().rows.is_empty());
}

#[test]
fn a_named_server_gets_a_database_of_its_own_which_goes_again() {
    let mut place = Place::new();
    let mut elsewhere = Place::empty(Cache::Off);
    place.conn.run("CREATE ROLE local NOLOGIN; GRANT SELECT ON account TO local").unwrap();
    place.server.scratch = Some(Box::new(elsewhere.helper("CREATEDB")));
    let backup = place.back_up("one.pgdump").unwrap();
    let verified = backup.sidecar().verified.join("\n");
    assert!(verified.contains("restored into a database of its own on localhost"), "{verified}");
    let left =
        elsewhere.conn.ask("SELECT datname FROM pg_database WHERE datname LIKE 'portcullis%'");
    assert_eq!(left.unwrap(), Vec::<Vec<_>>::new());

    // The same server, whatever it is called.
    place.server.scratch = Some(Box::new(place.server.clone()));
    let error = place.back_up("two.pgdump").unwrap_err();
    assert!(error.cause.contains("it is the server that the backup is of"), "{error}");
    assert_eq!(place.names().len(), 2, "{:?}", place.names());
}

fn extension(name: &str) -> Extension {
    let (schema, schema_oid) = ("public".to_owned(), "2200".to_owned());
    Extension { name: name.to_owned(), schema, schema_oid }
}

#[test]
fn an_extension_that_cannot_be_had_is_named_and_the_dump_is_read() {
    let mut place = Place::new();
    let backup = place.back_up("one.pgdump").unwrap();
    let mut snapshot = snapshot::take(&mut place.conn, &place.identity).unwrap();
    snapshot.nature.extensions = ["plpgsql", "no_such"].map(extension).to_vec();
    let trial = Trial {
        directory: backup.path(),
        snapshot: &snapshot,
        rows: &Default::default(),
        tools: &place.tools,
        server: &place.server,
        version: &place.identity.version,
        cluster: place.identity.cluster,
        run: Uuid::new_v4(),
    };
    let said = trial::prove(Proof::Throwaway, &trial).unwrap();
    assert_eq!(
        said,
        ["read whole, not restored: the extension no_such can't be had on this machine"]
    );
    // A machine with an older PostgreSQL than the server's.
    let proof = trial::plan(&place.server, &place.tools, "99.1", 1);
    assert!(proof.describe().contains("and the server is 99.1"), "{}", proof.describe());
}

#[test]
fn a_command_takes_a_backup_and_another_verifies_it() {
    let mut place = Place::new();
    let words = |command: &str, verify: &str| BackupKind::Command {
        command: ["sh", "-c", command].map(str::to_owned).to_vec(),
        verify: ["sh", "-c", verify].map(str::to_owned).to_vec(),
    };
    let take = "echo taken of $PORTCULLIS_TARGET, run $PORTCULLIS_RUN, from postgres://me:hunter2@db/app; printf '\\033[31m'";
    place.server.backup = words(take, "echo all 7 files are well");
    let backup = place.back_up_as_configured("one.external").unwrap();
    let text = fs::read_to_string(backup.path()).unwrap();
    for line in
        ["taken of app, run ", "postgres://***@db/app", "all 7 files are well", "\\u{1b}[31m"]
    {
        assert!(text.contains(line), "{text}");
    }
    assert!(!text.contains("hunter2"), "{text}");
    assert_eq!(fs::metadata(backup.path()).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!VerifiedBackup::open(backup.path()).unwrap().is_restorable());
    assert!(backup.sidecar().verified.contains(&"all 7 files are well".to_owned()));

    let before = place.names();
    for (command, verify, cause) in [
        ("echo disk full; exit 3", "true", "exit code 3: disk full"),
        ("true", "echo file 4 is bad >&2; exit 1", "exit code 1: file 4 is bad"),
        ("kill -9 $$", "true", "it was killed"),
    ] {
        place.server.backup = words(command, verify);
        let error = place.back_up_as_configured("two.external").unwrap_err();
        assert!(error.cause.contains(cause), "{error}");
        assert_eq!(place.names(), before);
    }
    let missing = vec!["/no/such/program".to_owned()];
    place.server.backup = BackupKind::Command { command: missing.clone(), verify: missing };
    let error = place.back_up_as_configured("two.external").unwrap_err();
    assert!(error.place.contains("/no/such/program"), "{error}");
}

#[test]
fn a_restored_schema_may_be_written_otherwise_and_is_the_same() {
    let mut place = Place::empty(Cache::Usual);
    place.conn.run(TABLES).unwrap();
    place.conn.run("
        CREATE TYPE mood AS ENUM ('ok', 'it''s'); CREATE DOMAIN positive AS int CHECK (VALUE > 0);
        CREATE TABLE odd (\"a b\" mood DEFAULT 'ok', p positive, t timestamp with time zone DEFAULT now(),
            v varchar(5) CHECK (v = ANY (ARRAY['x', 'y']) OR v LIKE 'z%'), EXCLUDE USING btree (p WITH =));
        CREATE UNIQUE INDEX odd_lower ON odd (lower(v)) WHERE v IN ('x', 'y');
        ALTER TABLE odd ADD CONSTRAINT late CHECK (p < 1000) NOT VALID;
        CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
        CREATE TRIGGER touch BEFORE UPDATE ON odd FOR EACH ROW WHEN (NEW.v IN ('x', 'y')) EXECUTE FUNCTION touch();
        CREATE VIEW pairs AS SELECT o.*, a.name::varchar(3) AS short FROM odd o LEFT JOIN account a ON a.kind IN ('a');
        CREATE POLICY mine ON odd USING (v IN ('x', 'y'))").unwrap();
    place.back_up("one.pgdump").unwrap();
}
