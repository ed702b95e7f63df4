//! Runs a test: threads, executors, the one VU loop, and what a VU asks for.
//!
//! Thread per core: each worker thread has its own event loop, its own VUs and its own recorder; threads share
//! nothing but a few counters. Executors differ only in when an iteration starts ([`closed`], [`open`]); the
//! iteration itself is always [`vu::VirtualUser::iterate`].

pub mod closed;
pub mod digest;
pub mod http;
pub mod js;
pub mod kill;
pub mod native;
pub mod ntlm;
pub mod open;
pub mod pool;
pub mod run;
pub mod shared;
pub mod vu;
pub mod wire_log;
pub mod worker;
