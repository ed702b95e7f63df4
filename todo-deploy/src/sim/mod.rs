//! The deployment in virtual time: a discrete-event simulation of users, balancer and instances.
//!
//! A run is a function of a [`scene::Scene`] and a [`control::Control`]ler: no clock, task, socket or file, and
//! no mathematics but exact IEEE operations and `libm`, so the same seed gives the same bytes on any machine.
//!
//! # What is modelled
//! - *Users* ([`scene::Load`]): closed loads whose users come and go as in k6's `ramping-vus`, and open ones
//!   whose iterations start at a rate; requests, parallel batches and sleeps in any order; graceful stops.
//! - *The balancer* ([`crate::pick`]): the routing algorithms themselves, stickiness, slow start, fail-open,
//!   draining, timeouts; 502, 503 and 504 by cause ([`measure::Outcome`]).
//! - *Instances* ([`station`], [`credit`]): processor sharing at the speed of their vCPU share and CPU credits,
//!   limits on concurrency with a listen queue, launch and boot; health checks that share the processor.
//! - *The result* ([`measure::Row`]): counts, percentiles and exact integrals by period, from which the laws of
//!   queueing theory can be checked; `tests` does so.
//!
//! # What is not
//! Packets and bandwidth; TLS; connection pools and keep-alive (each user has one connection, and it works);
//! retries by client or balancer; caches that warm up; the database, except as [`scene::Endpoint::latency`];
//! instances that fail other than by a [`scene::Fault`].
//!
//! # Cost
//! Two events per request, each O(log n) in the requests at one instance and the number of instances, and
//! nothing per unit of time but samples and health checks: cost follows events. Memory follows users, pending
//! events and rows, not time. `cargo bench --bench kernel` measures it.

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
