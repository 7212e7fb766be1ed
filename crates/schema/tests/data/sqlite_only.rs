//! What only SQLite does to rows.

use super::{PARENTS, print};
use crate::support::{Bench, Engine, Way};

const CHECK_ORDER_STATUS: &str =
    include_str!("../../../../migrations/sqlite/2024-07-08-120000_check_order_status/up.sql");
const TIGHTEN_CUSTOMERS: &str =
    include_str!("../../../../migrations/sqlite/2025-02-10-113000_tighten_customers/up.sql");

/// Why the gate turns foreign keys off: this is what happens to one who doesn't.
#[test]
fn a_rebuild_with_foreign_keys_on_costs_the_children() {
    let mut bench = Bench::before(Engine::Sqlite, "check_order_status");
    bench.sql(PARENTS);
    bench.sql(&print("r1", "o1", "m1", "10x15", 2));
    bench.sql(&format!("BEGIN; {CHECK_ORDER_STATUS} COMMIT;"));
    assert!(bench.rows("SELECT id FROM prints").is_empty());

    let mut bench = Bench::before(Engine::Sqlite, "tighten_customers");
    bench.sql(PARENTS);
    bench.try_sql(&format!("BEGIN; {TIGHTEN_CUSTOMERS} COMMIT;")).unwrap_err();
}

#[test]
fn the_write_ahead_log_is_switched_on_and_off() {
    let mut bench = Bench::before(Engine::Sqlite, "use_write_ahead_log");
    for (way, mode) in [(Way::Up, "wal"), (Way::Down, "delete")] {
        bench.run("use_write_ahead_log", way);
        assert_eq!(bench.rows("PRAGMA journal_mode"), [mode]);
    }
    // The reason for its metadata.toml.
    bench.try_sql("BEGIN; PRAGMA journal_mode = WAL").unwrap_err();
}
