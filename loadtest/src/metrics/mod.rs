//! Measurements: bounded in memory however long the run, mergeable between threads.

pub mod correct;
pub mod hist;
pub mod recorder;
pub mod registry;
pub mod series;
pub mod sink;
pub mod tags;
pub mod threshold;
pub mod totals;
