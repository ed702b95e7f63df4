//! Everything that can be set: one documented struct, each field a flag and an environment variable.
//!
//! [`Config`] is what was written; [`Config::database`] parses the part that can be wrong. clap never parses a value
//! that may hold a secret, because it repeats a bad value in its error.

#![expect(clippy::doc_markdown, reason = "the doc comments are the text of --help, which is no Markdown")]

mod database_url;
mod secret;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, ValueEnum};

pub use database_url::{DatabaseUrl, DatabaseUrlError, SqlitePlace};
pub use secret::Secret;

use crate::store::pool::Limits;

/// TaskOverflow's todo service: stateless, on SQLite or PostgreSQL.
///
/// Without any setting it listens on port 6400 and keeps its todos in todo.db in the working directory.
#[derive(Debug, Clone, Parser)]
#[command(name = "todo-api", version, max_term_width = 100, after_long_help = AFTER_HELP)]
pub struct Config {
    /// Address and port to listen on
    #[arg(long, env = "TODO_LISTEN", default_value = "0.0.0.0:6400", value_name = "ADDR:PORT")]
    pub listen: SocketAddr,

    /// Address and port of the Prometheus metrics; none are served without it
    ///
    /// A listener of its own, so that metrics are never public by accident.
    #[arg(long, env = "TODO_METRICS_LISTEN", value_name = "ADDR:PORT")]
    pub metrics_listen: Option<SocketAddr>,

    /// Name of this instance, sent as X-Instance-Id with every response [default: random]
    #[arg(long, env = "TODO_INSTANCE_ID", value_name = "NAME")]
    pub instance_id: Option<String>,

    /// Serve the files of this directory at / instead of the built-in page
    #[arg(long, env = "TODO_STATIC_DIR", value_name = "DIR")]
    pub static_dir: Option<PathBuf>,

    /// Threads that serve requests [default: one per CPU]
    #[arg(long, env = "TODO_WORKER_THREADS", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub worker_threads: Option<u16>,

    /// How log lines are written
    #[arg(long, env = "TODO_LOG_FORMAT", default_value = "auto", value_name = "FORMAT")]
    pub log_format: LogFormat,

    /// Which log lines are written: a level, or a filter such as todo_api=debug
    ///
    /// At `debug` every request is logged.
    #[arg(long, env = "TODO_LOG", default_value = "info", value_name = "FILTER")]
    pub log: String,

    /// Ask the service that listens on --listen whether it is healthy, and exit: 0 if so, otherwise 1
    ///
    /// For a container's HEALTHCHECK; nothing is served.
    #[arg(long)]
    pub check_health: bool,

    #[command(flatten)]
    pub database: DatabaseArgs,

    #[command(flatten)]
    pub limits: LimitArgs,

    #[command(flatten)]
    pub shutdown: ShutdownArgs,
}

/// Where the todos are kept.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Database")]
pub struct DatabaseArgs {
    /// The database [default: sqlite:todo.db]
    ///
    /// sqlite:FILE, sqlite::memory:, or postgresql://USER:PASSWORD@HOST:PORT/NAME. SQLAlchemy's forms
    /// (sqlite:///FILE, postgresql+psycopg2://…) are read too, and so is the practical's variable
    /// SQLALCHEMY_DATABASE_URI where DATABASE_URL is not set. For TLS to PostgreSQL add ?sslmode=verify-full
    /// and, for a private authority, &sslrootcert=FILE.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub database_url: Option<Secret>,

    /// The practical's name for DATABASE_URL
    #[arg(long, env = "SQLALCHEMY_DATABASE_URI", hide_env_values = true, hide = true, value_name = "URL")]
    pub sqlalchemy_database_uri: Option<Secret>,

    /// Read the database password from this file instead of the URL
    ///
    /// The file is read for every new connection, so that a rotated password needs no restart.
    #[arg(long, env = "TODO_DATABASE_PASSWORD_FILE", value_name = "FILE")]
    pub database_password_file: Option<PathBuf>,

    /// Most database connections that serve requests; the health check has one more
    ///
    /// The default lets twenty instances share a PostgreSQL server's usual 100 connections.
    #[arg(long, env = "TODO_POOL_SIZE", default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub pool_size: u16,

    /// Longest a request waits for a database connection before it is answered 503
    #[arg(long, env = "TODO_POOL_WAIT", default_value = "2s", value_name = "TIME", value_parser = duration)]
    pub pool_wait: Duration,

    /// Most requests that wait for a database connection; the next one is answered 503 at once
    #[arg(long, env = "TODO_POOL_QUEUE", default_value_t = 2048, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub pool_queue: u32,

    /// Longest attempt to connect to the database
    #[arg(long, env = "TODO_CONNECT_TIMEOUT", default_value = "2s", value_name = "TIME", value_parser = duration)]
    pub connect_timeout: Duration,

    /// A database connection older than this is replaced
    #[arg(long, env = "TODO_CONNECTION_LIFETIME", default_value = "30m", value_name = "TIME", value_parser = duration)]
    pub connection_lifetime: Duration,
}

/// What a client may ask for.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// Longest a request may take, its body included, before it is answered 503
    #[arg(long, env = "TODO_REQUEST_TIMEOUT", default_value = "10s", value_name = "TIME", value_parser = duration)]
    pub request_timeout: Duration,

    /// Largest request body in bytes; a larger one is answered 413
    #[arg(long, env = "TODO_BODY_LIMIT", default_value_t = 65_536, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(1..))]
    pub body_limit: u32,

    /// Most client connections at once; further ones wait to be accepted
    #[arg(long, env = "TODO_MAX_CONNECTIONS", default_value_t = 20_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub max_connections: u32,

    /// An idle connection is closed after this; longer than the load balancer's own idle timeout (ALB: 60 s)
    #[arg(long, env = "TODO_IDLE_TIMEOUT", default_value = "90s", value_name = "TIME", value_parser = duration)]
    pub idle_timeout: Duration,

    /// A client must have sent its request's head within this
    #[arg(long, env = "TODO_HEADER_TIMEOUT", default_value = "10s", value_name = "TIME", value_parser = duration)]
    pub header_timeout: Duration,

    /// A client that takes none of its response for this long is cut off
    #[arg(long, env = "TODO_WRITE_TIMEOUT", default_value = "30s", value_name = "TIME", value_parser = duration)]
    pub write_timeout: Duration,
}

/// How SIGTERM or SIGINT is followed; a second one ends the process at once.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Shutdown")]
pub struct ShutdownArgs {
    /// Keep serving for this long after SIGTERM, with the health check at 503
    ///
    /// Set it to the load balancer's interval times its unhealthy threshold where nothing deregisters the instance first.
    #[arg(long, env = "TODO_SHUTDOWN_DELAY", default_value = "0s", value_name = "TIME", value_parser = duration)]
    pub shutdown_delay: Duration,

    /// After the delay, requests in flight have this long to finish
    #[arg(long, env = "TODO_SHUTDOWN_DEADLINE", default_value = "25s", value_name = "TIME", value_parser = duration)]
    pub shutdown_deadline: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise
    Auto,
    Text,
    Json,
}

/// The database's settings, parsed.
#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    pub url: DatabaseUrl,
    pub password_file: Option<PathBuf>,
    pub limits: Limits,
    /// Nobody waits for a statement any longer than for the request that it serves.
    pub request_timeout: Duration,
}

impl Config {
    /// The database that was asked for: the flag, `DATABASE_URL`, `SQLALCHEMY_DATABASE_URI`, or a file beside us.
    pub fn database(&self) -> Result<DatabaseConfig, DatabaseUrlError> {
        let args = &self.database;
        let given = args.database_url.as_ref().or(args.sqlalchemy_database_uri.as_ref());
        let url = DatabaseUrl::parse(given.map_or(DEFAULT_DATABASE, Secret::expose))?;
        let limits = Limits {
            size: usize::from(args.pool_size),
            waiters: usize::try_from(args.pool_queue).unwrap_or(usize::MAX),
            wait: args.pool_wait,
            connect: args.connect_timeout,
            lifetime: args.connection_lifetime,
        };
        let (password_file, request_timeout) =
            (args.database_password_file.clone(), self.limits.request_timeout);
        Ok(DatabaseConfig { url, password_file, limits, request_timeout })
    }
}

const DEFAULT_DATABASE: &str = "sqlite:todo.db";

const AFTER_HELP: &str = "\
TIME is a number with a unit, such as 500ms, 10s or 5m.

Signals:  SIGTERM, SIGINT   stop: delay, drain, exit 0; a second one ends at once
Exit:     0 stopped as asked   1 could not start or serve   2 bad usage";

/// Reads `500ms`, `10s`, `1m 30s`; a bare number is refused because its unit is a guess.
fn duration(text: &str) -> Result<Duration, String> {
    let span: jiff::SignedDuration =
        text.parse().map_err(|_| String::from("use a number with a unit, such as 500ms, 10s or 5m"))?;
    Duration::try_from(span).map_err(|_| String::from("a time must not be negative"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Config::command().debug_assert();
    }

    #[test]
    fn help() {
        insta::assert_snapshot!(Config::command().term_width(100).render_long_help());
    }

    #[test]
    fn times() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2s"), Ok(Duration::from_secs(2)));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        for bad in ["5", "-1s", "soon", ""] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn no_secret_in_debug_or_errors() {
        let url = "postgresql://me:hunter2@db.example:5432/todo?sslmode=sideways";
        let config = Config::try_parse_from(["todo-api", "--database-url", url]).unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
        let error = config.database().unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}
