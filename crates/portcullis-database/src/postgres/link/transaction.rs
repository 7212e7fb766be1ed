//! Transactions and savepoints of the gate's own, around those of Diesel's.

use super::conn::{Conn, Failure, Status};

/// Runs something that must leave no trace: what it sets is taken back, whatever happens.
/// Inside an open transaction this is a savepoint, which takes no transaction number as
/// long as nothing is written.
pub(crate) fn aside<T>(
    conn: &mut Conn,
    work: impl FnOnce(&mut Conn) -> Result<T, Failure>,
) -> Result<T, Failure> {
    if conn.status() == Status::Idle {
        conn.run("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")?;
        let result = work(conn);
        conn.run("ROLLBACK")?;
        return result;
    }
    conn.run("SAVEPOINT portcullis_aside")?;
    let result = work(conn);
    conn.run("ROLLBACK TO SAVEPOINT portcullis_aside; RELEASE SAVEPOINT portcullis_aside")?;
    result
}

/// Runs statements in a transaction of their own.
pub(crate) fn together<T>(
    conn: &mut Conn,
    work: impl FnOnce(&mut Conn) -> Result<T, Failure>,
) -> Result<T, Failure> {
    conn.run("BEGIN")?;
    match work(conn) {
        Ok(value) => conn.run("COMMIT").map(|()| value),
        Err(failure) => {
            // The first failure says more than one of the rollback.
            let _ = conn.run("ROLLBACK");
            Err(failure)
        }
    }
}
