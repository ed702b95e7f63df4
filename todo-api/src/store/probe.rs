//! The health check's own connection to the database.
//!
//! It is outside the request pool, so that overload (a full pool) does not read as ill health, and it asks for
//! nothing but an answer, so that a large table or a locked one does not either.
#![expect(clippy::disallowed_methods, reason = "the age of the last answer is the probe's own business")]

use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::time::timeout;

use super::pool::Connect;
use super::statement::Statement;
use super::{HEALTH_BOUND, StoreError};

/// An answer this fresh serves other checks too: a flood of checks costs the database four statements a second.
const FRESH: Duration = Duration::from_millis(250);

#[derive(Debug)]
pub(super) struct Probe<M: Connect> {
    state: Mutex<State<M::Connection>>,
}

#[derive(Debug)]
struct State<C> {
    connection: Option<C>,
    answered: Option<Instant>,
}

impl<M: Connect> Probe<M> {
    pub(super) fn new() -> Self {
        Self { state: Mutex::new(State { connection: None, answered: None }) }
    }

    /// Sends `ping`, on the connection of the last check where it still works, otherwise on a new one.
    pub(super) async fn check(
        &self,
        manager: &M,
        ping: &impl Statement<M::Connection>,
    ) -> Result<(), StoreError> {
        let checked = async {
            let mut state = self.state.lock().await;
            if state.answered.is_some_and(|at| at.elapsed() < FRESH) {
                return Ok(());
            }
            state.answered = None;
            // Taken out while in use: a check that is cancelled leaves no half-read connection behind.
            if let Some(mut connection) = state.connection.take()
                && ping.run(&mut connection).await.is_ok()
            {
                *state = State { connection: Some(connection), answered: Some(Instant::now()) };
                return Ok(());
            }
            let mut connection = manager.connect().await?;
            ping.run(&mut connection).await?;
            *state = State { connection: Some(connection), answered: Some(Instant::now()) };
            Ok(())
        };
        match timeout(HEALTH_BOUND, checked).await {
            Ok(outcome) => outcome.map_err(StoreError::Unavailable),
            Err(_) => Err(StoreError::down("no answer to the health check in time")),
        }
    }
}
