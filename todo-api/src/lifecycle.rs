//! From the first signal to the exit: serving, lame duck, draining.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tracing::info;

/// Where the process is in its life. Cheap to clone; all clones see the same phase.
#[derive(Debug, Clone)]
pub struct Phase(watch::Sender<Step>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Serving,
    /// Health answers 503, everything is still served.
    Leaving,
    /// No new connections; requests in flight are finished.
    Draining,
}

impl Default for Phase {
    fn default() -> Self {
        Self(watch::Sender::new(Step::Serving))
    }
}

impl Phase {
    /// Whether health checks must fail so that the load balancer looks elsewhere.
    pub fn is_stopping(&self) -> bool {
        *self.0.borrow() > Step::Serving
    }

    /// Resolves when no further request is to be started.
    pub async fn draining(&self) {
        // The sender is `self`, so the channel cannot be closed.
        let _ = self.0.subscribe().wait_for(|step| *step == Step::Draining).await;
    }

    /// Starts the shutdown: fails health checks for `delay`, then drains.
    #[expect(clippy::disallowed_methods, reason = "the delay before draining is real time")]
    pub async fn shut_down(&self, delay: Duration) {
        self.0.send_replace(Step::Leaving);
        if !delay.is_zero() {
            info!(delay_ms = delay.as_millis() as u64, "shutting down: health is 503, still serving");
            sleep_until(Instant::now() + delay).await;
        }
        info!("draining: finishing requests in flight");
        self.0.send_replace(Step::Draining);
    }
}

/// Resolves at SIGTERM or SIGINT, with the signal's name.
#[derive(Debug)]
pub struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// From here on these signals no longer end the process by themselves.
    pub fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {})
    }

    pub async fn next(&mut self) -> &'static str {
        let _ = tokio::signal::ctrl_c().await;
        "Ctrl-C"
    }
}
