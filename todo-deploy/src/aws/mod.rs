//! A deployment on AWS: what should be there, what is there, and the calls that lead from one to the other.
//!
//! There is no state file and no lock. [`render`] turns a Deployment into resources (pure); [`observe`] finds by name
//! and tag what is there; [`plan`] compares the two (pure); [`apply`] sends the calls that the plan names, those that do
//! not depend on each other at the same time. Every step can be repeated: a run that was killed is finished by the next.

pub mod apply;
pub mod clients;
pub mod cloudformation;
pub mod failure;
pub mod leftovers;
pub mod logs;
pub mod names;
pub mod observe;
pub mod permissions;
pub mod plan;
pub mod preflight;
pub mod ready;
pub mod registry;
pub mod render;
pub mod resources;
pub mod revisions;
mod secret;
pub mod site;
pub mod stale;
pub mod status;
mod user_data;
pub mod value;
mod wait;

pub use clients::{Access, Cloud, Pace};
pub use failure::Failure;
pub use names::Names;
pub use site::Site;
pub(crate) use wait::Deadline;
