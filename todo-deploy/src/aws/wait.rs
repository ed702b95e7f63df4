//! The only clock of the AWS side: waiting for what takes its time, never longer than allowed.
#![expect(
    clippy::disallowed_methods,
    reason = "AWS tells nobody when something is done; one asks again until a deadline"
)]

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// When something began, and how long it may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    began: Instant,
    limit: Duration,
    poll: Duration,
}

impl Deadline {
    pub(super) fn after(limit: Duration, poll: Duration) -> Self {
        Self { began: Instant::now(), limit, poll }
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Waits for one poll; false once the time is over.
    pub(super) async fn again(&self) -> bool {
        if self.began.elapsed() >= self.limit {
            return false;
        }
        sleep(self.poll).await;
        true
    }
}
