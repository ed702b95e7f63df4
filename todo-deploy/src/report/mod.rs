//! From a timeline to something to read. Nothing here decides or measures.

mod story;

pub use story::{datapoints, state, story, why_not};
