//! What a test is asked to do: options from every source, merged by precedence, parsed once, then only values.
//!
//! Precedence, lowest first: defaults, config file, script options, `K6_*` variables, flags.

pub mod fields;
#[cfg(feature = "cli")]
pub mod inspect;
pub mod layers;
#[cfg(feature = "cli")]
pub mod local_ips;
#[cfg(feature = "cli")]
pub mod network;
#[cfg(feature = "cli")]
pub mod options;
pub mod scenarios;

#[cfg(feature = "cli")]
pub use options::Options;
pub use scenarios::ScenarioSpec;
