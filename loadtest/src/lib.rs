//! Virtual users that run k6's scripts unchanged, at a fraction of the cost, with numbers that can be trusted.
//!
//! Without features only the pure core is built: [`profile`] (load over time as a value) and [`pacer`] (when does
//! iteration *i* start). Neither knows a clock, socket, task or file. The feature `script` adds what reads scripts,
//! plans and options and runs their iterations dry; `cli` adds everything that opens sockets or prints.

pub mod duration;
pub mod pacer;
pub mod profile;

#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "script")]
pub mod config;
#[cfg(feature = "script")]
pub mod dry;
#[cfg(feature = "cli")]
pub mod engine;
#[cfg(feature = "cli")]
pub mod metrics;
#[cfg(feature = "cli")]
pub mod net;
#[cfg(feature = "cli")]
pub mod output;
#[cfg(feature = "script")]
pub mod plan;
#[cfg(feature = "script")]
pub mod source;
#[cfg(feature = "cli")]
pub mod timeline;
