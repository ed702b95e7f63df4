//! What a test says when it is over, and while it runs: one file per form of output.

pub mod data;
pub mod html;
pub mod numbers;
pub mod samples;
pub mod text;
pub mod verdict;
