//! Whether anybody else has written since a backup.
//!
//! Two ways, either of which proves that nobody has. A logical slot, where the server keeps
//! one, shows every transaction that committed, with its number: all must be ours. Else the
//! server's transaction numbers are counted: ours alone must account for every number given
//! out since; the server's own maintenance also takes some, and then nothing is proved.

use std::collections::BTreeSet;

use crate::postgres::link::conn::{Conn, Failure, literal};

/// What was seen when the backup was taken, and what this session has done since.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    slot: Option<String>,
    /// The next transaction number then.
    next: u64,
    /// Whether no transaction was under way then: one could commit later, without a number
    /// that is newer.
    quiet: bool,
    /// The numbers of this session's transactions.
    ours: BTreeSet<u64>,
    /// How many numbers this session has certainly taken.
    taken: u64,
}

/// Why it isn't proved.
pub(crate) type Doubt = String;

/// The server's transaction numbers at a moment at which nobody could write.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Numbers {
    oldest: u64,
    next: u64,
}

/// The numbers now.
pub(crate) fn numbers(conn: &mut Conn) -> Result<Numbers, Failure> {
    snapshot(conn).map(|(oldest, next)| Numbers { oldest, next })
}

/// Begins to watch from an earlier moment on, at which the database was fenced: since then
/// this session has only lifted the fence.
pub(crate) fn since(
    conn: &mut Conn,
    then: Numbers,
    slot: Option<String>,
) -> Result<Watch, Failure> {
    let mut watch = begin(conn, slot)?;
    // What was written before the slot was there isn't in it.
    if watch.slot.is_some() && watch.next != then.next + 1 {
        watch.slot = None;
    }
    if watch.slot.is_none() {
        (watch.next, watch.taken) = (then.next, 1);
        watch.quiet = then.oldest == then.next;
    }
    Ok(watch)
}

/// Begins to watch. Called outside of a transaction, before the snapshot of the backup is
/// taken.
pub(crate) fn begin(conn: &mut Conn, slot: Option<String>) -> Result<Watch, Failure> {
    let slot = slot.filter(|slot| make_slot(conn, slot).is_ok());
    let (oldest, next) = snapshot(conn)?;
    Ok(Watch { slot, next, quiet: oldest == next, ours: BTreeSet::new(), taken: 0 })
}

/// A slot of this session; it is gone with it. Making one waits for transactions that are
/// under way, and that shall not hold the run up.
fn make_slot(conn: &mut Conn, slot: &str) -> Result<(), Failure> {
    let row = conn.ask_one(
        "SELECT pg_catalog.current_setting('wal_level') = 'logical'
            AND (SELECT rolreplication OR rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)
            -- What is written to these isn't in the log that a slot shows.
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_class WHERE relpersistence = 'u')
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata)",
    )?;
    if row.first().cloned().flatten().as_deref() != Some("t") {
        return Err(Failure::of("no slot would show every write"));
    }
    conn.run("SET statement_timeout = '5s'")?;
    let made = conn.run(&format!(
        "SELECT pg_catalog.pg_create_logical_replication_slot({}, 'test_decoding', true)",
        literal(slot)
    ));
    conn.run("RESET statement_timeout")?;
    made
}

/// The oldest transaction that is under way, and the number that the next one gets.
fn snapshot(conn: &mut Conn) -> Result<(u64, u64), Failure> {
    let row = conn.ask_one(
        "SELECT pg_catalog.txid_snapshot_xmin(s), pg_catalog.txid_snapshot_xmax(s)
         FROM pg_catalog.txid_current_snapshot() s",
    )?;
    let number = |at: usize| row.get(at)?.as_deref()?.parse().ok();
    number(0).zip(number(1)).ok_or_else(|| Failure::of("the server gave no snapshot"))
}

impl Watch {
    /// A transaction of this session has this number, and certainly took `numbers` in all:
    /// its own, and one for each savepoint that wrote.
    pub(crate) fn saw_own(&mut self, xact: Option<&str>, numbers: u64) {
        if let Some(number) = xact.and_then(|xact| xact.parse().ok()) {
            self.ours.insert(number);
            self.taken += numbers;
        }
    }

    /// This session has just taken at least one number outside of its transactions.
    pub(crate) fn saw_a_number(&mut self) {
        self.taken += 1;
    }

    /// Whether the proof still holds after a restore on the same server.
    pub(crate) fn outlives_a_restore(&self) -> bool {
        self.slot.is_some()
    }

    /// Whether it is proved that nobody else has written. The database must be fenced and
    /// drained.
    ///
    /// `conn` is the session that began to watch, if it is alive: the slot is its own.
    pub(crate) fn prove(&self, conn: &mut Conn) -> Result<Result<(), Doubt>, Failure> {
        if let Some(slot) = &self.slot {
            return self.by_slot(conn, slot);
        }
        if !self.quiet {
            return Ok(Err("other transactions were under way when the backup was taken".into()));
        }
        let (_, next) = snapshot(conn)?;
        let given_out = next.saturating_sub(self.next);
        Ok(if given_out == self.taken {
            Ok(())
        } else {
            Err(format!(
                "the server has given out {given_out} transaction numbers since the backup, and this run accounts for {}",
                self.taken
            ))
        })
    }

    fn by_slot(&self, conn: &mut Conn, slot: &str) -> Result<Result<(), Doubt>, Failure> {
        let rows = conn.ask(&format!(
            "SELECT DISTINCT xid::text::bigint FROM pg_catalog.pg_logical_slot_peek_changes({}, NULL, NULL)",
            literal(slot)
        ))?;
        // The log has the lower half of the number.
        let ours: BTreeSet<u64> = self.ours.iter().map(|number| number & 0xffff_ffff).collect();
        let others = rows
            .iter()
            .filter_map(|row| row.first()?.as_deref()?.parse::<u64>().ok())
            .filter(|number| !ours.contains(number))
            .count();
        Ok(match others {
            0 => Ok(()),
            1 => Err("a transaction of another program has committed since the backup".to_owned()),
            others => Err(format!(
                "{others} transactions of other programs have committed since the backup"
            )),
        })
    }
}
