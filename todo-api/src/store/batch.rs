//! Writes that wait at the same time are committed together.
//!
//! A commit costs a flush to disk, however many rows it holds. Workers take whatever waits in a bounded queue and
//! write it as one transaction, so that throughput grows with load while a lone write waits for nobody. Each caller
//! hears of success only after the commit.

use std::sync::Arc;

use tokio::sync::{Mutex, mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;

use super::StoreError;

/// Most writes in one transaction.
const BATCH_MAX: usize = 256;

/// A write of kind `W`, and who waits for its outcome `R`.
#[derive(Debug)]
pub(super) struct Job<W, R> {
    pub write: W,
    pub reply: oneshot::Sender<Result<R, StoreError>>,
}

/// The queue's front end. Dropping it ends the workers.
#[derive(Debug)]
pub(super) struct Batcher<W, R> {
    queue: mpsc::Sender<Job<W, R>>,
    _workers: Vec<AbortOnDropHandle<()>>,
}

impl<W: Send + 'static, R: Send + 'static> Batcher<W, R> {
    /// Starts `workers` tasks that each commit one batch at a time with `commit`, which must answer one outcome per
    /// write, in order, or the error that undid them all.
    pub(super) fn start<C, F>(workers: usize, waiters: usize, commit: C) -> Self
    where
        C: Fn(Vec<W>) -> F + Clone + Send + 'static,
        F: Future<Output = Result<Vec<R>, StoreError>> + Send + 'static,
    {
        let (queue, jobs) = mpsc::channel(waiters);
        let jobs = Arc::new(Mutex::new(jobs));
        let worker = |_| AbortOnDropHandle::new(tokio::spawn(work(Arc::clone(&jobs), commit.clone())));
        Self { queue, _workers: (0..workers).map(worker).collect() }
    }

    /// Waits until the write is committed. A full queue is refused at once.
    pub(super) async fn submit(&self, write: W) -> Result<R, StoreError> {
        let (reply, outcome) = oneshot::channel();
        self.queue.try_send(Job { write, reply }).map_err(|_| StoreError::Busy)?;
        outcome.await.unwrap_or_else(|_| Err(StoreError::down("the service is stopping")))
    }

    /// Writes that wait to be taken into a batch.
    pub(super) fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }
}

async fn work<W, R, C, F>(jobs: Arc<Mutex<mpsc::Receiver<Job<W, R>>>>, commit: C)
where
    C: Fn(Vec<W>) -> F,
    F: Future<Output = Result<Vec<R>, StoreError>>,
{
    let mut batch = Vec::with_capacity(BATCH_MAX);
    loop {
        if jobs.lock().await.recv_many(&mut batch, BATCH_MAX).await == 0 {
            return;
        }
        // Nobody waits any more for a write whose request timed out in the queue: it is not done.
        let live = batch.drain(..).filter(|job| !job.reply.is_closed());
        let (writes, replies): (Vec<W>, Vec<_>) = live.map(|job| (job.write, job.reply)).unzip();
        if writes.is_empty() {
            continue;
        }
        match commit(writes).await {
            Ok(outcomes) => {
                for (reply, outcome) in replies.into_iter().zip(outcomes) {
                    let _ = reply.send(Ok(outcome));
                }
            }
            Err(error) => {
                let mut replies = replies.into_iter();
                let first = replies.next();
                for reply in replies {
                    let _ = reply.send(Err(error.told()));
                }
                if let Some(first) = first {
                    let _ = first.send(Err(error));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_waits_together_is_committed_together() {
        let (release, gate) = tokio::sync::watch::channel(false);
        let batcher = Batcher::start(1, 8, move |writes: Vec<u32>| {
            let mut gate = gate.clone();
            async move {
                gate.wait_for(|open| *open).await.unwrap();
                let size = writes.len();
                Ok(writes.into_iter().map(|write| (write, size)).collect())
            }
        });
        let first = batcher.submit(0);
        tokio::pin!(first);
        // Polled once, so that it is queued and taken before the others come.
        assert!(futures_util::poll!(first.as_mut()).is_pending());
        while batcher.waiting() > 0 {
            tokio::task::yield_now().await;
        }
        let rest = futures_util::future::join_all((1..=3).map(|write| batcher.submit(write)));
        let opened = async { release.send(true).unwrap() };
        let (first, rest, ()) = tokio::join!(first, rest, opened);
        assert_eq!(first.unwrap(), (0, 1));
        let rest: Vec<_> = rest.into_iter().map(Result::unwrap).collect();
        assert_eq!(rest, [(1, 3), (2, 3), (3, 3)]);
    }

    #[tokio::test]
    async fn a_full_queue_refuses_and_a_failed_batch_tells_everyone() {
        let batcher: Batcher<u32, ()> = Batcher::start(1, 1, |_| async { Err(StoreError::down("gone")) });
        let (a, b) = tokio::join!(batcher.submit(1), batcher.submit(2));
        assert!(matches!(a, Err(StoreError::Unavailable(_))));
        assert!(matches!(b, Err(StoreError::Busy)));
    }
}
