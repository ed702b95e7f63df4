//! Database URLs as people have them: our own, libpq's, and SQLAlchemy's with its `+driver` and slash rules.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use sqlx::postgres::PgConnectOptions;

/// A database that can be opened. Its `Debug` and `Display` hold no password.
#[derive(Clone)]
pub enum DatabaseUrl {
    Sqlite(SqlitePlace),
    Postgres(Box<PgConnectOptions>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SqlitePlace {
    Memory,
    /// Relative to the working directory unless absolute.
    File(PathBuf),
}

/// Why a URL cannot be used. Never repeats the URL, which may hold a password.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlError {
    #[error(
        "the database URL has no known scheme: use sqlite:FILE, sqlite::memory: or \
         postgresql://USER:PASSWORD@HOST:PORT/NAME"
    )]
    Scheme,
    #[error(
        "the sqlite URL has an unknown option {0:?}: only mode=rwc and mode=memory are understood; \
         write sqlite:FILE"
    )]
    SqliteOption(String),
    #[error(
        "the postgresql URL cannot be read ({0}): use \
         postgresql://USER:PASSWORD@HOST:PORT/NAME?sslmode=MODE&sslrootcert=FILE, with special characters in the \
         password percent-encoded (@ is %40, / is %2F)"
    )]
    Postgres(String),
}

impl DatabaseUrl {
    pub fn parse(text: &str) -> Result<Self, DatabaseUrlError> {
        let text = text.trim();
        let (scheme, rest) = text.split_once(':').ok_or(DatabaseUrlError::Scheme)?;
        // SQLAlchemy names the Python driver in the scheme: postgresql+psycopg2.
        let dialect = scheme.split('+').next().unwrap_or_default().to_ascii_lowercase();
        match dialect.as_str() {
            "sqlite" => sqlite(rest).map(Self::Sqlite),
            "postgres" | "postgresql" => postgres(rest),
            _ => Err(DatabaseUrlError::Scheme),
        }
    }
}

/// `sqlite:FILE`, `sqlite::memory:`, sqlx's `sqlite://FILE` and SQLAlchemy's `sqlite:///FILE`, `sqlite:////ABSOLUTE`,
/// `sqlite:///:memory:` and `sqlite://`.
fn sqlite(rest: &str) -> Result<SqlitePlace, DatabaseUrlError> {
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let path = path.strip_prefix("///").or_else(|| path.strip_prefix("//")).unwrap_or(path);
    let mut memory = matches!(path, "" | ":memory:");
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        match (&*key, &*value) {
            ("mode", "rwc") => {}
            ("mode", "memory") => memory = true,
            _ => return Err(DatabaseUrlError::SqliteOption(format!("{key}={value}"))),
        }
    }
    if memory {
        return Ok(SqlitePlace::Memory);
    }
    Ok(SqlitePlace::File(PathBuf::from(percent_decode_str(path).decode_utf8_lossy().as_ref())))
}

fn postgres(rest: &str) -> Result<DatabaseUrl, DatabaseUrlError> {
    match PgConnectOptions::from_str(&format!("postgresql:{rest}")) {
        Ok(options) => Ok(DatabaseUrl::Postgres(Box::new(options))),
        Err(error) => Err(DatabaseUrlError::Postgres(reason(&error, rest))),
    }
}

/// The parser's own words, unless they repeat a part of the URL that may be secret.
fn reason(error: &sqlx::Error, rest: &str) -> String {
    let text = error.to_string();
    let secret = rest.rsplit_once('@').map_or("", |(credentials, _)| credentials);
    let secret = secret.rsplit_once(':').map_or(secret, |(_, password)| password);
    if !secret.is_empty() && text.contains(secret) { String::from("malformed") } else { text }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(SqlitePlace::Memory) => f.write_str("sqlite::memory:"),
            Self::Sqlite(SqlitePlace::File(path)) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(options) => write!(
                f,
                "postgresql://{}@{}:{}/{}",
                options.get_username(),
                options.get_host(),
                options.get_port(),
                options.get_database().unwrap_or_default()
            ),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, expect: &str) {
        let shown = DatabaseUrl::parse(url).map_or_else(|error| error.to_string(), |url| url.to_string());
        assert!(shown.starts_with(expect), "{url:?} gives {shown:?}");
    }

    #[test]
    fn every_form() {
        check("sqlite:todo.db", "sqlite:todo.db");
        check("sqlite::memory:", "sqlite::memory:");
        check("sqlite://todo.db", "sqlite:todo.db");
        check("sqlite:///db.sqlite", "sqlite:db.sqlite");
        check("sqlite:////var/lib/todo.db", "sqlite:/var/lib/todo.db");
        check("sqlite:/var/lib/todo.db", "sqlite:/var/lib/todo.db");
        check("sqlite:///:memory:", "sqlite::memory:");
        check("sqlite://", "sqlite::memory:");
        check("sqlite:a%20b.db?mode=rwc", "sqlite:a b.db");
        check("sqlite:a.db?cache=shared", "the sqlite URL has an unknown option");
        check(
            "postgresql://administrator:verySecretPassword@database:5432/todo",
            "postgresql://administrator@database:5432/todo",
        );
        check("postgres://me:p%40ss%2F@h/db", "postgresql://me@h:5432/db");
        check("postgresql+psycopg2://me:x@h:6000/db", "postgresql://me@h:6000/db");
        check("postgresql+psycopg://me:x@h/db?sslmode=require", "postgresql://me@h:5432/db");
        check("mysql://h/db", "the database URL has no known scheme");
        check("todo.db", "the database URL has no known scheme");
        check("", "the database URL has no known scheme");
        check("postgresql://me:x@h:port/db", "the postgresql URL cannot be read");
        check("postgresql://me:x@h/db?sslmode=sideways", "the postgresql URL cannot be read");
    }
}
