//! The tool's own tables: identity, runs, head, applied migrations, receipts. What the
//! next run needs lives here, with the database.

use std::collections::BTreeSet;

use portcullis_model::catalog::{Catalog, DIESEL_TABLE, Object, ObjectKind};
use portcullis_model::digest::Digest;
use portcullis_model::plan::{Applied, Direction, Noted, Step};
use portcullis_model::sql::Dialect;
use uuid::Uuid;

use super::catalog;
use super::home::Home;
use super::link::conn::{Conn, Failure, Row, literal};
use super::link::transaction;
use crate::seam::{Head, OpenRun, Overlay, ReceiptLink, StoredReceipt};

/// A database of a cluster: what a copy of it has otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Where {
    pub(super) cluster: u64,
    pub(super) oid: u32,
}

/// A cell that must be there.
fn text(row: &Row, column: usize) -> Result<String, Failure> {
    let cell = row.get(column).cloned().flatten();
    cell.ok_or_else(|| Failure::of("a value that must be there is missing"))
}

fn parsed<T: std::str::FromStr>(row: &Row, column: usize) -> Result<T, Failure> {
    text(row, column)?.parse().map_err(|_| Failure::of("a value of the record can't be read"))
}

fn optional(text: Option<&str>) -> String {
    text.map_or_else(|| "NULL".to_owned(), literal)
}

/// What the ledger says.
pub(super) struct Ledger {
    pub(super) identity: Option<(Uuid, Where)>,
    pub(super) applied: Vec<Applied>,
    pub(super) open_runs: Vec<OpenRun>,
    pub(super) last_receipt: Option<ReceiptLink>,
    pub(super) head: Option<Head>,
}

/// Reads the ledger.
pub(super) fn read(conn: &mut Conn, home: &Home) -> Result<Ledger, Failure> {
    let there = home.there(conn)?;
    let has = |table: &str| there.contains(table);
    Ok(Ledger {
        identity: if has("__portcullis_identity") { identity(conn, home)? } else { None },
        applied: applied(conn, home, &there)?,
        open_runs: if has("__portcullis_run") { open_runs(conn, home)? } else { Vec::new() },
        last_receipt: if has("__portcullis_receipt") { last_receipt(conn, home)? } else { None },
        head: if has("__portcullis_head") { head(conn, home)? } else { None },
    })
}

fn identity(conn: &mut Conn, home: &Home) -> Result<Option<(Uuid, Where)>, Failure> {
    let table = home.table("__portcullis_identity");
    let rows = conn.ask(&format!("SELECT uuid, cluster, database_oid FROM {table}"))?;
    let read =
        |row: &Row| Ok((parsed(row, 0)?, Where { cluster: parsed(row, 1)?, oid: parsed(row, 2)? }));
    rows.first().map(read).transpose()
}

/// Of the ledger, what is applied.
pub(super) fn applied_in(conn: &mut Conn, home: &Home) -> Result<Vec<Applied>, Failure> {
    let there = home.there(conn)?;
    applied(conn, home, &there)
}

/// What Diesel's table says is applied, with our fingerprints where we applied it.
fn applied(
    conn: &mut Conn,
    home: &Home,
    there: &BTreeSet<String>,
) -> Result<Vec<Applied>, Failure> {
    if !there.contains(DIESEL_TABLE) {
        return Ok(Vec::new());
    }
    let diesel = home.table(DIESEL_TABLE);
    let sql = if there.contains("__portcullis_migration") {
        format!(
            "SELECT d.version, p.fingerprint, p.directory, p.down_sql, p.run FROM {diesel} d
             LEFT JOIN {} p ON p.version = d.version ORDER BY d.version COLLATE \"C\"",
            home.table("__portcullis_migration")
        )
    } else {
        format!("SELECT version, NULL FROM {diesel} ORDER BY version COLLATE \"C\"")
    };
    let rows = conn.ask(&sql)?;
    let one = |row: &Row| {
        let noted = row.get(1).cloned().flatten().map(|fingerprint| noted(row, &fingerprint));
        Ok(Applied { version: text(row, 0)?, noted: noted.transpose()? })
    };
    rows.iter().map(one).collect()
}

fn noted(row: &Row, fingerprint: &str) -> Result<Noted, Failure> {
    Ok(Noted {
        directory: text(row, 2)?,
        // A fingerprint that can't be read matches nothing on disk.
        fingerprint: fingerprint.parse().unwrap_or_else(|_| Digest::of(fingerprint.as_bytes())),
        down_sql: row.get(3).cloned().flatten(),
        run: text(row, 4)?.parse().unwrap_or_default(),
    })
}

fn open_runs(conn: &mut Conn, home: &Home) -> Result<Vec<OpenRun>, Failure> {
    let rows = conn.ask(&format!(
        "SELECT run, intent, entering FROM {} WHERE NOT closed ORDER BY sequence",
        home.table("__portcullis_run")
    ))?;
    let one = |row: &Row| {
        let entering = row.get(2).cloned().flatten();
        Ok(OpenRun { run: parsed(row, 0)?, intent: text(row, 1)?, entering })
    };
    rows.iter().map(one).collect()
}

fn last_receipt(conn: &mut Conn, home: &Home) -> Result<Option<ReceiptLink>, Failure> {
    let rows = conn.ask(&format!(
        "SELECT sequence, digest FROM {} ORDER BY sequence DESC LIMIT 1",
        home.table("__portcullis_receipt")
    ))?;
    let link = |row: &Row| Ok(ReceiptLink { sequence: parsed(row, 0)?, digest: parsed(row, 1)? });
    rows.first().map(link).transpose()
}

/// The newest run that changed the schema, and the schema that it left.
fn head(conn: &mut Conn, home: &Home) -> Result<Option<Head>, Failure> {
    let rows = conn.ask(&format!("SELECT run, schema FROM {}", home.table("__portcullis_head")))?;
    let Some(row) = rows.first() else { return Ok(None) };
    let (run, schema): (Uuid, Digest) = (parsed(row, 0)?, parsed(row, 1)?);
    let rows =
        conn.ask(&format!("SELECT kind, name, sql FROM {}", home.table("__portcullis_schema")))?;
    let object = |row: &Row| {
        let kind = ObjectKind::of_name(row.first()?.as_deref()?)?;
        Some(Object::new(kind, row.get(1)?.clone()?, row.get(2)?.clone()?, Dialect::Postgres))
    };
    let objects = rows.iter().map(object).collect::<Option<Vec<_>>>().map(Catalog::new);
    let objects = objects.filter(|objects| objects.fingerprint() == schema);
    Ok(Some(Head { run, schema, objects }))
}

/// All receipts, oldest first.
pub(super) fn receipts(conn: &mut Conn, home: &Home) -> Result<Vec<StoredReceipt>, Failure> {
    if !home.there(conn)?.contains("__portcullis_receipt") {
        return Ok(Vec::new());
    }
    let rows = conn.ask(&format!(
        "SELECT sequence, digest, run, body FROM {} ORDER BY sequence",
        home.table("__portcullis_receipt")
    ))?;
    let one = |row: &Row| {
        let link = ReceiptLink { sequence: parsed(row, 0)?, digest: parsed(row, 1)? };
        Ok(StoredReceipt { link, run: parsed(row, 2)?, body: text(row, 3)? })
    };
    rows.iter().map(one).collect()
}

/// Gives the database its identity, unless it has this one already, and commits what a run
/// means to do.
pub(super) fn begin_run(
    conn: &mut Conn,
    home: &Home,
    run: Uuid,
    identity: (Uuid, &Where),
    intent: &str,
) -> Result<(), Failure> {
    transaction::together(conn, |conn| {
        home.make(conn)?;
        set_identity(conn, home, identity)?;
        open_run(conn, home, run, intent)
    })
}

fn set_identity(conn: &mut Conn, home: &Home, (uuid, at): (Uuid, &Where)) -> Result<(), Failure> {
    conn.run(&format!(
        "INSERT INTO {} VALUES (1, '{uuid}', '{}', {}) ON CONFLICT (only_row) DO UPDATE
         SET uuid = excluded.uuid, cluster = excluded.cluster, database_oid = excluded.database_oid",
        home.table("__portcullis_identity"),
        at.cluster,
        at.oid
    ))
}

fn open_run(conn: &mut Conn, home: &Home, run: Uuid, intent: &str) -> Result<(), Failure> {
    let (table, intent) = (home.table("__portcullis_run"), literal(intent));
    conn.run(&format!("INSERT INTO {table} (run, intent) VALUES ('{run}', {intent})"))
}

/// The newest run, and whether it is closed.
pub(super) fn newest_run(conn: &mut Conn, home: &Home) -> Result<Option<(Uuid, bool)>, Failure> {
    let rows = conn.ask(&format!(
        "SELECT run, closed FROM {} ORDER BY sequence DESC LIMIT 1",
        home.table("__portcullis_run")
    ))?;
    rows.first().map(|row| Ok((parsed(row, 0)?, text(row, 1)? == "t"))).transpose()
}

/// Marks, in the open transaction, that the newest run works on this version.
pub(super) fn enter(conn: &mut Conn, home: &Home, version: &str) -> Result<(), Failure> {
    let table = home.table("__portcullis_run");
    conn.run(&format!(
        "UPDATE {table} SET entering = {} WHERE sequence = (SELECT max(sequence) FROM {table})",
        literal(version)
    ))
}

/// What the newest run is marked to be working on.
pub(super) fn entering(conn: &mut Conn, home: &Home) -> Result<Option<String>, Failure> {
    let rows = conn.ask(&format!(
        "SELECT entering FROM {} ORDER BY sequence DESC LIMIT 1",
        home.table("__portcullis_run")
    ))?;
    Ok(rows.into_iter().next().and_then(|row| row.into_iter().next().flatten()))
}

/// Takes every mark away.
pub(super) fn leave(conn: &mut Conn, home: &Home) -> Result<(), Failure> {
    let table = home.table("__portcullis_run");
    conn.run(&format!("UPDATE {table} SET entering = NULL WHERE entering IS NOT NULL"))
}

/// Writes the head and the schema that it stands for.
pub(super) fn set_head(conn: &mut Conn, home: &Home, head: &Head) -> Result<(), Failure> {
    let (table, schema) = (home.table("__portcullis_head"), home.table("__portcullis_schema"));
    let mut sql = format!(
        "INSERT INTO {table} VALUES (1, '{}', '{}') ON CONFLICT (only_row) DO UPDATE
         SET run = excluded.run, schema = excluded.schema; DELETE FROM {schema}",
        head.run, head.schema
    );
    let objects = head.objects.iter().flat_map(Catalog::objects);
    let rows: Vec<String> = objects
        .map(|one| {
            format!("('{}', {}, {})", one.kind.name(), literal(&one.name), literal(&one.sql))
        })
        .collect();
    if !rows.is_empty() {
        sql.push_str(&format!("; INSERT INTO {schema} VALUES {}", rows.join(", ")));
    }
    conn.run(&sql)
}

fn set_head_as_it_is(conn: &mut Conn, home: &Home, run: Uuid) -> Result<(), Failure> {
    let catalog = catalog::catalog(conn)?;
    let head = Head { run, schema: catalog.fingerprint(), objects: Some(catalog) };
    set_head(conn, home, &head)
}

/// Notes, in the open transaction, what was applied or undone.
pub(super) fn note_step(
    conn: &mut Conn,
    home: &Home,
    step: &Step,
    run: Uuid,
) -> Result<(), Failure> {
    conn.run(&note(home, step, run))
}

/// What died right after it may not have noted it where Diesel looks.
fn note_for_diesel(conn: &mut Conn, home: &Home, step: &Step) -> Result<(), Failure> {
    let (table, version) = (home.table(DIESEL_TABLE), literal(&step.version));
    conn.run(&match step.direction {
        Direction::Up => {
            format!("INSERT INTO {table} (version) VALUES ({version}) ON CONFLICT DO NOTHING")
        }
        Direction::Down => format!("DELETE FROM {table} WHERE version = {version}"),
    })
}

/// The statement that notes it.
pub(super) fn note(home: &Home, step: &Step, run: Uuid) -> String {
    let (table, version) = (home.table("__portcullis_migration"), literal(&step.version));
    if step.direction == Direction::Down {
        return format!("DELETE FROM {table} WHERE version = {version}");
    }
    format!(
        "INSERT INTO {table} VALUES ({version}, {}, '{}', {}, '{run}')
         ON CONFLICT (version) DO UPDATE SET directory = excluded.directory,
         fingerprint = excluded.fingerprint, down_sql = excluded.down_sql, run = excluded.run",
        literal(&step.directory),
        step.fingerprint,
        optional(step.down_sql.as_deref())
    )
}

/// Writes into a restored database what must come with it: the identity, the receipts that
/// are newer, the restore as an open run, and the schema as its head.
pub(super) fn overlay(
    conn: &mut Conn,
    home: &Home,
    at: &Where,
    overlay: Overlay<'_>,
) -> Result<(), Failure> {
    transaction::together(conn, |conn| {
        home.make(conn)?;
        set_identity(conn, home, (overlay.identity, at))?;
        conn.run(&format!(
            "UPDATE {} SET closed = true, entering = NULL WHERE NOT closed OR entering IS NOT NULL",
            home.table("__portcullis_run")
        ))?;
        for receipt in overlay.receipts {
            file(conn, home, receipt)?;
        }
        open_run(conn, home, overlay.run, overlay.intent)?;
        set_head_as_it_is(conn, home, overlay.run)
    })
}

/// Says that the database is here now: what was restored in its place keeps its identity.
pub(super) fn rehome(conn: &mut Conn, home: &Home, at: &Where) -> Result<(), Failure> {
    conn.run(&format!(
        "UPDATE {} SET cluster = '{}', database_oid = {}",
        home.table("__portcullis_identity"),
        at.cluster,
        at.oid
    ))
}

/// Clears the mark of a run that died outside a transaction.
pub(super) fn resolve(
    conn: &mut Conn,
    home: &Home,
    finished: Option<&Step>,
    run: Uuid,
) -> Result<(), Failure> {
    transaction::together(conn, |conn| {
        home.make(conn)?;
        if let Some(step) = finished {
            note_step(conn, home, step, run)?;
            note_for_diesel(conn, home, step)?;
        }
        leave(conn, home)?;
        set_head_as_it_is(conn, home, run)
    })
}

/// Files a receipt and closes its run.
pub(super) fn record(conn: &mut Conn, home: &Home, receipt: &StoredReceipt) -> Result<(), Failure> {
    transaction::together(conn, |conn| {
        home.make(conn)?;
        file(conn, home, receipt)?;
        conn.run(&format!(
            "UPDATE {} SET closed = true, entering = NULL WHERE run = '{}'",
            home.table("__portcullis_run"),
            receipt.run
        ))
    })
}

/// Adds a receipt, unless this very one is there.
fn file(conn: &mut Conn, home: &Home, receipt: &StoredReceipt) -> Result<(), Failure> {
    let table = home.table("__portcullis_receipt");
    let ReceiptLink { sequence, digest } = receipt.link;
    let row = conn.ask_one(&format!(
        "INSERT INTO {table} VALUES ({sequence}, '{}', '{digest}', {}) ON CONFLICT (sequence) DO NOTHING;
         SELECT digest FROM {table} WHERE sequence = {sequence}",
        receipt.run,
        literal(&receipt.body)
    ))?;
    if parsed::<Digest>(&row, 0)? == digest {
        return Ok(());
    }
    Err(Failure::of(&format!(
        "receipt {sequence} is another one there: two runs wrote the same number"
    )))
}
