//! What a test is asked to do: options from every source, merged by precedence, parsed once, then only values.
//!
//! Precedence, lowest first: defaults, config file, script options, `K6_*` variables, flags.

pub mod fields;
pub mod inspect;
pub mod layers;
pub mod network;
pub mod options;
pub mod scenarios;

pub use options::Options;
pub use scenarios::ScenarioSpec;
