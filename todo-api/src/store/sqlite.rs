//! SQLite: one connection that writes, a few that read, one for the health check.
//!
//! WAL mode lets readers go on while the writer commits, and lets several processes share one file. All writes of
//! this process go through one queue into immediate transactions, so that within the process nobody ever waits for
//! a lock; between processes the busy timeout does. `synchronous=FULL` makes each commit durable.
//!
//! An in-memory database belongs to one connection, so everything shares that one.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use sqlx::migrate::MigrateError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};

use super::batch::Batcher;
use super::pool::{Connect, Limits, Pool, Usage};
use super::probe::Probe;
use super::read::Reader;
use super::run::{Repeat, run};
use super::statement::{Delete, Insert, Page, Statement, Update};
use super::{PageEnd, StoreError};
use crate::config::{DatabaseConfig, SqlitePlace};
use crate::todo::{Moment, NewTodo, Patch, Todo};

/// How long a statement waits for another process's write lock.
const LOCK_WAIT: Duration = Duration::from_secs(5);
/// Rows that SQLite's thread may read ahead of us.
const ROWS_AHEAD: usize = 128;

#[derive(Debug)]
pub(super) struct SqliteStore {
    manager: Manager,
    /// On the same pool as `writer` for an in-memory database.
    reader: Arc<Reader<Manager>>,
    writer: Arc<Pool<Manager>>,
    writes: Batcher<Write, Option<Todo>>,
    /// `None` for an in-memory database, which cannot be out of reach.
    probe: Option<Probe<Manager>>,
}

#[derive(Debug, Clone)]
pub(super) struct Manager {
    options: SqliteConnectOptions,
}

#[derive(Debug)]
enum Write {
    Insert(Insert),
    Update(Update),
    Delete(Delete),
}

impl Connect for Manager {
    type Connection = SqliteConnection;

    async fn connect(&self) -> Result<SqliteConnection, sqlx::Error> {
        SqliteConnection::connect_with(&self.options).await
    }
}

impl SqliteStore {
    pub(super) fn new(place: &SqlitePlace, config: &DatabaseConfig) -> Self {
        let options = SqliteConnectOptions::new()
            .busy_timeout(LOCK_WAIT)
            .row_buffer_size(ROWS_AHEAD)
            .disable_statement_logging();
        // The one connection of an in-memory database must live as long as the process.
        let alone = Limits { size: 1, lifetime: Duration::MAX, ..config.limits };
        let (options, probe) = match place {
            SqlitePlace::Memory => (options.in_memory(true), None),
            SqlitePlace::File(path) => {
                let options = options.filename(path).create_if_missing(true);
                let options = options.journal_mode(SqliteJournalMode::Wal);
                (options.synchronous(SqliteSynchronous::Full), Some(Probe::new()))
            }
        };
        let manager = Manager { options };
        let writer = Arc::new(Pool::new(manager.clone(), alone));
        let readers = match place {
            SqlitePlace::Memory => Arc::clone(&writer),
            SqlitePlace::File(_) => Arc::new(Pool::new(manager.clone(), config.limits)),
        };
        let writes = {
            let writer = Arc::clone(&writer);
            Batcher::start(1, config.limits.waiters, move |writes| {
                let writer = Arc::clone(&writer);
                async move { run(&writer, Repeat::IfNotDone, &Commit(writes)).await }
            })
        };
        Self { manager, reader: Arc::new(Reader::new(readers)), writer, writes, probe }
    }

    /// Two processes that migrate at once may meet on the lock or on sqlx's own table; the loser tries again.
    pub(super) fn migration(&self) -> impl Fn() -> BoxFuture<'static, Result<(), MigrateError>> + use<> {
        let writer = Arc::clone(&self.writer);
        move || {
            let writer = Arc::clone(&writer);
            Box::pin(async move {
                let mut lease =
                    writer.acquire().await.map_err(|error| MigrateError::Execute(into_sqlx(error)))?;
                migrations().run_direct(None, lease.connection(), false).await?;
                lease.give_back();
                Ok(())
            })
        }
    }

    pub(super) async fn page(&self, page: &Page) -> Result<(Bytes, PageEnd), StoreError> {
        let page = *page;
        self.read(move |reader| async move { reader.page(&page).await }).await
    }

    pub(super) async fn get(&self, id: i64) -> Result<Option<Bytes>, StoreError> {
        self.read(move |reader| async move { reader.get(id).await }).await
    }

    async fn read<T, F>(&self, read: impl FnOnce(Arc<Reader<Manager>>) -> F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let read = read(Arc::clone(&self.reader));
        if self.probe.is_some() {
            return read.await;
        }
        // Read to its end even when the client is gone: a read that is given up half-way takes its connection with
        // it, and an in-memory database is its connection.
        let read = tokio::spawn(read);
        read.await.unwrap_or_else(|_| Err(StoreError::down("the service is stopping")))
    }

    pub(super) async fn insert(&self, new: NewTodo, now: Moment) -> Result<Todo, StoreError> {
        let stored = self.writes.submit(Write::Insert(Insert(new, now))).await?;
        stored.ok_or_else(|| StoreError::Failed(sqlx::Error::RowNotFound))
    }

    pub(super) async fn update(
        &self,
        id: i64,
        patch: Patch,
        now: Moment,
    ) -> Result<Option<Todo>, StoreError> {
        self.writes.submit(Write::Update(Update(id, patch, now))).await
    }

    pub(super) async fn delete(&self, id: i64) -> Result<Option<Todo>, StoreError> {
        self.writes.submit(Write::Delete(Delete(id))).await
    }

    pub(super) async fn healthy(&self) -> Result<(), StoreError> {
        let Some(probe) = &self.probe else { return Ok(()) };
        probe.check(&self.manager, &Ping).await
    }

    pub(super) fn usage(&self) -> Vec<(&'static str, Usage)> {
        let mut writer = self.writer.usage();
        writer.waiting += self.writes.waiting();
        if self.probe.is_none() {
            writer.waiting += self.reader.usage().waiting;
            return vec![("requests", writer)];
        }
        vec![("readers", self.reader.usage()), ("writer", writer)]
    }
}

fn migrations() -> sqlx::migrate::Migrator {
    let mut migrator = sqlx::migrate!("migrations/sqlite");
    // A newer instance may have added to the schema: this one still works with it.
    migrator.set_ignore_missing(true);
    migrator
}

/// Reads the schema, so that a file that is gone or no database any more is noticed.
struct Ping;

impl Statement<SqliteConnection> for Ping {
    type Output = ();

    async fn run(&self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        sqlx::query("SELECT count(*) FROM sqlite_schema").execute(connection).await.map(drop)
    }
}

/// Writes as one transaction.
struct Commit(Vec<Write>);

impl Statement<SqliteConnection> for Commit {
    type Output = Vec<Option<Todo>>;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Vec<Option<Todo>>, sqlx::Error> {
        // Immediate: a transaction that starts by reading could not always be upgraded to writing.
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        let mut outcomes = Vec::with_capacity(self.0.len());
        for write in &self.0 {
            outcomes.push(match write {
                Write::Insert(insert) => {
                    let id = insert.run(&mut *transaction).await?;
                    Some(insert.0.clone().stored(id, insert.1))
                }
                Write::Update(update) => update.run(&mut *transaction).await?,
                Write::Delete(delete) => delete.run(&mut *transaction).await?,
            });
        }
        transaction.commit().await?;
        Ok(outcomes)
    }
}

fn into_sqlx(error: StoreError) -> sqlx::Error {
    match error {
        StoreError::Busy => sqlx::Error::PoolTimedOut,
        StoreError::Unavailable(error) | StoreError::Failed(error) => error,
    }
}
