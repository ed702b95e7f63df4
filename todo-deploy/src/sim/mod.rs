//! The deployment in virtual time: a discrete-event simulation of users, balancer and instances.

pub mod dist;
pub mod queue;
pub mod rng;
