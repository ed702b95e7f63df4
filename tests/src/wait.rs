//! Waiting for something to become true, never longer than a deadline.
#![expect(
    clippy::disallowed_methods,
    reason = "tests watch other processes, which have no event to wait for"
)]

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// Asks `look` until it gives a value.
///
/// # Panics
/// When it has not within `limit`, saying `what` was waited for.
#[track_caller]
pub fn eventually<T, F>(what: &str, limit: Duration, mut look: impl FnMut() -> F) -> impl Future<Output = T>
where
    F: Future<Output = Option<T>>,
{
    let caller = std::panic::Location::caller();
    async move {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(value) = look().await {
                return value;
            }
            assert!(Instant::now() < deadline, "not within {limit:?}: {what} (waited for at {caller})");
            sleep(PAUSE).await;
        }
    }
}

/// Awaits `future`.
///
/// # Panics
/// When it is not ready within `limit`, saying `what` was waited for.
#[track_caller]
pub fn within<F: Future>(what: &str, limit: Duration, future: F) -> impl Future<Output = F::Output> {
    let caller = std::panic::Location::caller();
    async move {
        match timeout(limit, future).await {
            Ok(output) => output,
            Err(_) => panic!("not within {limit:?}: {what} (waited for at {caller})"),
        }
    }
}
