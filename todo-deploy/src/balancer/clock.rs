//! The balancer's only clock, and the one timer that each connection has.
#![expect(clippy::disallowed_methods, reason = "sockets time out in real time; this is the edge")]

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

pub(super) fn now() -> Instant {
    Instant::now()
}

/// The wall clock, as the time since 1970: for log lines and trace ids only.
pub(super) fn wall() -> Duration {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
}

/// Waits until `deadline`.
pub(super) async fn until(deadline: Instant) {
    sleep_until(deadline).await;
}

/// What `future` gives, or `None` when it takes until `deadline`.
pub(super) async fn by<F: Future>(deadline: Instant, future: F) -> Option<F::Output> {
    tokio::time::timeout_at(deadline, future).await.ok()
}

/// One timer for many deadlines that are nearly always met: it is set when something first waits, and moved
/// only when it fires or when a deadline lies before it, so that a busy connection pays nothing per request.
#[derive(Debug)]
pub(super) struct Deadline {
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    pub(super) const fn new() -> Self {
        Self { sleep: None }
    }

    /// Whether `deadline` has passed; if not, the task is woken by then, and perhaps before.
    pub(super) fn poll_passed(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let sleep = match &mut self.sleep {
            // Set already, and the task that it wakes is always the same one.
            Some(sleep) if sleep.deadline() <= deadline && !sleep.is_elapsed() => return Poll::Pending,
            Some(sleep) => {
                sleep.as_mut().reset(deadline);
                sleep
            }
            None => self.sleep.insert(Box::pin(sleep_until(deadline))),
        };
        sleep.as_mut().poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn fires_at_the_deadline_that_counts_now() {
        let (mut timer, begun) = (Deadline::new(), now());
        let mut wait = async |seconds| {
            let deadline = now() + Duration::from_secs(seconds);
            std::future::poll_fn(|cx| timer.poll_passed(cx, deadline)).await;
            begun.elapsed().as_secs()
        };
        assert_eq!([wait(10).await, wait(1).await, wait(60).await, wait(2).await], [10, 11, 71, 73]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_moves_on_is_not_missed() {
        let (mut timer, begun) = (Deadline::new(), now());
        let mut deadline = now() + Duration::from_secs(1);
        let mut moves = 3;
        std::future::poll_fn(|cx| {
            if moves > 0 {
                moves -= 1;
                deadline += Duration::from_secs(1);
                cx.waker().wake_by_ref();
                assert!(timer.poll_passed(cx, deadline).is_pending());
                return Poll::Pending;
            }
            timer.poll_passed(cx, deadline)
        })
        .await;
        assert_eq!(begun.elapsed().as_secs(), 4);
    }
}
