//! From a timeline to something to read. Nothing here decides or measures.

mod chart;
mod comparison;
mod html;
mod story;
mod table;
mod text;

pub use comparison::comparison;
pub use html::page;
pub use story::{datapoints, state, story, why_not};
pub use text::text;

#[cfg(test)]
mod tests;
