//! The harness of the end-to-end tests: databases, the service in this process or as a process of its own, a client.
//!
//! A test takes a [`Database`], starts a [`Service`] or [`Process`] on it, and talks to it through [`Api`], to which
//! both dereference. Whatever is started is ended when its value is dropped, and when this process is killed.
//! Nothing here sleeps and hopes: waiting is [`eventually`], with a deadline.

mod api;
pub mod aws;
pub mod chromium;
mod clock;
mod database;
mod hands;
mod link;
mod load;
mod local;
mod postgres;
mod process;
mod service;
mod skip;
mod wait;
mod watchdog;

pub use api::{Answer, Api};
pub use clock::{set_clock, test_clock};
pub use database::{Database, Kind};
pub use link::Link;
pub use load::Load;
pub use local::{Local, instances, is_alive, todo_api_program, todo_deploy, up_and_down};
pub use postgres::OwnPostgres;
pub use process::{Process, free_address, todo_api};
pub use rustix::process::Signal;
pub use service::Service;
pub use skip::skipped;
pub use wait::{eventually, within};
pub use watchdog::Watchdog;
