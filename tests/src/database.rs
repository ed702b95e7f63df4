//! A database of its own for each test.

use std::fmt;
use std::path::Path;

use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, SqliteConnection};
use tempfile::TempDir;

use crate::Link;
use crate::postgres::{self, Fresh};

/// The databases that the service runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

/// An empty database without even a table, gone when dropped.
#[derive(Debug)]
pub struct Database {
    url: String,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Directory(TempDir),
    Server(Fresh),
}

impl Database {
    /// `None` where there is no such database to test with, which has then been said loudly.
    pub async fn new(kind: Kind) -> Option<Self> {
        match kind {
            Kind::Sqlite => Some(Self::sqlite()),
            Kind::Postgres => Self::postgres().await,
        }
    }

    /// # Panics
    /// When there is no room for a file.
    pub fn sqlite() -> Self {
        let directory =
            tempfile::Builder::new().prefix("todo-e2e-").tempdir().expect("a temporary directory");
        let url = format!("sqlite:{}", directory.path().join("todo.db").display());
        Self { url, place: Place::Directory(directory) }
    }

    /// See [`Database::new`].
    pub async fn postgres() -> Option<Self> {
        Self::postgres_in("UTF8").await
    }

    /// See [`Database::new`]; `encoding` as `CREATE DATABASE` names it.
    pub async fn postgres_in(encoding: &str) -> Option<Self> {
        let fresh = postgres::fresh(encoding).await?;
        Some(Self { url: String::from(fresh.url.as_str()), place: Place::Server(fresh) })
    }

    pub fn kind(&self) -> Kind {
        match self.place {
            Place::Directory(_) => Kind::Sqlite,
            Place::Server(_) => Kind::Postgres,
        }
    }

    /// Where an SQLite database's files are.
    pub fn directory(&self) -> Option<&Path> {
        match &self.place {
            Place::Directory(directory) => Some(directory.path()),
            Place::Server(_) => None,
        }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// A way to this PostgreSQL server that can be cut, and this database's URL by that way.
    ///
    /// # Panics
    /// For SQLite, to which no way leads.
    pub async fn behind_a_link(&self) -> (Link, String) {
        let Place::Server(fresh) = &self.place else { panic!("SQLite has no network") };
        let link = Link::to(fresh.address().await).await;
        let url = fresh.url_by(link.address);
        (link, url)
    }

    /// Runs SQL statements, separated by semicolons.
    ///
    /// # Panics
    /// When the database refuses them.
    pub async fn execute(&self, sql: &str) {
        let sql = AssertSqlSafe(sql);
        match self.kind() {
            Kind::Sqlite => {
                let mut connection =
                    SqliteConnection::connect(&self.url_to_write()).await.expect("connecting");
                sqlx::raw_sql(sql).execute(&mut connection).await.expect("running SQL");
                connection.close().await.expect("disconnecting");
            }
            Kind::Postgres => {
                let mut connection = PgConnection::connect(&self.url).await.expect("connecting");
                sqlx::raw_sql(sql).execute(&mut connection).await.expect("running SQL");
                connection.close().await.expect("disconnecting");
            }
        }
    }

    /// The one number that a query answers.
    ///
    /// # Panics
    /// When it answers something else.
    pub async fn number(&self, sql: &str) -> i64 {
        let sql = AssertSqlSafe(sql);
        match self.kind() {
            Kind::Sqlite => {
                let mut connection =
                    SqliteConnection::connect(&self.url_to_write()).await.expect("connecting");
                let row = sqlx::query(sql).fetch_one(&mut connection).await.expect("running SQL");
                row.get(0)
            }
            Kind::Postgres => {
                let mut connection = PgConnection::connect(&self.url).await.expect("connecting");
                let row = sqlx::query(sql).fetch_one(&mut connection).await.expect("running SQL");
                row.get(0)
            }
        }
    }

    fn url_to_write(&self) -> String {
        format!("{}?mode=rwc", self.url)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        })
    }
}
