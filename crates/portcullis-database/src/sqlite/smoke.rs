//! Whether the database is well: the built-in checks, then the user's queries.

use portcullis_model::redact;
use portcullis_model::smoke::{Check, Verdict, When};
use rusqlite::{Connection, OpenFlags, Result as SqlResult};

use super::backup::open_immutable;
use super::value::text;
use super::{Session, apply, catalog, ledger, patience};
use crate::error::sqlite_words;
use crate::seam::{Baseline, Faults, Keys, Smoke};
use crate::slt;

/// The state to compare with. The backup's is read from the copy, where nobody waits.
pub(super) fn baseline(conn: &Connection, keys: Keys<'_>) -> SqlResult<Baseline> {
    let of = |conn: &Connection, violations| -> SqlResult<Baseline> {
        let unselectable =
            unselectable(conn, FIRST_ROW)?.into_iter().map(|(name, _)| name).collect();
        Ok(Baseline { violations, unselectable, ..Baseline::default() })
    };
    match keys {
        Keys::Now => of(conn, catalog::violations(conn, None)?),
        Keys::Of(backup) => {
            let violations = backup.sidecar().foreign_key_violations.iter();
            let violations =
                violations.map(|found| ((found.table.clone(), found.parent.clone()), found.rows));
            of(&open_immutable(backup.path())?, violations.collect())
        }
    }
}

/// Enough to find what fails on a row, and little enough to do at any size.
const FIRST_ROW: &str = "LIMIT 1";

/// Inside the transaction the checks run on the connection that holds it; afterwards on
/// a fresh one, which sees what everybody sees.
pub(super) fn check(session: &mut Session, smoke: Smoke<'_>) -> Vec<Check> {
    let renames = session.renames.clone();
    let scene = |large, others_wrote| Scene { large, others_wrote, renames: &renames };
    match smoke.when {
        When::BeforeCommit => {
            let large = session.is_large();
            checks(&mut session.conn, smoke, &scene(large, false))
        }
        When::AfterCommit => {
            let others_wrote = apply::data_version(session).ok() != session.version_at_commit;
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let opened = Connection::open_with_flags(&session.path, flags)
                .and_then(|conn| patience::wait(&conn, session.target.lock_wait).map(|()| conn));
            match opened {
                Ok(mut conn) => checks(&mut conn, smoke, &scene(false, others_wrote)),
                Err(error) => vec![Check::run("alive", || Err(sqlite_words(&error)))],
            }
        }
    }
}

/// What the checks must know besides what they are asked for.
struct Scene<'a> {
    /// Reading every row is left out, because writers wait.
    large: bool,
    /// Other programs have committed since the run did.
    others_wrote: bool,
    /// Tables that the run renamed.
    renames: &'a [(String, String)],
}

fn checks(conn: &mut Connection, smoke: Smoke<'_>, scene: &Scene<'_>) -> Vec<Check> {
    let all_rows = if scene.large { Reach::LeftOut } else { Reach::Run };
    let mut checks = vec![
        one("alive", smoke.when, Reach::Run, || alive(conn, smoke.when)),
        one("quick_check", smoke.when, all_rows, || quick_check(conn)),
        one("foreign keys", smoke.when, all_rows, || foreign_keys(conn, smoke.baseline, scene)),
        one("every table and view", smoke.when, Reach::Run, || selectable(conn, &smoke)),
        one("applied versions", smoke.when, Reach::Run, || applied(conn, smoke.applied)),
    ];
    match slt::smoke::files(smoke.queries) {
        Ok(files) => checks.extend(files.iter().map(|file| user_queries(conn, file, smoke.when))),
        Err(error) => checks.push(Check::run("smoke queries", || Err(error))),
    }
    checks
}

/// The queries of one file. That others keep the database busy is no failure of theirs.
fn user_queries(conn: &mut Connection, file: &std::path::Path, when: When) -> Check {
    let mut busy = false;
    let mut check = Check::run(redact::path(file), || {
        let mut ask = |sql: &str| {
            query(conn, sql).map_err(|error| {
                busy |= is_busy(&error);
                sqlite_words(&error)
            })
        };
        slt::smoke::run(file, "sqlite", &mut ask)
            .map(|held| Verdict::Noted(format!("{held} queries")))
    });
    if busy && when == When::AfterCommit {
        check.verdict = Verdict::Skipped(BUSY.to_owned());
    }
    check
}

const BUSY: &str = "another program kept the database busy";

/// Whether a check is run now.
#[derive(Clone, Copy, PartialEq)]
enum Reach {
    Run,
    /// It would read every row while writers wait.
    LeftOut,
}

fn one(name: &str, when: When, reach: Reach, check: impl FnOnce() -> SqlResult<Verdict>) -> Check {
    Check::run(name, || match reach {
        Reach::LeftOut => {
            Ok(Verdict::Skipped("larger than hold-writes-max: done after the commit".to_owned()))
        }
        Reach::Run => match check() {
            // After the commit others may write as they like: that they do is no damage.
            Err(error) if when == When::AfterCommit && is_busy(&error) => {
                Ok(Verdict::Skipped(BUSY.to_owned()))
            }
            result => result.map_err(|error| sqlite_words(&error)),
        },
    })
}

fn is_busy(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
    matches!(error.sqlite_error_code(), Some(DatabaseBusy | DatabaseLocked))
}

/// A read, and a write that is rolled back.
fn alive(conn: &Connection, when: When) -> SqlResult<Verdict> {
    conn.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    let (begin, undo) = match when {
        When::BeforeCommit => {
            ("SAVEPOINT portcullis_alive", "ROLLBACK TO portcullis_alive; RELEASE portcullis_alive")
        }
        When::AfterCommit => ("BEGIN IMMEDIATE", "ROLLBACK"),
    };
    conn.execute_batch(begin)?;
    let written = conn.execute("UPDATE __portcullis_identity SET uuid = uuid", []);
    conn.execute_batch(undo)?;
    Ok(match written? {
        1 => Verdict::Passed,
        rows => Verdict::Failed(format!("the identity has {rows} rows instead of one")),
    })
}

/// What is wrong, whatever was wrong before.
pub(super) fn faults(conn: &Connection) -> SqlResult<Faults> {
    let damage = match quick_check(conn)? {
        Verdict::Failed(why) => vec![why],
        _ => Vec::new(),
    };
    let broken = unselectable(conn, FIRST_ROW)?;
    let unusable = broken.iter().map(|(name, why)| format!("{}: {why}", redact::printable(name)));
    Ok(Faults { damage, unusable: unusable.collect() })
}

fn quick_check(conn: &Connection) -> SqlResult<Verdict> {
    let answer = conn.query_row("PRAGMA main.quick_check(1)", [], |row| row.get::<_, String>(0));
    Ok(match answer {
        Ok(answer) if answer == "ok" => Verdict::Passed,
        Ok(answer) => Verdict::Failed(answer),
        Err(error) if needs_application(&error) => Verdict::Noted(sqlite_words(&error)),
        Err(error) => return Err(error),
    })
}

/// Whether a check can't be made without functions, collations or modules that only the
/// application has. That says nothing against the database.
pub(super) fn needs_application(error: &rusqlite::Error) -> bool {
    let words = sqlite_words(error);
    ["no such collation sequence", "no such module", "no such function", "unknown function"]
        .iter()
        .any(|beginning| words.starts_with(beginning))
}

/// No more violations than before the run: old ones are the data's. New ones are ours,
/// unless others have written since the commit, before which all was well: many programs
/// don't check their keys.
fn foreign_keys(conn: &Connection, baseline: &Baseline, scene: &Scene<'_>) -> SqlResult<Verdict> {
    let now = catalog::violations(conn, None)?;
    Ok(
        match (catalog::worse(&baseline.violations, &now, scene.renames), now.values().sum::<u64>())
        {
            (Some(worse), _) if scene.others_wrote => {
                Verdict::Noted(format!("other programs have written since the commit: {worse}"))
            }
            (Some(worse), _) => Verdict::Failed(worse),
            (None, 0) => Verdict::Passed,
            (None, old) => Verdict::Noted(format!("{old} violations that were there before")),
        },
    )
}

fn selectable(conn: &Connection, smoke: &Smoke<'_>) -> SqlResult<Verdict> {
    let broken = unselectable(conn, FIRST_ROW)?;
    let (old, new): (Vec<_>, Vec<_>) =
        broken.iter().partition(|(name, _)| smoke.baseline.unselectable.contains(name));
    Ok(match (new.first(), old.len()) {
        (Some((name, cause)), _) => {
            Verdict::Failed(format!("{}: {cause}", redact::printable(name)))
        }
        (None, 0) => Verdict::Passed,
        (None, old) => Verdict::Noted(format!("{old} couldn't be read before either")),
    })
}

/// Tables and views that can't be selected from, and why.
fn unselectable(conn: &Connection, limit: &str) -> SqlResult<Vec<(String, String)>> {
    let mut broken = Vec::new();
    for kind in ["table", "view"] {
        for name in catalog::relations(conn, kind)? {
            let sql = format!("SELECT * FROM main.{} {limit}", catalog::quoted(&name));
            let read = conn
                .prepare(&sql)
                .and_then(|mut statement| statement.query([])?.next().map(|_| ()));
            match read {
                Ok(()) => {}
                Err(error) if is_busy(&error) => return Err(error),
                Err(error) => broken.push((name, sqlite_words(&error))),
            }
        }
    }
    Ok(broken)
}

fn applied(conn: &Connection, expected: &[String]) -> SqlResult<Verdict> {
    let now: Vec<String> =
        ledger::applied(conn)?.into_iter().map(|applied| applied.version).collect();
    Ok(if now == expected {
        Verdict::Passed
    } else {
        Verdict::Failed(format!(
            "{} versions are applied, the plan says {}",
            now.len(),
            expected.len()
        ))
    })
}

/// One of the user's queries; refused unless SQLite says that it only reads.
fn query(conn: &mut Connection, sql: &str) -> SqlResult<Vec<Vec<String>>> {
    let mut statement = conn.prepare(sql)?;
    if !statement.readonly() || statement.column_count() == 0 {
        let refused = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY);
        let why = Some("a smoke query may only read".to_owned());
        return Err(rusqlite::Error::SqliteFailure(refused, why));
    }
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| {
        (0..columns).map(|column| Ok(slt::cell(text(row.get_ref(column)?)))).collect()
    })?;
    rows.collect()
}
