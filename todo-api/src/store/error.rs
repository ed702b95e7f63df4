//! What can go wrong between the service and its database, cut by what the caller can do about it.

use std::io;

use sqlx::error::DatabaseError;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Overload, not ill health: every connection was taken for as long as a request may wait.
    #[error("every database connection is busy")]
    Busy,
    /// The database cannot be reached, is starting, is stopping, or refuses work.
    #[error("the database is unavailable")]
    Unavailable(#[source] sqlx::Error),
    /// The database answered, and its answer is one that should not happen.
    #[error("the database refused a statement")]
    Failed(#[source] sqlx::Error),
}

impl StoreError {
    pub fn down(reason: &str) -> Self {
        Self::Unavailable(sqlx::Error::Io(io::Error::new(io::ErrorKind::NotConnected, reason)))
    }

    /// The same failure for another request that it also failed: its cause is with the first.
    pub(super) fn told(&self) -> Self {
        let shared = || sqlx::Error::Protocol(String::from("failed together with another request"));
        match self {
            Self::Busy => Self::Busy,
            Self::Unavailable(_) => Self::Unavailable(shared()),
            Self::Failed(_) => Self::Failed(shared()),
        }
    }

    /// Sorts an error of a statement or a connection.
    pub fn from_sqlx(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::PoolClosed
            | sqlx::Error::PoolTimedOut => Self::Unavailable(error),
            sqlx::Error::Database(refusal) => match refused(refusal.as_ref()) {
                Refusal::Busy => Self::Busy,
                Refusal::Unavailable => Self::Unavailable(error),
                Refusal::Unexpected => Self::Failed(error),
            },
            _ => Self::Failed(error),
        }
    }
}

enum Refusal {
    Busy,
    Unavailable,
    Unexpected,
}

fn refused(error: &dyn DatabaseError) -> Refusal {
    let code = error.code().unwrap_or_default();
    // SQLite's codes are numbers of one to four digits, the low byte being the primary code; PostgreSQL's SQLSTATEs
    // have five characters.
    if code.len() == 5 {
        return match &code[..2] {
            // Connection exception, insufficient resources, operator intervention, read-only during a failover.
            "08" | "53" | "57" | "25" => Refusal::Unavailable,
            // Not the schema we need (yet): another instance may be migrating.
            "42" if code == "42P01" => Refusal::Unavailable,
            _ => Refusal::Unexpected,
        };
    }
    match code.parse::<u32>().map(|code| code & 0xff) {
        // SQLITE_BUSY and SQLITE_LOCKED outlasted the busy timeout.
        Ok(5 | 6) => Refusal::Busy,
        // READONLY, IOERR, FULL, CANTOPEN
        Ok(8 | 10 | 13 | 14) => Refusal::Unavailable,
        _ => Refusal::Unexpected,
    }
}

/// Whether the server says that it ended the session before it did the statement (its shutdown or a failover), so
/// that even a write can safely be sent again: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
pub(super) fn session_was_ended(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    matches!(code.as_deref(), Some("57P01" | "57P02" | "57P03"))
}
