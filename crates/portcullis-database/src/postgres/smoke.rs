//! Whether the database is well: the built-in checks, then the user's queries.

use std::collections::BTreeSet;

use portcullis_model::smoke::{Check, Verdict, When};
use portcullis_model::{redact, words};

use super::catalog::{self, Relation};
use super::home::Home;
use super::ledger;
use super::link::conn::{Conn, Failure};
use super::link::transaction::aside;
use crate::seam::{Baseline, Faults, Smoke};
use crate::slt;

/// How long one check may take while a transaction is open, and after the commit.
const TIMEOUTS: (&str, &str) = ("30s", "5min");

/// The state to compare with.
pub(super) fn baseline(conn: &mut Conn) -> Result<Baseline, Failure> {
    aside(conn, |conn| {
        limit(conn, When::AfterCommit)?;
        let relations = catalog::relations(conn)?;
        let unselectable = unselectable(conn, &relations, When::AfterCommit)?;
        Ok(Baseline {
            violations: Default::default(),
            unselectable: unselectable.into_iter().map(|(name, _)| name).collect(),
            faults: faults(conn)?,
        })
    })
}

/// What is wrong, whatever was wrong before.
pub(super) fn all_faults(conn: &mut Conn) -> Result<Faults, Failure> {
    aside(conn, |conn| {
        limit(conn, When::AfterCommit)?;
        let relations = catalog::relations(conn)?;
        let broken = unselectable(conn, &relations, When::AfterCommit)?;
        let broken = broken.iter().map(|(name, why)| format!("{}: {why}", redact::printable(name)));
        Ok(Faults { damage: Vec::new(), unusable: broken.chain(faults(conn)?).collect() })
    })
}

/// Checks over a connection: inside the transaction the one that holds it, afterwards a
/// fresh one, which sees what everybody sees.
pub(super) fn checks(conn: &mut Conn, home: &Home, smoke: Smoke<'_>) -> Vec<Check> {
    let when = smoke.when;
    let mut checks = vec![
        one(conn, "alive", when, |conn| alive(conn, home)),
        one(conn, "applied versions", when, |conn| applied(conn, home, smoke.applied)),
        one(conn, "every table and view", when, |conn| selectable(conn, &smoke)),
        one(conn, "indexes and sequences", when, |conn| sound(conn, smoke.baseline)),
        one(conn, "constraints", when, validated),
    ];
    match slt::smoke::files(smoke.queries) {
        Ok(files) => checks.extend(files.iter().map(|file| user_queries(conn, file, when))),
        Err(error) => checks.push(Check::run("smoke queries", || Err(error))),
    }
    checks
}

const BUSY: &str = "another program held a lock on it";

/// One check, under a time limit of its own and without a trace.
fn one(
    conn: &mut Conn,
    name: &str,
    when: When,
    check: impl FnOnce(&mut Conn) -> Result<Verdict, Failure>,
) -> Check {
    Check::run(name, || {
        let checked = aside_to_write(conn, when, |conn| {
            limit(conn, when)?;
            check(conn)
        });
        match checked {
            // After the commit others may lock what they like: that they do is no damage.
            Err(failure) if when == When::AfterCommit && failure.is_lock_timeout() => {
                Ok(Verdict::Skipped(BUSY.to_owned()))
            }
            checked => checked,
        }
    })
}

/// Like [`aside`], but a check may write, to see that it can.
fn aside_to_write<T>(
    conn: &mut Conn,
    when: When,
    work: impl FnOnce(&mut Conn) -> Result<T, Failure>,
) -> Result<T, Failure> {
    if when == When::BeforeCommit {
        return aside(conn, work);
    }
    conn.run("BEGIN")?;
    let result = work(conn);
    conn.run("ROLLBACK")?;
    result
}

fn limit(conn: &mut Conn, when: When) -> Result<(), Failure> {
    let timeout = if when == When::BeforeCommit { TIMEOUTS.0 } else { TIMEOUTS.1 };
    // A policy of row-level security is a function of the table's owner: none is called here.
    conn.run(&format!("SET LOCAL statement_timeout = '{timeout}'; SET LOCAL row_security = off"))
}

/// A read, and a write that is rolled back.
fn alive(conn: &mut Conn, home: &Home) -> Result<Verdict, Failure> {
    let table = home.table("__portcullis_identity");
    let rows = conn.ask(&format!("UPDATE {table} SET uuid = uuid RETURNING 1"))?;
    Ok(match rows.len() {
        1 => Verdict::Passed,
        rows => Verdict::Failed(format!("the identity has {rows} rows instead of one")),
    })
}

fn applied(conn: &mut Conn, home: &Home, expected: &[String]) -> Result<Verdict, Failure> {
    let now = ledger::read(conn, home)?.applied;
    let same = now.iter().map(|applied| &applied.version).eq(expected);
    Ok(if same {
        Verdict::Passed
    } else {
        let (now, expected) = (now.len(), expected.len());
        Verdict::Failed(format!("{now} versions are applied, the plan says {expected}"))
    })
}

fn selectable(conn: &mut Conn, smoke: &Smoke<'_>) -> Result<Verdict, Failure> {
    let relations = catalog::relations(conn)?;
    let broken = unselectable(conn, &relations, smoke.when)?;
    let (old, new): (Vec<_>, Vec<_>) =
        broken.iter().partition(|(name, _)| smoke.baseline.unselectable.contains(name));
    // Each may call what somebody else has written, as this role.
    let strangers = relations.iter().filter(|one| one.kind == "v" && !one.readable).count();
    Ok(match (new.first(), old.len(), strangers) {
        (Some((name, cause)), ..) => {
            Verdict::Failed(format!("{}: {cause}", redact::printable(name)))
        }
        (None, 0, 0) => Verdict::Passed,
        (None, 0, _) => {
            let views = words::count(strangers, "view");
            Verdict::Noted(format!(
                "{views} of other roles left out: reading one calls its functions"
            ))
        }
        (None, old, _) => Verdict::Noted(format!("{old} couldn't be read before either")),
    })
}

/// Relations that can't be selected from, and why. Inside the transaction nothing is read
/// (`LIMIT 0`): that plans the query, and that is where a broken view shows. All at once
/// first, because nearly always all is well.
fn unselectable(
    conn: &mut Conn,
    relations: &[Relation],
    when: When,
) -> Result<Vec<(String, String)>, Failure> {
    let limit = if when == When::BeforeCommit { 0 } else { 1 };
    // A table that is only planned can't fail.
    let asked: Vec<&Relation> =
        relations.iter().filter(|one| one.readable && (limit > 0 || !one.is_table())).collect();
    let select = |one: &Relation| format!("SELECT * FROM {} LIMIT {limit}", one.sql());
    let all: Vec<String> = asked.iter().map(|one| select(one)).collect();
    let read = |conn: &mut Conn, sql: &str| {
        aside(conn, |conn| {
            conn.as_application()?;
            conn.run(sql)
        })
    };
    if read(conn, &all.join("; ")).is_ok() {
        return Ok(Vec::new());
    }
    let mut broken = Vec::new();
    for relation in asked {
        match read(conn, &select(relation)) {
            Ok(()) => {}
            // Some of its rows are hidden from the role.
            Err(failure) if failure.message.contains("row-level security") => {}
            Err(failure) if failure.is_lock_timeout() || conn.is_lost() => return Err(failure),
            Err(failure) => broken.push((relation.shown(), failure.to_string())),
        }
    }
    Ok(broken)
}

/// No invalid index and no sequence behind its column that wasn't there before.
fn sound(conn: &mut Conn, baseline: &Baseline) -> Result<Verdict, Failure> {
    let now = faults(conn)?;
    Ok(match (now.difference(&baseline.faults).next(), now.len()) {
        (Some(new), _) => Verdict::Failed(new.clone()),
        (None, 0) => Verdict::Passed,
        (None, old) => Verdict::Noted(format!("{old} faults that were there before")),
    })
}

fn faults(conn: &mut Conn) -> Result<BTreeSet<String>, Failure> {
    let invalid = catalog::invalid_indexes(conn)?;
    let mut faults: BTreeSet<String> = invalid
        .into_iter()
        .map(|index| format!("the index {} is not valid", redact::printable(&index)))
        .collect();
    for sequence in sequences(conn)? {
        let (next, column) = (&sequence.next, &sequence.column);
        let sql = format!("SELECT max({column}) >= ({next}) FROM {}", sequence.table);
        // A role that may not read it can't tell, and that is no fault.
        let behind = aside(conn, |conn| conn.ask_one(&sql));
        if behind.is_ok_and(|row| row.first().cloned().flatten().as_deref() == Some("t")) {
            faults.insert(format!(
                "the sequence of {}.{} is behind its column: the next row would collide",
                redact::printable(&sequence.table),
                redact::printable(column)
            ));
        }
    }
    Ok(faults)
}

/// A sequence that fills a column, which has an index that begins with it: so that its
/// maximum is found at once.
struct Sequence {
    table: String,
    column: String,
    /// An expression that gives the next value.
    next: String,
}

fn sequences(conn: &mut Conn) -> Result<Vec<Sequence>, Failure> {
    let rows = conn.ask(
        "SELECT pg_catalog.format('%I.%I', tn.nspname, t.relname), pg_catalog.quote_ident(a.attname),
                pg_catalog.format('SELECT CASE WHEN is_called THEN last_value + 1 ELSE last_value END FROM %I.%I', sn.nspname, s.relname)
         FROM pg_catalog.pg_depend d
         JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'
         JOIN pg_catalog.pg_namespace sn ON sn.oid = s.relnamespace
         JOIN pg_catalog.pg_sequence q ON q.seqrelid = s.oid AND q.seqincrement > 0
         JOIN pg_catalog.pg_class t ON t.oid = d.refobjid AND t.relkind = 'r'
         JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
         JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
         WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
           AND d.deptype IN ('a', 'i') AND a.atttypid IN (20, 21, 23)
           AND t.relname NOT LIKE '\\_\\_portcullis\\_%'
           AND EXISTS (SELECT FROM pg_catalog.pg_index x
                       WHERE x.indrelid = t.oid AND x.indkey[0] = a.attnum AND x.indisvalid)
         ORDER BY 1, 2",
    )?;
    let sequence = |row: Vec<Option<String>>| {
        let [table, column, next] = <[Option<String>; 3]>::try_from(row).ok()?;
        Some(Sequence { table: table?, column: column?, next: next? })
    };
    Ok(rows.into_iter().filter_map(sequence).collect())
}

/// Constraints that old rows were never held to: there on purpose, but to be known.
fn validated(conn: &mut Conn) -> Result<Verdict, Failure> {
    let rows = conn.ask(
        "SELECT k.conname FROM pg_catalog.pg_constraint k
         JOIN pg_catalog.pg_namespace n ON n.oid = k.connamespace
         WHERE NOT k.convalidated AND n.nspname NOT LIKE 'pg\\_%' ORDER BY 1",
    )?;
    let names: Vec<String> =
        rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect();
    Ok(if names.is_empty() {
        Verdict::Passed
    } else {
        Verdict::Noted(format!("not validated: {}", redact::printable(&names.join(", "))))
    })
}

/// The queries of one file, in a transaction that can't write.
fn user_queries(conn: &mut Conn, file: &std::path::Path, when: When) -> Check {
    let mut check = one(conn, "", when, |conn| {
        conn.run("SET LOCAL transaction_read_only = on; SET LOCAL row_security = on")?;
        conn.as_application()?;
        let mut ask = |sql: &str| {
            // A record that is expected to fail must not end the transaction.
            let rows = aside(conn, |conn| conn.ask(sql)).map_err(|failure| failure.to_string())?;
            Ok(rows.into_iter().map(|row| row.into_iter().map(slt::cell).collect()).collect())
        };
        match slt::smoke::run(file, "postgres", &mut ask) {
            Ok(held) => Ok(Verdict::Noted(format!("{held} queries"))),
            Err(error) => Ok(Verdict::Failed(error)),
        }
    });
    check.name = redact::path(file);
    check
}
