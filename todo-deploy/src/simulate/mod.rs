//! What would this deployment do under this load: the scaling engine, unchanged, driven by the event queue of
//! [`crate::sim`] instead of a clock.
//!
//! This module holds no policy and no model: it has the kernel run a [`Deployment`] under a [`Plan`] and gathers
//! what happened. The same seed gives the same bytes on any machine.

pub mod calibration;
pub mod faults;
pub(crate) mod group;
mod model;
mod never;
pub mod plan;
pub mod requests;
mod run;
mod seen;
pub mod slo;
pub mod variants;

use std::time::Duration;

pub use never::two_digits;
pub use plan::Plan;
use requests::{CostRule, RequestKind};
pub use run::{Errors, Minute, Run, Totals};

use crate::deployment::{Deployment, LoadEnds, Target};
use crate::engine::Start;
use crate::pricing::Prices;
use crate::sim::deployed::{self, Workload};
use crate::sim::dist::Dist;
use crate::sim::queue::nanos;
use crate::sim::scene::{Endpoint, Fault};

/// What is not in the deployment or the load.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    pub seed: u64,
    /// CPU time of one request; none means the deployment's `model.service_time`, log-normal with cv 1.
    pub service_time: Option<Dist>,
    /// CPU time of single requests; the first that fits counts.
    pub service_times: Vec<CostRule>,
    /// When to stop; none means long enough after the load for the group to come to rest.
    pub until: Option<Duration>,
    pub prices: Prices,
    /// What goes wrong on the way.
    pub faults: Vec<Fault>,
}

impl Default for Options {
    /// Everything as the deployment says, with seed 1.
    fn default() -> Self {
        Self {
            seed: 1,
            service_time: None,
            service_times: Vec::new(),
            until: None,
            prices: Prices::default(),
            faults: Vec::new(),
        }
    }
}

/// How long after the load's end a run goes on by itself: the practical's three scale-ins and their drains.
const AFTER_LOAD: Duration = Duration::from_secs(26 * 60);

/// Runs the load against the deployment in virtual time.
pub fn simulate(deployment: &Deployment, target: Target, plan: &Plan, options: &Options) -> Run {
    let end = options.until.unwrap_or_else(|| whole_minutes(plan.end) + AFTER_LOAD);
    let model = &deployment.model;
    let endpoint = |kind: &RequestKind| Endpoint {
        name: kind.label(),
        demand: kind.service_time(&options.service_times, options.service_time.as_ref(), model),
        latency: Dist::ZERO,
    };
    let mut loads = plan.loads.clone();
    if model.load_ends == LoadEnds::AtOnce {
        loads.iter_mut().for_each(|load| load.graceful_stop = 0);
    }
    let workload = Workload {
        endpoints: plan.requests.iter().map(endpoint).collect(),
        request_gap: nanos(plan.request_gap),
        loads,
        faults: options.faults.clone(),
        end: nanos(end),
        seed: options.seed,
    };
    let simulation = deployed::simulate(deployment, target, Start::Settled, workload);
    run::gather(deployment, target, plan, options, simulation)
}

fn whole_minutes(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs().div_ceil(60) * 60)
}

#[cfg(test)]
mod tests;
