//! The only clock of the AWS side: waiting for what takes its time, never longer than allowed.
#![expect(
    clippy::disallowed_methods,
    reason = "AWS tells nobody when something is done; one asks again until a deadline"
)]

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Seconds since 1970.
pub(crate) fn unix_s() -> f64 {
    std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs_f64()
}

/// When something began, and how long it may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    began: Instant,
    limit: Duration,
    poll: Duration,
}

impl Deadline {
    pub(crate) fn after(limit: Duration, poll: Duration) -> Self {
        Self { began: Instant::now(), limit, poll }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Waits for one poll; false once the time is over.
    pub(crate) async fn again(&self) -> bool {
        if self.began.elapsed() >= self.limit {
            return false;
        }
        sleep(self.poll).await;
        true
    }
}
