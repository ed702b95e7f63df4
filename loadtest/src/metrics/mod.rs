//! Measurements: bounded in memory however long the run, mergeable between threads.

pub mod hist;
pub mod sink;
pub mod threshold;
