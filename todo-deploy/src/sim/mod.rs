//! The deployment in virtual time: a discrete-event simulation of users, balancer and instances.

pub mod arrivals;
pub mod credit;
pub mod dist;
pub mod histogram;
pub mod queue;
pub mod ramp;
pub mod rng;
pub mod station;
