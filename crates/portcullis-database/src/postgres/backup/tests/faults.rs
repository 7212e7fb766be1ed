//! Every way in which a backup may fail: no backup comes of it, nothing is left, and the
//! error says why.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use portcullis_cluster::certificates::{Authority, Request};
use uuid::Uuid;

use super::place::Place;
use crate::VerifiedBackup;
use crate::backup::sidecar_path;
use crate::postgres::backup::dump::{self, Dump, Rows};
use crate::postgres::backup::{OPERATION, snapshot};
use crate::postgres::link::conn::Status;

/// A failure leaves no backup, no rubbish, no transaction, and no password in its words.
fn refused(place: &mut Place, row: &str, cause: &str) {
    let before = place.names();
    let error = place.back_up("new.pgdump").expect_err(row);
    let said = format!("{error} {}", error.next_step);
    assert!(said.contains(cause), "{row}: {said}");
    assert!(!error.next_step.is_empty(), "{row}");
    assert!(!said.contains(place.cluster.password()), "{row}: {said}");
    assert_eq!(place.names(), before, "{row}: {said}");
    assert_eq!(place.conn.status(), Status::Idle, "{row}: {said}");
}

#[test]
fn c32_a_place_that_is_none_for_backups_is_refused() {
    let mut place = Place::new();
    let error = place.back_up_into(Path::new("/proc/backups"), "a.pgdump", |_| {}).unwrap_err();
    assert!(error.place.contains("/proc/backups"), "{error}");
    let open = place.directory.path().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
    let error = place.back_up_into(&open, "a.pgdump", |_| {}).unwrap_err();
    assert!(error.cause.contains("others may write into it"), "{error}");
    let link = place.directory.path().join("link");
    std::os::unix::fs::symlink(&open, &link).unwrap();
    let error = place.back_up_into(&link, "a.pgdump", |_| {}).unwrap_err();
    assert!(error.cause.contains("symbolic link"), "{error}");
    assert_eq!(fs::read_dir(&open).unwrap().count(), 0);
    // One that isn't there yet is made, for its owner alone.
    place.back_up("a.pgdump").unwrap();
    let mode = fs::metadata(place.backups()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn c33_a_full_disk_at_any_write_leaves_nothing() {
    let mut place = Place::new();
    for call in [1, 2, 5, 9, 14] {
        let inject = format!("inject=write:error=ENOSPC:when={call}+");
        // Only what goes to files: the connection is written to by other calls.
        place.replace(
            "pg_dump",
            &format!("exec strace -f -qq -o /dev/null -e trace=write -e {inject} \"$REAL\" \"$@\""),
        );
        refused(&mut place, &format!("C33 at write {call}"), "pg_dump: ");
    }
    // A limit of the shell's for files: the dump is cut in the middle of a table.
    place.replace("pg_dump", "trap '' XFSZ; ulimit -f 4; exec \"$REAL\" \"$@\"");
    refused(&mut place, "C33 in a table", "pg_dump: ");
}

/// A test of this file by itself, in a process of its own: where its backups go.
const INSIDE: &str = "PORTCULLIS_TEST_BACKUPS";

fn refused_to_sync(directory: &Path) {
    let error = Place::new().back_up_into(directory, "new.pgdump", |_| {}).unwrap_err();
    assert!(error.cause.contains("input/output error"), "{error}");
}

#[test]
fn c34_a_sync_that_fails_is_never_tried_again() {
    const TEST: &str =
        "postgres::backup::tests::faults::c34_a_sync_that_fails_is_never_tried_again";
    if let Some(directory) = std::env::var_os(INSIDE) {
        return refused_to_sync(Path::new(&directory));
    }
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    for file in ["backups/new.pgdump.partial/toc.dat", "backups/new.pgdump.partial", "backups"] {
        let status = std::process::Command::new("strace")
            .args(["-f", "-qq", "-e", "trace=fsync", "-e", "inject=fsync:error=EIO:when=1", "-o"])
            .arg(&log)
            .arg("-P")
            .arg(directory.path().join(file))
            .arg(std::env::current_exe().unwrap())
            .args([TEST, "--exact"])
            .env(INSIDE, directory.path().join("backups"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&status.stdout);
        assert!(status.status.success() && said.contains("1 passed"), "{file}: {said}");
        let syncs = fs::read_to_string(&log).unwrap().matches("EIO").count();
        assert_eq!(syncs, 1, "{file}");
        assert_eq!(fs::read_dir(directory.path().join("backups")).unwrap().count(), 0, "{file}");
    }
}

#[test]
fn c35_a_pg_dump_that_fails_is_believed() {
    let cases = [
        ("exit 0", "pg_restore"),
        ("exit 7", "exit code 7"),
        ("kill -9 $$", "killed"),
        ("\"$REAL\" \"$@\"; exit 1", "exit code 1"),
        ("echo 'pg_dump: error: no luck' >&2; exit 1", "no luck"),
    ];
    let mut place = Place::new();
    let real = place.tools.clone();
    for (script, cause) in cases {
        place.tools = real.clone();
        place.replace("pg_dump", script);
        refused(&mut place, &format!("C35 {script}"), cause);
    }
}

#[test]
fn c35_a_dump_that_is_short_is_found_though_pg_dump_says_it_is_well() {
    let cut = |what: &str| {
        format!(
            "\"$REAL\" \"$@\" || exit 1; while [ \"$1\" != --file ]; do shift; done; cd \"$2\"; {what}"
        )
    };
    let mut place = Place::new();
    let real = place.tools.clone();
    for restore_max in [1 << 30, 1] {
        place.server.restore_max = restore_max;
        for what in [
            "f=$(ls -S *.dat.gz | head -1); truncate -s -20 $f",
            "f=$(ls -S *.dat.gz | head -1); rm $f",
            "truncate -s 60% toc.dat; truncate -s 900 toc.dat",
        ] {
            place.tools = real.clone();
            place.replace("pg_dump", &cut(what));
            refused(&mut place, &format!("C35 {what}, {restore_max}"), "pg_restore");
        }
    }
    // A whole file with fewer rows is only found by restoring it.
    place.server.restore_max = 1 << 30;
    place.tools = real;
    let fewer = "for f in *.dat.gz; do [ $(zcat $f | wc -l) -gt 500 ] && zcat $f | sed 500d | gzip > x && mv x $f; done; true";
    place.replace("pg_dump", &cut(fewer));
    refused(&mut place, "C35 a row less", "table account has 999 rows and had 1000");
}

#[test]
fn c36_a_bit_that_flips_later_is_found_before_anything_is_restored() {
    let mut place = Place::new();
    let backup = place.back_up("one.pgdump").unwrap();
    let mut files: Vec<_> =
        fs::read_dir(backup.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        let bytes = fs::read(&file).unwrap();
        let mut flipped = bytes.clone();
        flipped[bytes.len() / 2] ^= 4;
        fs::write(&file, &flipped).unwrap();
        let error = VerifiedBackup::open(backup.path()).unwrap_err();
        assert!(error.cause.contains("SHA-256 differs"), "{}: {error}", file.display());
        fs::write(&file, &bytes).unwrap();
    }
    VerifiedBackup::open(backup.path()).unwrap();
    fs::write(backup.path().join("more"), "").unwrap();
    VerifiedBackup::open(backup.path()).unwrap_err();
}

#[test]
fn c38_what_others_commit_meanwhile_is_in_it_together_or_not_at_all() {
    let mut place = Place::new();
    // Long enough that much is written meanwhile.
    place.replace("pg_dump", "sleep 0.3; exec \"$REAL\" \"$@\"");
    let mut other = place.other();
    let over = AtomicBool::new(false);
    let backup = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                other.run("WITH a AS (INSERT INTO account (name, kind) VALUES (gen_random_uuid(), 'a') RETURNING id)
                    INSERT INTO entry (account) SELECT currval('account_id_seq') FROM a").unwrap();
            }
        });
        let backup = place.back_up("one.pgdump");
        over.store(true, Ordering::Relaxed);
        backup.unwrap()
    });
    let rows = backup.sidecar().dump.clone().unwrap().rows;
    assert_eq!(rows["account"], rows["entry"]);
    let now = place.conn.ask_one("SELECT count(*) FROM entry").unwrap()[0].clone().unwrap();
    assert!(now.parse::<u64>().unwrap() > rows["entry"] + 10, "{now} rows");
}

#[test]
fn c39_what_the_role_cannot_read_is_named_before_anything_starts() {
    let mut place = Place::new();
    place.conn.run("CREATE ROLE app_migrator LOGIN SUPERUSER").unwrap();
    let password = format!("ALTER ROLE app_migrator PASSWORD '{}'", place.cluster.password());
    place.conn.run(&password).unwrap();
    place.server.user = "app_migrator".to_owned();
    place.conn = crate::postgres::test_server::application(&place.server);
    let mut admin = place.admin();
    admin
        .run("ALTER ROLE app_migrator NOSUPERUSER; GRANT pg_read_all_data TO app_migrator")
        .unwrap();
    place.back_up("works.pgdump").unwrap();
    let cases = [
        ("REVOKE pg_read_all_data FROM app_migrator; GRANT SELECT ON ALL TABLES IN SCHEMA public, more TO app_migrator;
          GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO app_migrator; GRANT USAGE ON SCHEMA more TO app_migrator;
          REVOKE SELECT ON entry FROM app_migrator", "may not read public.entry"),
        ("GRANT SELECT ON entry TO app_migrator; REVOKE SELECT ON SEQUENCE entry_id_seq FROM app_migrator", "may not read public.entry_id_seq"),
        ("GRANT SELECT ON SEQUENCE entry_id_seq TO app_migrator; REVOKE USAGE ON SCHEMA more FROM app_migrator", "may not read more.part"),
        ("GRANT USAGE ON SCHEMA more TO app_migrator; ALTER TABLE account ENABLE ROW LEVEL SECURITY", "row level security hides rows of public.account"),
    ];
    for (sql, cause) in cases {
        admin.run(sql).unwrap();
        refused(&mut place, "C39", cause);
    }
    admin.run("ALTER ROLE app_migrator BYPASSRLS").unwrap();
    place.conn = crate::postgres::test_server::application(&place.server);
    place.back_up("works again.pgdump").unwrap();
}

#[test]
fn c40_nothing_that_has_the_name_is_overwritten() {
    let mut place = Place::new();
    fs::create_dir_all(place.backups()).unwrap();
    fs::set_permissions(place.backups(), fs::Permissions::from_mode(0o700)).unwrap();
    for name in ["new.pgdump", "new.pgdump.json", "new.pgdump.partial"] {
        let path = place.backups().join(name);
        fs::write(&path, "kept").unwrap();
        refused(&mut place, name, "there is a file of this name");
        assert_eq!(fs::read_to_string(&path).unwrap(), "kept");
        fs::remove_file(&path).unwrap();
    }
    place.back_up("new.pgdump").unwrap();
    let sidecar = fs::read(sidecar_path(&place.backups().join("new.pgdump"))).unwrap();
    refused(&mut place, "a backup", "there is a file of this name");
    let again = fs::read(sidecar_path(&place.backups().join("new.pgdump"))).unwrap();
    assert_eq!(sidecar, again);
}

#[test]
fn a14_a_server_with_another_authoritys_certificate_is_not_dumped() {
    let mut place = Place::new();
    let kept = place.server.ca.with_extension("kept");
    fs::copy(&place.server.ca, &kept).unwrap();
    place.server.ca = kept;
    let other = Authority::new("another").unwrap().issue(&Request::local(30)).unwrap();
    place.cluster.show(other).unwrap();
    // The connection that was made before goes on: only what connects anew can notice.
    refused(&mut place, "A14", "certificate");
}

#[test]
fn a_snapshot_of_another_database_or_server_is_refused() {
    let mut place = Place::new();
    place.conn.run("CREATE DATABASE other").unwrap();
    let mut elsewhere = Place::new();
    let mut other = crate::postgres::test_server::application(&portcullis_model::config::Server {
        database: "other".to_owned(),
        ..place.server.clone()
    });
    for (conn, cause) in [
        (&mut other, "cannot import a snapshot from a different database"),
        (&mut elsewhere.conn, "snapshot"),
    ] {
        let mut snapshot = snapshot::take(conn, &place.identity).unwrap();
        // Not one that this server happens to have, too.
        let id = snapshot.id.clone();
        if cause == "snapshot" {
            snapshot.id = format!("{}F-1", &id[..id.len() - 2]);
        }
        let into = tempfile::tempdir().unwrap();
        let dump = Dump {
            server: &place.server,
            tools: &place.tools,
            snapshot: &snapshot,
            application: "portcullis backup test",
            directory: into.path(),
            rows: Rows::NotCounted,
        };
        // Through this connection only the address is known.
        let error = dump::run(dump, &mut place.conn, &mut |_, _| {}).unwrap_err();
        assert!(error.cause.contains(cause), "{error}");
        assert_eq!(error.operation, OPERATION);
        snapshot::release(conn).unwrap();
    }
}

#[test]
fn a_lock_that_others_hold_is_waited_for_and_then_named() {
    let mut place = Place::new();
    let mut other = place.other();
    other.run("BEGIN; LOCK TABLE account IN ACCESS EXCLUSIVE MODE").unwrap();
    place.server.restore_max = 1;
    refused(&mut place, "a lock", "holds a lock");
    other.run("ROLLBACK").unwrap();
    place.back_up("new.pgdump").unwrap();
}

#[test]
fn a_dump_whose_runner_died_is_ended_by_the_next_run() {
    let mut place = Place::new();
    let mut orphan = place.other();
    let name = format!("{}{}", snapshot::APPLICATION, Uuid::new_v4().simple());
    orphan.run(&format!("SET application_name = '{}'", &name[..26])).unwrap();
    orphan.run("BEGIN; LOCK TABLE account IN ACCESS EXCLUSIVE MODE").unwrap();
    place.back_up("new.pgdump").unwrap();
    orphan.run("SELECT 1").unwrap_err();
}
