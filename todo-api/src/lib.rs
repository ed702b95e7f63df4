//! TaskOverflow's todo service: stateless, on SQLite or PostgreSQL.
//!
//! Read [`mod@app`] for the routes, [`mod@todo`] for the contract's rules, [`store`] for the database, [`net`] for the
//! sockets; [`run()`] puts them together.

pub mod app;
pub mod config;
pub mod envelope;
pub mod error;
pub mod extract;
pub mod lifecycle;
pub mod metrics;
pub mod net;
pub mod routes;
pub mod store;
pub mod telemetry;
mod throttle;
pub mod todo;

mod checkup;
mod run;

pub use checkup::check_health;
pub use run::{app, run};

use std::hash::{BuildHasher, RandomState};

use todo::Moment;

/// The system's clock, for [`app::App::clock`].
pub fn system_clock() -> Moment {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the date")]
    Moment::from(jiff::Timestamp::now())
}

/// A number that differs between processes, for names; not for secrets.
pub(crate) fn random_u64() -> u64 {
    RandomState::new().hash_one(std::process::id())
}
