//! The database: the only thing that outlives a request.
//!
//! One value, [`Store`], over two databases with the same contract (`tests/contract` runs every case on both).
//! Opening one never waits for the database: a background task migrates it with backoff, and until that has
//! happened every call answers [`StoreError::Unavailable`].

mod batch;
mod error;
mod gather;
mod opening;
pub mod pool;
mod postgres;
mod probe;
mod read;
mod row;
mod run;
mod sql;
mod sqlite;
mod statement;

use std::time::Duration;

use bytes::Bytes;

pub use error::StoreError;
use opening::Opening;
use pool::Usage;
use postgres::PostgresStore;
use sqlite::SqliteStore;
pub use statement::{Page, Part};

use crate::config::{DatabaseConfig, DatabaseUrl};
use crate::todo::json::write_todo;
use crate::todo::{Moment, NewTodo, Patch, Todo, TodoRef};

/// Rows read from the database at once while a list is answered. A whole list is never in memory; one page is.
pub const PAGE_ROWS: u32 = 500;

/// A handle to the database; cheap to share behind an `Arc`.
#[derive(Debug)]
pub struct Store {
    backend: Backend,
    opening: Opening,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one per process")]
enum Backend {
    Sqlite(SqliteStore),
    Postgres(PostgresStore),
}

/// Where a page of the list ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PageEnd {
    /// Todos written.
    pub count: u32,
    /// Id of the last todo written, 0 where there was none.
    pub last_id: i64,
    /// Whether more todos follow: one more row than asked for is read to know.
    pub more: bool,
}

impl PageEnd {
    /// Takes the next row into the page, or only notes that there is one when the page is full.
    fn push(&mut self, todo: TodoRef<'_>, limit: u32, out: &mut Vec<u8>) {
        if self.count == limit {
            self.more = true;
            return;
        }
        if self.count > 0 {
            out.push(b',');
        }
        write_todo(out, todo);
        self.count += 1;
        self.last_id = todo.id;
    }
}

/// One name for "do this on whichever database it is, once it is open".
macro_rules! on_either {
    ($store:expr, $backend:ident => $call:expr) => {{
        $store.opening.check()?;
        match &$store.backend {
            Backend::Sqlite($backend) => $call,
            Backend::Postgres($backend) => $call,
        }
    }};
}

impl Store {
    /// Starts to open the database. Returns at once; must be called within a Tokio runtime.
    pub fn open(config: &DatabaseConfig) -> Self {
        match &config.url {
            DatabaseUrl::Sqlite(place) => {
                let backend = SqliteStore::new(place, config);
                let opening = Opening::start(backend.migration());
                Self { backend: Backend::Sqlite(backend), opening }
            }
            DatabaseUrl::Postgres(options) => {
                let backend = PostgresStore::new(options, config);
                let opening = Opening::start(backend.migration());
                Self { backend: Backend::Postgres(backend), opening }
            }
        }
    }

    /// Resolves when the database has been reached and its schema is ours.
    pub async fn opened(&self) {
        self.opening.done().await;
    }

    /// One page of the list, as JSON text.
    pub async fn page(&self, page: &Page) -> Result<(Bytes, PageEnd), StoreError> {
        on_either!(self, backend => backend.page(page).await)
    }

    /// A todo as JSON text; `None` where there is none with this id.
    pub async fn get(&self, id: i64) -> Result<Option<Bytes>, StoreError> {
        on_either!(self, backend => backend.get(id).await)
    }

    /// Stores a todo. It is durable when this returns.
    pub async fn insert(&self, new: NewTodo, now: Moment) -> Result<Todo, StoreError> {
        on_either!(self, backend => backend.insert(new, now).await)
    }

    /// The todo after the update; `None` where there is none with this id. An empty patch still moves `updated_at`.
    pub async fn update(&self, id: i64, patch: Patch, now: Moment) -> Result<Option<Todo>, StoreError> {
        on_either!(self, backend => backend.update(id, patch, now).await)
    }

    /// The todo that was deleted; `None` where there is none with this id.
    pub async fn delete(&self, id: i64) -> Result<Option<Todo>, StoreError> {
        on_either!(self, backend => backend.delete(id).await)
    }

    /// Whether this process reaches its database right now, on a connection of its own; answers within
    /// [`HEALTH_BOUND`].
    pub async fn healthy(&self) -> Result<(), StoreError> {
        on_either!(self, backend => backend.healthy().await)
    }

    /// The request pools by name, for the metrics.
    pub fn usage(&self) -> Vec<(&'static str, Usage)> {
        match &self.backend {
            Backend::Sqlite(backend) => backend.usage(),
            Backend::Postgres(backend) => backend.usage(),
        }
    }
}

/// Longest a health check takes, below the load balancer's own timeout (5 s in the practical).
pub const HEALTH_BOUND: Duration = Duration::from_millis(1500);
