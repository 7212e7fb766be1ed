//! The tool's own tables: identity, runs, head, applied migrations, receipts. What the
//! next run needs lives here, with the database.

use portcullis_model::catalog::{Catalog, Object, ObjectKind};
use portcullis_model::digest::Digest;
use portcullis_model::plan::{Applied, Direction, Noted, Step};
use portcullis_model::sql::Dialect;
use rusqlite::{Connection, OptionalExtension as _, Result, TransactionBehavior, params};
use uuid::Uuid;

use crate::seam::{Head, OpenRun, Overlay, ReceiptLink, StoredReceipt};

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS __portcullis_identity (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    uuid TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS __portcullis_run (
    sequence INTEGER PRIMARY KEY,
    run TEXT NOT NULL UNIQUE,
    intent TEXT NOT NULL,
    -- The version whose effects a rollback may not undo; set while it runs.
    entering TEXT,
    closed INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS __portcullis_head (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    run TEXT NOT NULL,
    schema TEXT NOT NULL
);
-- The objects that the head's fingerprint was taken of.
CREATE TABLE IF NOT EXISTS __portcullis_schema (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    sql TEXT NOT NULL,
    PRIMARY KEY (kind, name)
);
CREATE TABLE IF NOT EXISTS __portcullis_migration (
    version TEXT PRIMARY KEY,
    directory TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    down_sql TEXT,
    run TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS __portcullis_receipt (
    sequence INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    digest TEXT NOT NULL,
    body TEXT NOT NULL
);
";

/// Whether there is a table of this name.
pub(super) fn has_table(conn: &Connection, name: &str) -> Result<bool> {
    conn.query_row(
        "SELECT count(*) FROM main.sqlite_schema WHERE type = 'table' AND name = ?1",
        [name],
        |row| Ok(row.get::<_, i64>(0)? > 0),
    )
}

fn parsed<T: std::str::FromStr>(row: &rusqlite::Row<'_>, column: usize) -> Result<T>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let text: String = row.get(column)?;
    text.parse().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(
            column,
            rusqlite::types::Type::Text,
            Box::new(error),
        )
    })
}

pub(super) fn identity(conn: &Connection) -> Result<Option<Uuid>> {
    if !has_table(conn, "__portcullis_identity")? {
        return Ok(None);
    }
    conn.query_row("SELECT uuid FROM __portcullis_identity", [], |row| parsed(row, 0)).optional()
}

/// What Diesel's table says is applied, with our fingerprints where we applied it.
pub(super) fn applied(conn: &Connection) -> Result<Vec<Applied>> {
    if !has_table(conn, portcullis_model::catalog::DIESEL_TABLE)? {
        return Ok(Vec::new());
    }
    let ours = has_table(conn, "__portcullis_migration")?;
    let sql = if ours {
        "SELECT d.version, p.fingerprint, p.directory, p.down_sql, p.run
         FROM __diesel_schema_migrations d
         LEFT JOIN __portcullis_migration p ON p.version = d.version ORDER BY d.version"
    } else {
        "SELECT version, NULL FROM __diesel_schema_migrations ORDER BY version"
    };
    let mut statement = conn.prepare(sql)?;
    let rows = statement.query_map([], |row| {
        let fingerprint: Option<String> = row.get(1)?;
        let noted = fingerprint.map(|fingerprint| noted(row, &fingerprint)).transpose()?;
        Ok(Applied { version: row.get(0)?, noted })
    })?;
    rows.collect()
}

fn noted(row: &rusqlite::Row<'_>, fingerprint: &str) -> Result<Noted> {
    let run: String = row.get(4)?;
    Ok(Noted {
        directory: row.get(2)?,
        // A fingerprint that can't be read matches nothing on disk.
        fingerprint: fingerprint.parse().unwrap_or_else(|_| Digest::of(fingerprint.as_bytes())),
        down_sql: row.get(3)?,
        run: run.parse().unwrap_or_default(),
    })
}

pub(super) fn open_runs(conn: &Connection) -> Result<Vec<OpenRun>> {
    if !has_table(conn, "__portcullis_run")? {
        return Ok(Vec::new());
    }
    let mut statement = conn.prepare(
        "SELECT run, intent, entering FROM __portcullis_run WHERE NOT closed ORDER BY sequence",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(OpenRun { run: parsed(row, 0)?, intent: row.get(1)?, entering: row.get(2)? })
    })?;
    rows.collect()
}

pub(super) fn head(conn: &Connection) -> Result<Option<Head>> {
    if !has_table(conn, "__portcullis_head")? {
        return Ok(None);
    }
    let head = conn
        .query_row("SELECT run, schema FROM __portcullis_head", [], |row| {
            Ok(Head { run: parsed(row, 0)?, schema: parsed(row, 1)?, objects: None })
        })
        .optional()?;
    let Some(head) = head else { return Ok(None) };
    // An older version of this tool writes a head without objects.
    let objects = head_objects(conn)?.filter(|objects| objects.fingerprint() == head.schema);
    Ok(Some(Head { objects, ..head }))
}

fn head_objects(conn: &Connection) -> Result<Option<Catalog>> {
    if !has_table(conn, "__portcullis_schema")? {
        return Ok(None);
    }
    let mut statement = conn.prepare("SELECT kind, name, sql FROM __portcullis_schema")?;
    let rows = statement.query_map([], |row| {
        let word: String = row.get(0)?;
        let kind = ObjectKind::of_name(&word);
        let object = |kind| Ok(Object::new(kind, row.get(1)?, row.get(2)?, Dialect::Sqlite));
        kind.map(object).transpose()
    })?;
    let objects = rows.collect::<Result<Option<Vec<Object>>>>()?;
    Ok(objects.map(Catalog::new))
}

pub(super) fn receipts(conn: &Connection) -> Result<Vec<StoredReceipt>> {
    if !has_table(conn, "__portcullis_receipt")? {
        return Ok(Vec::new());
    }
    let mut statement = conn.prepare(
        "SELECT sequence, run, digest, body FROM __portcullis_receipt ORDER BY sequence",
    )?;
    let rows = statement.query_map([], |row| {
        let sequence = u64::try_from(row.get::<_, i64>(0)?).unwrap_or_default();
        Ok(StoredReceipt {
            link: ReceiptLink { sequence, digest: parsed(row, 2)? },
            run: parsed(row, 1)?,
            body: row.get(3)?,
        })
    })?;
    rows.collect()
}

pub(super) fn last_receipt(conn: &Connection) -> Result<Option<ReceiptLink>> {
    if !has_table(conn, "__portcullis_receipt")? {
        return Ok(None);
    }
    conn.query_row(
        "SELECT sequence, digest FROM __portcullis_receipt ORDER BY sequence DESC LIMIT 1",
        [],
        |row| {
            let sequence = u64::try_from(row.get::<_, i64>(0)?).unwrap_or_default();
            Ok(ReceiptLink { sequence, digest: parsed(row, 1)? })
        },
    )
    .optional()
}

pub(super) fn begin_run(
    conn: &mut Connection,
    run: Uuid,
    identity: Uuid,
    intent: &str,
) -> Result<()> {
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(TABLES)?;
    transaction.execute(
        "INSERT OR IGNORE INTO __portcullis_identity VALUES (1, ?1)",
        [identity.to_string()],
    )?;
    transaction.execute(
        "INSERT INTO __portcullis_run (run, intent) VALUES (?1, ?2)",
        params![run.to_string(), intent],
    )?;
    transaction.commit()
}

/// Marks, in the open transaction, that the newest run works on this version.
pub(super) fn enter(conn: &Connection, version: &str) -> Result<()> {
    conn.execute(
        "UPDATE __portcullis_run SET entering = ?1 WHERE sequence = (SELECT max(sequence) FROM __portcullis_run)",
        [version],
    )?;
    Ok(())
}

/// What the newest run is marked to be working on.
pub(super) fn entering(conn: &Connection) -> Result<Option<String>> {
    conn.query_row(
        "SELECT entering FROM __portcullis_run ORDER BY sequence DESC LIMIT 1",
        [],
        |row| row.get(0),
    )
    .optional()
    .map(Option::flatten)
}

/// Takes every mark away, in the open transaction if there is one.
pub(super) fn leave(conn: &Connection) -> Result<()> {
    conn.execute("UPDATE __portcullis_run SET entering = NULL WHERE entering IS NOT NULL", [])?;
    Ok(())
}

pub(super) fn set_head(conn: &Connection, head: &Head) -> Result<()> {
    conn.execute(
        "INSERT OR REPLACE INTO __portcullis_head VALUES (1, ?1, ?2)",
        params![head.run.to_string(), head.schema.to_string()],
    )?;
    conn.execute("DELETE FROM __portcullis_schema", [])?;
    let mut statement = conn.prepare("INSERT INTO __portcullis_schema VALUES (?1, ?2, ?3)")?;
    for object in head.objects.iter().flat_map(Catalog::objects) {
        statement.execute([object.kind.name(), &object.name, &object.sql])?;
    }
    Ok(())
}

/// Writes a head that says that a run left the schema as it is in the open transaction.
fn set_head_as_it_is(conn: &Connection, run: Uuid) -> Result<()> {
    let catalog = super::catalog::catalog(conn)?;
    set_head(conn, &Head { run, schema: catalog.fingerprint(), objects: Some(catalog) })
}

/// Remembers, or forgets, a migration with the step that applied or reverted it.
pub(super) fn note_step(conn: &Connection, step: &Step, run: Uuid) -> Result<()> {
    match step.direction {
        Direction::Up => conn.execute(
            "INSERT OR REPLACE INTO __portcullis_migration (version, directory, fingerprint, down_sql, run)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![step.version, step.directory, step.fingerprint.to_string(), step.down_sql, run.to_string()],
        )?,
        Direction::Down => conn.execute("DELETE FROM __portcullis_migration WHERE version = ?1", [&step.version])?,
    };
    Ok(())
}

/// Writes into a prepared copy of a backup what must come with it: the identity, the
/// receipts that are newer, the restore as an open run, and the schema as its head.
pub(super) fn overlay(conn: &mut Connection, overlay: Overlay<'_>) -> Result<()> {
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(TABLES)?;
    let identity = overlay.identity.to_string();
    transaction
        .execute("INSERT OR REPLACE INTO __portcullis_identity VALUES (1, ?1)", [identity])?;
    transaction.execute("UPDATE __portcullis_run SET closed = 1, entering = NULL", [])?;
    for receipt in overlay.receipts {
        file(&transaction, receipt)?;
    }
    transaction.execute(
        "INSERT INTO __portcullis_run (run, intent) VALUES (?1, ?2)",
        params![overlay.run.to_string(), overlay.intent],
    )?;
    set_head_as_it_is(&transaction, overlay.run)?;
    transaction.commit()
}

pub(super) fn resolve(conn: &mut Connection, finished: Option<&Step>, run: Uuid) -> Result<()> {
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(TABLES)?;
    if let Some(step) = finished {
        note_step(&transaction, step, run)?;
    }
    leave(&transaction)?;
    set_head_as_it_is(&transaction, run)?;
    transaction.commit()
}

pub(super) fn record(conn: &mut Connection, receipt: &StoredReceipt) -> Result<()> {
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(TABLES)?;
    file(&transaction, receipt)?;
    let run = receipt.run.to_string();
    transaction
        .execute("UPDATE __portcullis_run SET closed = 1, entering = NULL WHERE run = ?1", [run])?;
    transaction.commit()
}

/// Adds a receipt that isn't there yet.
fn file(conn: &Connection, receipt: &StoredReceipt) -> Result<()> {
    let sequence = i64::try_from(receipt.link.sequence).unwrap_or(i64::MAX);
    conn.execute(
        "INSERT OR IGNORE INTO __portcullis_receipt VALUES (?1, ?2, ?3, ?4)",
        params![sequence, receipt.run.to_string(), receipt.link.digest.to_string(), receipt.body],
    )?;
    Ok(())
}
