//! Everything a run is a function of: the load, the balancer, the instances, the seed.
//!
//! All times are nanoseconds. A scene is a plain value; it names no deployment file and no provider.

use crate::engine::Burst;
use crate::pick::Algorithm;
pub use crate::timeline::Failure;

use super::arrivals::{Rate, Spread};
use super::dist::Dist;
use super::queue::Nanos;
use super::ramp::Stage;

/// One second.
pub const SECOND: Nanos = 1_000_000_000;
/// One minute.
pub const MINUTE: Nanos = 60 * SECOND;

/// What is simulated.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// Two runs of the same scene with the same seed are the same to the last byte.
    pub seed: u64,
    /// When the run stops.
    pub end: Nanos,
    /// The kinds of request that loads refer to by number.
    pub endpoints: Vec<Endpoint>,
    /// Who asks; several at once are fine.
    pub loads: Vec<Load>,
    /// How requests find their target.
    pub balancer: BalancerModel,
    /// What every instance is like.
    pub instance: InstanceModel,
    /// How the balancer checks targets.
    pub probe: ProbeModel,
    /// What goes wrong, and when.
    pub faults: Vec<Fault>,
    /// Between two requests of all users together at least this long passes; zero is no limit.
    pub request_gap: Nanos,
    /// Network time between user and balancer, there and back: part of the response time, no load on anyone.
    pub round_trip: Nanos,
    /// How often the scaling engine is told what the instances did.
    pub sample_every: Nanos,
    /// How long a row of the result is; a multiple of `sample_every`.
    pub row_every: Nanos,
    /// Whether rows also tell of every single instance.
    pub instance_rows: bool,
}

/// A kind of request.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    /// For people.
    pub name: String,
    /// CPU time, on one vCPU at full speed. Less than [`DEMAND_MIN`] counts as that.
    pub demand: Dist,
    /// Time off the CPU, after it: the database, the network. The request counts as outstanding meanwhile.
    pub latency: Dist,
}

/// No request takes less CPU time (ns), so that virtual time always moves on.
pub const DEMAND_MIN: f64 = 1e3;

/// One group of users.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    /// When its clock starts.
    pub start: Nanos,
    /// How many, or how often.
    pub shape: Shape,
    /// What each does, again and again; without any step the load does nothing.
    pub iteration: Vec<Step>,
    /// How often.
    pub budget: Budget,
    /// An iteration that is done earlier waits until it is this old; zero is off.
    pub min_iteration: Nanos,
    /// How long a user who has to leave may go on with the iteration at hand.
    pub graceful_ramp_down: Nanos,
    /// The same at the end of the load, when it overrides a longer `graceful_ramp_down`.
    pub graceful_stop: Nanos,
}

/// The number of users, or the rate of their arrival.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// Closed: so many users, each waiting for its answers.
    Users { from: u32, stages: Vec<Stage> },
    /// Open: iterations start at a rate, whatever the answers.
    Arrivals {
        rate: Rate,
        spread: Spread,
        /// Iterations that would need more users at once are dropped, and counted.
        users_max: u32,
    },
}

/// How many iterations a load is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Budget {
    /// As many as fit into the time.
    #[default]
    Time,
    /// So many, which all users share (k6: `shared-iterations`).
    Shared(u64),
    /// So many by each user (k6: `per-vu-iterations`).
    Each(u64),
}

/// One thing a user does.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Sends the request with this number and waits for its answer.
    Request(usize),
    /// Sends all of these, so many at a time, and waits for all answers.
    Batch { endpoints: Vec<u16>, at_once: u32 },
    /// Does nothing for a while.
    Sleep(Dist),
    /// Goes on with one of these steps, each as likely as the others; none is itself a choice.
    Choose(Vec<u16>),
    /// Ends the iteration.
    End,
}

/// The load balancer. Modelled on the Application Load Balancer's documented behaviour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BalancerModel {
    /// Who gets the next request.
    pub algorithm: Algorithm,
    /// Fewer healthy targets, and requests go to all that are registered.
    pub healthy_min: u32,
    /// Without an answer after this time the balancer answers 504.
    pub timeout: Nanos,
    /// A connection that is not accepted for this long is answered 504.
    pub connect_timeout: Nanos,
    /// How long the share of a target that became healthy grows; zero is off. Round robin only.
    pub slow_start: Nanos,
    /// How long a client stays with its target; zero is off.
    pub sticky: Nanos,
    /// Users keep their cookies from one iteration to the next (k6: `noCookiesReset`).
    pub keeps_cookies: bool,
    /// A network balancer: a user's connection, not each request, is given to a target and stays there.
    pub per_connection: bool,
    /// What consistent hashing hashes: the user, or something that every request has anew.
    pub hash_requests: bool,
}

impl BalancerModel {
    /// Whether anything keeps a user at its target.
    #[must_use]
    pub const fn sticks(&self) -> bool {
        self.per_connection || self.sticky > 0
    }
}

impl Default for BalancerModel {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::RoundRobin,
            healthy_min: 1,
            timeout: 60 * SECOND,
            connect_timeout: 10 * SECOND,
            slow_start: 0,
            sticky: 0,
            keeps_cookies: false,
            per_connection: false,
            hash_requests: false,
        }
    }
}

/// An instance.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceModel {
    /// Its processors, or its share of one: 100 % of the CPU metric.
    pub vcpus: f64,
    /// What a burstable type earns and may keep; its vCPUs are the instance's.
    pub burst: Option<Burst>,
    /// Requests worked on at once; `usize::MAX` when the service does not limit them.
    pub concurrency: usize,
    /// Connections that wait beyond that.
    pub backlog: usize,
    /// From the order to launch until it runs and is registered.
    pub launch: Dist,
    /// From then until the service answers.
    pub boot: Dist,
    /// vCPUs used while booting.
    pub boot_cpu: f64,
}

impl Default for InstanceModel {
    fn default() -> Self {
        Self {
            vcpus: 1.0,
            burst: None,
            concurrency: usize::MAX,
            backlog: 0,
            launch: Dist::ZERO,
            boot: Dist::ZERO,
            boot_cpu: 0.0,
        }
    }
}

/// Health checks as the balancer makes them: on a fixed clock from registration on.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbeModel {
    /// From one check to the next.
    pub interval: Nanos,
    /// A check not answered by then has failed.
    pub timeout: Nanos,
    /// CPU time that answering takes. Checks share the processor with requests, so that an instance that is
    /// swamped misses them.
    pub demand: Dist,
    /// The status with which the service answers, where that is one that the check does not accept: no
    /// instance ever passes.
    pub refused_with: Option<u16>,
}

impl Default for ProbeModel {
    fn default() -> Self {
        Self { interval: 10 * SECOND, timeout: 5 * SECOND, demand: Dist::Constant(100e3), refused_with: None }
    }
}

/// Something that goes wrong with instances that serve; the longest running ones are hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// When.
    pub at: Nanos,
    /// What.
    pub what: Failure,
    /// With how many; all, when there are fewer.
    pub instances: u32,
    /// When it is over; none means never. An instance that is lost does not come back.
    pub lasts: Option<Nanos>,
}
