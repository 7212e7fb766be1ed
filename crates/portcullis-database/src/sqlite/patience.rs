//! Waiting for other writers.
//!
//! SQLite's own handler sleeps for up to a tenth of a second between two looks. Beside an
//! application that writes all the time it hardly ever looks at the right moment.

use std::cell::Cell;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Result};

/// Between two looks.
const NAP: Duration = Duration::from_millis(1);

thread_local! {
    // SQLite's callback is a plain function; connections of one thread share their wait.
    static WAIT: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    static SINCE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Has a connection wait this long for a lock. All connections that a thread uses wait as
/// long as the last one was told: the gate has one target at a time.
pub(super) fn wait(conn: &Connection, wait: Duration) -> Result<()> {
    WAIT.set(wait);
    conn.busy_handler(Some(look_again))
}

fn look_again(looked: i32) -> bool {
    if looked == 0 {
        SINCE.set(Some(Instant::now()));
    }
    let waited = SINCE.get().map_or(Duration::MAX, |since| since.elapsed());
    if waited >= WAIT.get() {
        return false;
    }
    std::thread::sleep(NAP);
    true
}
