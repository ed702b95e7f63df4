//! The deployment in virtual time: a discrete-event simulation of users, balancer and instances.

pub mod arrivals;
pub mod autoscaler;
mod balancer;
pub mod control;
pub mod credit;
pub mod deployed;
pub mod dist;
pub mod histogram;
mod instance;
pub mod measure;
pub mod queue;
pub mod ramp;
pub mod rng;
pub mod scene;
pub mod station;
mod world;

pub use world::{Outcomes, run};
#[cfg(test)]
mod tests;
