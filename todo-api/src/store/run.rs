//! One statement on one connection, and what becomes of the connection afterwards.

use super::StoreError;
use super::error::session_was_ended;
use super::pool::{Connect, Lease, Pool};
use super::statement::Statement;

/// Whether a statement may be sent again when its connection turns out to be dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Reads, and writes that end in the same state when done twice.
    Safe,
    /// Writes: only when the server says that it did not do them.
    IfNotDone,
}

/// A connection that waited in the pool may have died there; one more is tried before the caller hears of it.
const ATTEMPTS: usize = 3;

/// Runs `statement` on a connection of `pool`.
pub(super) async fn run<M: Connect, S: Statement<M::Connection>>(
    pool: &Pool<M>,
    repeat: Repeat,
    statement: &S,
) -> Result<S::Output, StoreError> {
    run_on(pool.acquire().await?, pool, repeat, statement).await
}

/// Runs `statement` on a connection that was already lent by `pool`.
pub(super) async fn run_on<M: Connect, S: Statement<M::Connection>>(
    mut lease: Lease<'_, M>,
    pool: &Pool<M>,
    repeat: Repeat,
    statement: &S,
) -> Result<S::Output, StoreError> {
    for attempt in 1.. {
        let error = match statement.run(lease.connection()).await {
            Ok(value) => {
                lease.give_back();
                return Ok(value);
            }
            Err(error) => error,
        };
        let again = !lease.is_fresh() && attempt < ATTEMPTS;
        let again = again && (repeat == Repeat::Safe || session_was_ended(&error));
        let error = StoreError::from_sqlx(error);
        match error {
            StoreError::Unavailable(_) => lease.dead(),
            StoreError::Busy | StoreError::Failed(_) => {
                lease.give_back();
                return Err(error);
            }
        }
        if !again {
            return Err(error);
        }
        lease = pool.acquire().await?;
    }
    unreachable!("the loop only ends by returning")
}
