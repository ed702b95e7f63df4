//! One PostgreSQL server for all tests of this process, and a database in it for each.
//!
//! The server is the one at `TEST_DATABASE_URL`, else a container of a Docker engine, else the local `initdb` and
//! `postgres` in a temporary directory. Without any of them the tests that need it say so and pass, but fail where
//! `CI=true`: there nothing may be skipped.

mod docker;
mod local;
mod own;

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::sync::{Semaphore, SemaphorePermit};
use url::Url;

use crate::{Watchdog, skipped};

pub use own::OwnPostgres;

/// A server, and what ends it with this process.
#[derive(Debug)]
struct Server {
    url: Url,
    ended_by: Option<Watchdog>,
}

/// A database that nobody else uses.
#[derive(Debug)]
pub(crate) struct Fresh {
    pub(crate) url: Url,
    server: &'static Server,
    name: String,
    _turn: SemaphorePermit<'static>,
}

/// Most databases in use at once: each has a service with a few connections, and a server takes 100.
static TURNS: Semaphore = Semaphore::const_new(12);
static SERVER: OnceLock<Option<Server>> = OnceLock::new();
static COUNT: AtomicU32 = AtomicU32::new(0);

/// An empty database; `None` where there is no server.
pub(crate) async fn fresh(encoding: &str) -> Option<Fresh> {
    let turn = TURNS.acquire().await.expect("never closed");
    let server = SERVER.get_or_init(|| apart(find())).as_ref()?;
    let name = format!("e2e_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    server
        .run(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        .await
        .expect("dropping a stale database");
    // As PostgreSQL's own image makes them, whatever the server's locale: lengths count characters.
    let as_usual = format!("TEMPLATE template0 ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'");
    server.run(&format!("CREATE DATABASE {name} {as_usual}")).await.expect("creating a database");
    let mut url = server.url.clone();
    url.set_path(&name);
    Some(Fresh { url, server, name, _turn: turn })
}

impl Fresh {
    /// Where the server listens.
    pub(crate) async fn address(&self) -> SocketAddr {
        let (host, port) = (self.url.host_str().unwrap_or("127.0.0.1"), self.url.port().unwrap_or(5432));
        let mut found =
            tokio::net::lookup_host((host, port)).await.expect("the server's name has an address");
        found.next().expect("at least one")
    }

    /// The same database, reached at another address.
    pub(crate) fn url_by(&self, address: SocketAddr) -> String {
        let mut url = self.url.clone();
        url.set_ip_host(address.ip()).expect("a URL with a host");
        url.set_port(Some(address.port())).expect("a URL with a host");
        url.into()
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        let (server, name) = (self.server, self.name.clone());
        // A test that is over does not fail for this.
        let drop_it = async move { server.run(&format!("DROP DATABASE {name} WITH (FORCE)")).await.ok() };
        if server.ended_by.is_some() {
            // A server of our own is soon gone with all that is left: nobody waits.
            std::thread::spawn(|| apart(drop_it));
        } else {
            apart(drop_it);
        }
    }
}

impl Server {
    async fn run(&self, sql: &str) -> Result<(), sqlx::Error> {
        let mut connection = PgConnection::connect(self.url.as_str()).await?;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
        connection.close().await
    }
}

async fn find() -> Option<Server> {
    if let Ok(url) = std::env::var("TEST_DATABASE_URL") {
        let url = Url::parse(&url).expect("TEST_DATABASE_URL is postgresql://USER:PASSWORD@HOST:PORT/NAME");
        return Some(Server { url, ended_by: None });
    }
    let mut why = String::new();
    for (place, server) in
        [("a Docker engine", docker::start().await), ("local binaries", local::start().await)]
    {
        match server.with_context(|| format!("PostgreSQL from {place}")) {
            Ok(server) => return Some(server),
            Err(error) => why.push_str(&format!("\n  {error:#}")),
        }
    }
    let text = format!(
        "no PostgreSQL to test with; set TEST_DATABASE_URL, start Docker, or install PostgreSQL.{why}"
    );
    skipped(&format!("every test on PostgreSQL: {text}"))
}

/// Runs a future to its end from within another runtime.
fn apart<T: Send>(future: impl Future<Output = T> + Send) -> T {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(future)
    };
    std::thread::scope(|scope| {
        scope.spawn(run).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
