//! Bringing the schema up to date, for as long as it takes, while the process already serves.

use std::time::Duration;

use sqlx::migrate::MigrateError;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::task::AbortOnDropHandle;
use tracing::{info, warn};

use super::StoreError;

const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// A migration that takes longer was most likely cut off from its server.
const ATTEMPT_MAX: Duration = Duration::from_secs(300);
/// A database that stays away is reported this often.
const REPORT_EVERY: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Opening {
    open: watch::Receiver<bool>,
    _task: AbortOnDropHandle<()>,
}

impl Opening {
    /// Tries `migrate` until it succeeds. Safe to run in many processes at once.
    pub(super) fn start<F>(migrate: impl Fn() -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<(), MigrateError>> + Send,
    {
        let (opened, open) = watch::channel(false);
        let task = tokio::spawn(async move {
            until_migrated(migrate).await;
            let _ = opened.send(true);
        });
        Self { open, _task: AbortOnDropHandle::new(task) }
    }

    pub(super) fn check(&self) -> Result<(), StoreError> {
        if *self.open.borrow() { Ok(()) } else { Err(StoreError::down("not reached yet since the start")) }
    }

    pub(super) async fn done(&self) {
        // The sender only goes away with the task, and the task with this value.
        let _ = self.open.clone().wait_for(|open| *open).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "a background task that waits between attempts")]
async fn until_migrated<F>(migrate: impl Fn() -> F)
where
    F: Future<Output = Result<(), MigrateError>>,
{
    let mut pause = PAUSE_MIN;
    let mut reported: Option<Instant> = None;
    loop {
        let reason = match timeout(ATTEMPT_MAX, migrate()).await {
            Ok(Ok(())) => {
                info!("database ready");
                return;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} s", ATTEMPT_MAX.as_secs()),
        };
        if reported.is_none_or(|at| at.elapsed() >= REPORT_EVERY) {
            warn!(error = reason, "database not ready, trying again; requests are answered 503 until then");
            reported = Some(Instant::now());
        }
        sleep_until(Instant::now() + pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}
