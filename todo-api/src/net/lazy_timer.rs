//! One timer for many deadlines that are nearly always met.
//!
//! Setting a timer for every request and removing it again costs more than looking up one todo. This one is set when
//! something first waits, and is moved only when it fires and the deadline turns out to lie further on. As the
//! deadlines of one connection rarely move closer, a busy connection so pays nothing per request.
#![expect(clippy::disallowed_methods, reason = "timeouts of sockets and requests are real time")]

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

#[derive(Debug)]
pub(crate) struct LazyTimer(Pin<Box<Sleep>>);

impl LazyTimer {
    pub(crate) fn new(first: Instant) -> Self {
        Self(Box::pin(sleep_until(first)))
    }

    /// Wakes the task within `period` although no deadline counts now.
    pub(crate) fn stay_set(&mut self, cx: &mut Context<'_>, period: Duration) {
        while self.0.as_mut().poll(cx).is_ready() {
            self.0.as_mut().reset(Instant::now() + period);
        }
    }

    /// Ready once `deadline` has passed. The task is woken by then, and now and then before.
    pub(crate) fn poll_passed(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        if self.0.deadline() > deadline {
            self.0.as_mut().reset(deadline);
        }
        loop {
            ready!(self.0.as_mut().poll(cx));
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
            self.0.as_mut().reset(deadline);
        }
    }
}

/// The timer of all requests of one connection, handed to each through its extensions. HTTP/1 handles one request of
/// a connection at a time.
#[derive(Debug, Clone)]
pub(crate) struct RequestTimer(Arc<Mutex<LazyTimer>>);

impl RequestTimer {
    pub(crate) fn new() -> Self {
        // Far enough away that it is moved once, to the first deadline.
        let far = Instant::now() + Duration::from_secs(24 * 3600);
        Self(Arc::new(Mutex::new(LazyTimer::new(far))))
    }

    /// What `future` gives, or `None` when it takes until `deadline`.
    pub(crate) async fn by<F: Future>(&self, deadline: Instant, future: F) -> Option<F::Output> {
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|cx| {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Some(output));
            }
            let mut timer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            timer.poll_passed(cx, deadline).map(|()| None)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn many_requests_one_timer() {
        let (timer, begun) = (RequestTimer::new(), Instant::now());
        let limit = Duration::from_secs(10);
        for _ in 0..5 {
            assert_eq!(
                timer.by(Instant::now() + limit, sleep_until(Instant::now() + limit / 2)).await,
                Some(())
            );
        }
        assert_eq!(timer.by(Instant::now() + limit, std::future::pending::<()>()).await, None);
        assert_eq!(begun.elapsed().as_secs(), 35, "5 × 5 s of work and 10 s until the limit");
        let shorter = Duration::from_secs(1);
        assert_eq!(timer.by(Instant::now() + shorter, std::future::pending::<()>()).await, None);
        assert_eq!(begun.elapsed().as_secs(), 36);
    }
}
