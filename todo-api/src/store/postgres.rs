//! PostgreSQL: a pool of connections for requests, one for the health check, and inserts committed in batches.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection, Row};
use tokio::time::timeout;
use tracing::warn;

use super::batch::Batcher;
use super::pool::{Connect, Pool, Usage};
use super::probe::Probe;
use super::read::Reader;
use super::run::{Repeat, run};
use super::statement::{Delete, Insert, Page, Statement, Update};
use super::{PageEnd, StoreError, sql};
use crate::config::DatabaseConfig;
use crate::todo::{Moment, NewTodo, Patch, Todo};

/// Batches in flight at once: one is being committed while the next is being sent.
const INSERT_WORKERS: usize = 2;

#[derive(Debug)]
pub(super) struct PostgresStore {
    manager: Manager,
    pool: Arc<Pool<Manager>>,
    reader: Reader<Manager>,
    inserts: Batcher<Insert, Todo>,
    connect_timeout: Duration,
    probe: Probe<Manager>,
}

/// How a connection is opened.
#[derive(Debug, Clone)]
pub(super) struct Manager {
    options: PgConnectOptions,
    /// Read anew for each connection, so that a rotated password is used without a restart.
    password_file: Option<PathBuf>,
}

impl Connect for Manager {
    type Connection = PgConnection;

    async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        let mut options = self.options.clone();
        if let Some(path) = &self.password_file {
            let password = tokio::fs::read_to_string(path).await.map_err(|error| {
                let what = format!("reading the password file {}: {error}", path.display());
                io::Error::new(error.kind(), what)
            })?;
            options = options.password(password.trim_end_matches(['\r', '\n']));
        }
        PgConnection::connect_with(&options).await
    }
}

impl PostgresStore {
    pub(super) fn new(options: &PgConnectOptions, config: &DatabaseConfig) -> Self {
        let options = options.clone().application_name("todo-api").disable_statement_logging();
        let manager = Manager { options, password_file: config.password_file.clone() };
        let pool = Arc::new(Pool::new(manager.clone(), config.limits));
        let inserts = {
            let (pool, limit) = (Arc::clone(&pool), config.request_timeout);
            Batcher::start(INSERT_WORKERS, config.limits.waiters, move |inserts| {
                let pool = Arc::clone(&pool);
                // A server that vanished answers nothing for ever: the worker must not wait as long.
                async move {
                    let inserted = timeout(limit, insert(&pool, inserts)).await;
                    inserted.unwrap_or_else(|_| Err(StoreError::down("no answer to an insert in time")))
                }
            })
        };
        let (reader, connect_timeout) = (Reader::new(Arc::clone(&pool)), config.limits.connect);
        Self { manager, reader, pool, inserts, connect_timeout, probe: Probe::new() }
    }

    /// sqlx takes an advisory lock around its migrations, so that any number of instances may start at once.
    pub(super) fn migration(&self) -> impl Fn() -> BoxFuture<'static, Result<(), MigrateError>> + use<> {
        let (manager, limit) = (self.manager.clone(), self.connect_timeout);
        move || {
            let manager = manager.clone();
            Box::pin(async move {
                // Migrating may take long, connecting may not: a server that swallows it all is asked anew.
                let connected = timeout(limit, manager.connect()).await;
                let connected =
                    connected.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()));
                let mut connection = connected.map_err(MigrateError::Execute)?;
                migrations().run_direct(None, &mut connection, false).await?;
                warn_unless_utf8(&mut connection).await.map_err(MigrateError::Execute)?;
                connection.close().await.map_err(MigrateError::Execute)
            })
        }
    }

    pub(super) async fn page(&self, page: &Page) -> Result<(Bytes, PageEnd), StoreError> {
        self.reader.page(page).await
    }

    pub(super) async fn get(&self, id: i64) -> Result<Option<Bytes>, StoreError> {
        self.reader.get(id).await
    }

    pub(super) async fn insert(&self, new: NewTodo, now: Moment) -> Result<Todo, StoreError> {
        self.inserts.submit(Insert(new, now)).await
    }

    pub(super) async fn update(
        &self,
        id: i64,
        patch: Patch,
        now: Moment,
    ) -> Result<Option<Todo>, StoreError> {
        run(&self.pool, Repeat::Safe, &Update(id, patch, now)).await
    }

    pub(super) async fn delete(&self, id: i64) -> Result<Option<Todo>, StoreError> {
        run(&self.pool, Repeat::IfNotDone, &Delete(id)).await
    }

    pub(super) async fn healthy(&self) -> Result<(), StoreError> {
        self.probe.check(&self.manager, &Ping).await
    }

    pub(super) fn usage(&self) -> Vec<(&'static str, Usage)> {
        let mut usage = self.reader.usage();
        usage.waiting += self.inserts.waiting();
        vec![("requests", usage)]
    }
}

/// In any other encoding some texts that the contract allows do not fit: such a todo is refused with a 500.
async fn warn_unless_utf8(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let encoding: String = sqlx::query_scalar("SHOW server_encoding").fetch_one(connection).await?;
    if encoding != "UTF8" {
        warn!(
            %encoding,
            "the database is not in UTF8: titles and descriptions with other than ASCII letters may be refused; \
             move to one made with ENCODING 'UTF8'"
        );
    }
    Ok(())
}

fn migrations() -> sqlx::migrate::Migrator {
    let mut migrator = sqlx::migrate!("migrations/postgres");
    // A newer instance may have added to the schema: this one still works with it.
    migrator.set_ignore_missing(true);
    migrator
}

/// Any answer at all: not a row of ours, which a lock could hold back.
struct Ping;

impl Statement<PgConnection> for Ping {
    type Output = ();

    async fn run(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        sqlx::query("SELECT 1").execute(connection).await.map(drop)
    }
}

async fn insert(pool: &Pool<Manager>, inserts: Vec<Insert>) -> Result<Vec<Todo>, StoreError> {
    let ids = match inserts.as_slice() {
        [alone] => vec![run(pool, Repeat::IfNotDone, alone).await?],
        several => run(pool, Repeat::IfNotDone, &InsertBatch(several)).await?,
    };
    if ids.len() != inserts.len() {
        let reason = format!("{} todos inserted, {} ids answered", inserts.len(), ids.len());
        return Err(StoreError::Failed(sqlx::Error::Protocol(reason)));
    }
    Ok(inserts.into_iter().zip(ids).map(|(Insert(new, now), id)| new.stored(id, now)).collect())
}

struct InsertBatch<'a>(&'a [Insert]);

impl Statement<PgConnection> for InsertBatch<'_> {
    type Output = Vec<i64>;

    async fn run(&self, connection: &mut PgConnection) -> Result<Vec<i64>, sqlx::Error> {
        let inserts = self.0.iter();
        let query = sqlx::query(sql::INSERT_BATCH)
            .bind(inserts.clone().map(|Insert(new, _)| new.title.as_str()).collect::<Vec<_>>())
            .bind(inserts.clone().map(|Insert(new, _)| new.description.as_deref()).collect::<Vec<_>>())
            .bind(inserts.clone().map(|Insert(new, _)| new.completed).collect::<Vec<_>>())
            .bind(inserts.clone().map(|Insert(new, _)| new.deadline_at).collect::<Vec<_>>())
            .bind(inserts.map(|Insert(_, now)| *now).collect::<Vec<_>>());
        let rows = query.fetch_all(connection).await?;
        rows.iter().map(|row| row.try_get_unchecked(0)).collect()
    }
}
