//! A bounded pool of database connections.
//!
//! Why not sqlx's own pool: it pings each connection when it is given back (sqlx-core's `return_to_pool`), which
//! is a second round trip per statement, and it spawns a task to do so. This one hands a connection straight to
//! the next request, and drops it when the request was cancelled half-way or the statement failed.
//!
//! Every wait has a limit: at most [`Limits::waiters`] requests wait, each for at most [`Limits::wait`]. While the
//! database cannot be reached, one request at a time tries and the others fail at once.
#![expect(
    clippy::disallowed_methods,
    reason = "connection age and reconnect pauses are the pool's own business"
)]

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::StoreError;

/// How a connection is made; the only thing the pool knows of the database.
pub trait Connect: Send + Sync + 'static {
    type Connection: fmt::Debug + Send + 'static;

    fn connect(&self) -> impl Future<Output = Result<Self::Connection, sqlx::Error>> + Send;
}

/// What bounds a pool.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Most connections open at once.
    pub size: usize,
    /// Most requests that wait for a connection; the next one is refused at once.
    pub waiters: usize,
    /// Longest wait for a connection.
    pub wait: Duration,
    /// Longest attempt to open a connection.
    pub connect: Duration,
    /// A connection older than this is replaced, so that a rotated password or a moved database is noticed.
    pub lifetime: Duration,
}

#[derive(Debug)]
pub struct Pool<M: Connect> {
    manager: M,
    limits: Limits,
    permits: Semaphore,
    /// Most recently used last, so that few connections stay warm when few are needed.
    idle: Mutex<Vec<Open<M::Connection>>>,
    waiting: AtomicUsize,
    outage: Mutex<Option<Outage>>,
    /// Raised when a connection turns out to be dead: those opened before are not trusted any more.
    generation: AtomicU64,
}

/// A connection on loan. Dropped without [`Lease::give_back`], it is closed: its state is unknown.
#[derive(Debug)]
pub struct Lease<'a, M: Connect> {
    pool: &'a Pool<M>,
    open: Open<M::Connection>,
    fresh: bool,
    _permit: SemaphorePermit<'a>,
}

#[derive(Debug)]
struct Open<C> {
    connection: C,
    since: Instant,
    generation: u64,
}

#[derive(Debug, Clone, Copy)]
struct Outage {
    pause: Duration,
    next_try: Instant,
}

const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);

impl<M: Connect> Pool<M> {
    pub fn new(manager: M, limits: Limits) -> Self {
        Self {
            manager,
            permits: Semaphore::new(limits.size),
            idle: Mutex::new(Vec::with_capacity(limits.size)),
            limits,
            waiting: AtomicUsize::new(0),
            outage: Mutex::new(None),
            generation: AtomicU64::new(0),
        }
    }

    /// A connection for one statement or transaction.
    pub async fn acquire(&self) -> Result<Lease<'_, M>, StoreError> {
        let permit = self.permit().await?;
        let generation = self.generation.load(Ordering::Acquire);
        while let Some(open) = locked(&self.idle).pop() {
            if open.generation == generation && open.since.elapsed() < self.limits.lifetime {
                return Ok(Lease { pool: self, open, fresh: false, _permit: permit });
            }
        }
        let connection = self.connect().await?;
        let open = Open { connection, since: Instant::now(), generation };
        Ok(Lease { pool: self, open, fresh: true, _permit: permit })
    }

    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Connections open and lent out, and requests waiting for one: for the metrics.
    pub fn usage(&self) -> Usage {
        let lent = self.limits.size - self.permits.available_permits();
        Usage {
            size: self.limits.size,
            lent,
            idle: locked(&self.idle).len(),
            waiting: self.waiting.load(Ordering::Relaxed),
        }
    }

    async fn permit(&self) -> Result<SemaphorePermit<'_>, StoreError> {
        if let Ok(permit) = self.permits.try_acquire() {
            return Ok(permit);
        }
        let _waiter = Waiter::enter(&self.waiting, self.limits.waiters).ok_or(StoreError::Busy)?;
        match timeout(self.limits.wait, self.permits.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            // The semaphore is never closed, so the inner error does not happen; a full pool is what remains.
            Ok(Err(_)) | Err(_) => Err(StoreError::Busy),
        }
    }

    async fn connect(&self) -> Result<M::Connection, StoreError> {
        let earlier = *locked(&self.outage);
        if let Some(outage) = earlier {
            let now = Instant::now();
            if now < outage.next_try {
                return Err(StoreError::down("the last attempt to connect failed a moment ago"));
            }
            // This request tries; those that come meanwhile do not.
            *locked(&self.outage) = Some(Outage { next_try: now + self.limits.connect, ..outage });
        }
        match timeout(self.limits.connect, self.manager.connect()).await {
            Ok(Ok(connection)) => {
                *locked(&self.outage) = None;
                Ok(connection)
            }
            Ok(Err(error)) => {
                self.failed(earlier);
                Err(StoreError::Unavailable(error))
            }
            Err(_) => {
                self.failed(earlier);
                Err(StoreError::down("no answer while connecting"))
            }
        }
    }

    fn failed(&self, earlier: Option<Outage>) {
        let pause = earlier.map_or(PAUSE_MIN, |outage| (outage.pause * 2).min(PAUSE_MAX));
        *locked(&self.outage) = Some(Outage { pause, next_try: Instant::now() + pause });
    }
}

impl<M: Connect> Lease<'_, M> {
    pub fn connection(&mut self) -> &mut M::Connection {
        &mut self.open.connection
    }

    /// Whether this connection was opened for this lease, so that a failure on it is no stale connection.
    pub fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// The statement ended well: the next request may have the connection.
    pub fn give_back(self) {
        let Self { pool, open, _permit: permit, .. } = self;
        locked(&pool.idle).push(open);
        drop(permit);
    }

    /// The connection is dead: it and all that were opened before it are dropped.
    pub fn dead(self) {
        let generation = &self.pool.generation;
        let _ = generation.compare_exchange(
            self.open.generation,
            self.open.generation + 1,
            Ordering::AcqRel,
            Ordering::Acquire,
        );
    }
}

/// A pool's state at one moment, in connections and requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    pub size: usize,
    pub lent: usize,
    pub idle: usize,
    pub waiting: usize,
}

struct Waiter<'a>(&'a AtomicUsize);

impl<'a> Waiter<'a> {
    fn enter(waiting: &'a AtomicUsize, most: usize) -> Option<Self> {
        let before = waiting.fetch_add(1, Ordering::Relaxed);
        let waiter = Self(waiting);
        (before < most).then_some(waiter)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A panic while one of these short locks is held leaves a value that is still whole.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    #[derive(Default)]
    struct Fake {
        opened: AtomicUsize,
        down: AtomicBool,
    }

    impl Connect for Fake {
        type Connection = usize;

        async fn connect(&self) -> Result<usize, sqlx::Error> {
            if self.down.load(Ordering::Relaxed) {
                return Err(sqlx::Error::PoolClosed);
            }
            Ok(self.opened.fetch_add(1, Ordering::Relaxed))
        }
    }

    fn pool(size: usize, waiters: usize) -> Pool<Fake> {
        let limits = Limits {
            size,
            waiters,
            wait: Duration::from_millis(20),
            connect: Duration::from_secs(1),
            lifetime: Duration::from_secs(60),
        };
        Pool::new(Fake::default(), limits)
    }

    #[tokio::test]
    async fn a_connection_given_back_is_used_again_and_a_dropped_one_is_not() {
        let pool = pool(2, 0);
        pool.acquire().await.unwrap().give_back();
        let mut again = pool.acquire().await.unwrap();
        assert_eq!((*again.connection(), again.is_fresh()), (0, false));
        drop(again);
        assert_eq!(*pool.acquire().await.unwrap().connection(), 1);
    }

    #[tokio::test]
    async fn waiting_is_bounded_in_number_and_time() {
        let pool = pool(1, 1);
        let _held = pool.acquire().await.unwrap();
        let (first, second) = tokio::join!(pool.acquire(), pool.acquire());
        assert!(matches!(first, Err(StoreError::Busy)));
        assert!(matches!(second, Err(StoreError::Busy)));
        assert_eq!(pool.usage(), Usage { size: 1, lent: 1, idle: 0, waiting: 0 });
    }

    #[tokio::test]
    async fn one_dead_connection_condemns_those_opened_before_it() {
        let pool = pool(2, 0);
        let (first, second) = (pool.acquire().await.unwrap(), pool.acquire().await.unwrap());
        second.give_back();
        first.dead();
        let mut third = pool.acquire().await.unwrap();
        assert_eq!((*third.connection(), third.is_fresh()), (2, true));
    }

    #[tokio::test]
    async fn while_the_database_is_down_requests_fail_at_once() {
        let pool = pool(2, 0);
        pool.manager.down.store(true, Ordering::Relaxed);
        assert!(matches!(pool.acquire().await, Err(StoreError::Unavailable(sqlx::Error::PoolClosed))));
        assert!(matches!(pool.acquire().await, Err(StoreError::Unavailable(sqlx::Error::Io(_)))));
        pool.manager.down.store(false, Ordering::Relaxed);
        let deadline = Instant::now() + Duration::from_secs(5);
        while pool.acquire().await.is_err() {
            assert!(Instant::now() < deadline, "the pool never tried again");
            tokio::task::yield_now().await;
        }
    }
}
