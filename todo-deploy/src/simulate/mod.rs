//! What would this deployment do under this load: the scaling engine, unchanged, driven by the event queue of
//! [`crate::sim`] instead of a clock.
//!
//! This module holds no policy and no model: it translates a [`Deployment`] and a [`Plan`] into a scene, joins
//! the engine to the kernel, and gathers what happened. The same seed gives the same bytes on any machine.

mod control;
pub mod plan;
mod run;
mod scene;
pub mod slo;
pub mod variants;

use std::time::Duration;

pub use plan::Plan;
pub use run::{Errors, Minute, Run, Totals};

pub(crate) use scene::{credits as instance_credits, vcpus as instance_vcpus};

use crate::deployment::{Deployment, Target};
use crate::engine::{Config, Engine, Start};
use crate::pricing::Prices;
use crate::sim;
use crate::sim::dist::Dist;
use crate::time::Time;
use control::EngineControl;

/// What is not in the deployment or the load.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    pub seed: u64,
    /// CPU time of one request; none means the deployment's `model.service_time`, log-normal with cv 1.
    pub service_time: Option<Dist>,
    /// When to stop; none means long enough after the load for the group to come to rest.
    pub until: Option<Duration>,
    pub prices: Prices,
}

/// How long after the load's end a run goes on by itself: the practical's three scale-ins and their drains.
const AFTER_LOAD: Duration = Duration::from_secs(26 * 60);

/// Runs the load against the deployment in virtual time.
pub fn simulate(deployment: &Deployment, target: Target, plan: &Plan, options: &Options) -> Run {
    let end = options.until.unwrap_or_else(|| whole_minutes(plan.end) + AFTER_LOAD);
    let scene = scene::scene(deployment, target, plan, options, end);
    let engine = Engine::new(Config::new(deployment, target), Start::Settled, Time::ZERO);
    let mut control = EngineControl::new(engine);
    let outcomes = sim::run(&scene, &mut control);
    run::gather(deployment, target, plan, options, &scene, outcomes, control)
}

fn whole_minutes(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs().div_ceil(60) * 60)
}

#[cfg(test)]
mod tests;
