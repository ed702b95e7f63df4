//! Golden scripts (`scenarios/*.toml`: facts and a load in, the story out) and properties of any history.

mod changes;
mod driver;
mod golden;
mod properties;
mod vectors;
