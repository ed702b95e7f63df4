//! Scale out a stateless service: describe it once, then run it on AWS, on this machine, or in virtual time.
//!
//! The core (`deployment`, `time`, `timeline`, `engine`) holds no clock, socket, task, file or random number.

#[cfg(feature = "aws")]
pub mod aws;
pub mod balancer;
pub mod check;
pub mod cli;
pub mod dashboard;
pub mod deployment;
pub mod engine;
pub mod local;
pub mod pick;
pub mod pricing;
pub mod report;
pub mod sim;
pub mod simulate;
pub mod status;
pub mod time;
pub mod timeline;
