//! From a timeline to something to read. Nothing here decides or measures.

mod chart;
mod comparison;
mod html;
pub(crate) mod story;
pub(crate) mod table;
mod text;

pub use comparison::comparison;
pub use html::page;
pub use story::{Line, Story, Tone, datapoints, state, story, why_not};
pub use text::text;

#[cfg(test)]
mod tests;
