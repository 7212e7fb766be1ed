//! What can only happen to rows where several write at once.

use std::time::{Duration, Instant};

use super::{PARENTS, print};
use crate::support::postgres::Postgres;
use crate::support::{Database, Way};

#[test]
fn prints_that_two_add_to_an_order_at_once_are_both_counted() {
    let mut db = Postgres::new();
    for index in 0..db.directories().len() {
        db.migrate(index, Way::Up).unwrap();
    }
    db.execute(PARENTS).unwrap();
    let (first, second) = (db.another(), db.another());

    let begin = format!("BEGIN; {}", print("r1", "o1", "m1", "10x15", 1));
    db.runtime().block_on(first.batch_execute(&begin)).unwrap();
    let adding = db.runtime().spawn(async move {
        second.batch_execute(&print("r2", "o1", "m1", "20x20", 1)).await.unwrap();
    });
    let waiting = "SELECT pid FROM pg_stat_activity
                   WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let begun = Instant::now();
    while db.rows(waiting).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(20), "the second never waited");
        std::thread::sleep(Duration::from_millis(5));
    }
    db.runtime().block_on(first.batch_execute("COMMIT")).unwrap();
    db.runtime().block_on(adding).unwrap();

    assert_eq!(db.rows("SELECT total_cents FROM orders WHERE id = 'o1'"), ["1580"]);
}
